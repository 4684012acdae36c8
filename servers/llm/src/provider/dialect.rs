//! Which dialect each kind of provider is spoken to in, and where that begins behind its address.

use crate::settings::ProviderKind;
use crate::wire::{ClientDialect, ProviderDialect};

/// A dialect, and the path that stands before every path of it.
pub(crate) type Spoken = (ProviderDialect, &'static str);

/// What a kind is asked in.
pub(super) fn of(kind: ProviderKind) -> Spoken {
    match kind {
        ProviderKind::OpenAi => (ProviderDialect::OpenAiChat, "/v1/"),
        ProviderKind::OpenAiResponses => (ProviderDialect::OpenAiResponses, "/v1/"),
        ProviderKind::Compatible => (ProviderDialect::Compatible, "/v1/"),
        ProviderKind::LlamaCpp => (ProviderDialect::LlamaCpp, "/v1/"),
        ProviderKind::Anthropic => (ProviderDialect::Anthropic, "/v1/"),
        ProviderKind::Gemini => (ProviderDialect::Gemini, "/v1beta/"),
        ProviderKind::Ollama => (ProviderDialect::Ollama, "/api/"),
        ProviderKind::LmStudio => (ProviderDialect::LmStudioV0, "/api/v0/"),
        ProviderKind::LmStudioV1 => (ProviderDialect::LmStudioV1, "/api/v1/"),
    }
}

/// What a kind is asked in by a client that speaks the same, so that nothing has to be translated: `at_home` says whether
/// it is where it usually is, because others who speak one of OpenAI's dialects need not speak the other.
pub(super) fn native(kind: ProviderKind, client: ClientDialect, at_home: bool) -> Option<Spoken> {
    use ProviderKind::{Anthropic, Compatible, LlamaCpp, LmStudio, OpenAi, OpenAiResponses};
    match (client, kind) {
        (ClientDialect::OpenAiChat, OpenAi | Compatible | LlamaCpp | LmStudio)
        | (ClientDialect::OpenAiResponses, OpenAiResponses)
        | (ClientDialect::Anthropic, Anthropic) => Some(of(kind)),
        (ClientDialect::OpenAiChat, OpenAiResponses) if at_home => Some(of(OpenAi)),
        (ClientDialect::OpenAiResponses, OpenAi) if at_home => Some(of(OpenAiResponses)),
        _ => None,
    }
}

/// What a kind is told in to load and unload models: LM Studio has that in its v1 alone.
pub(super) fn for_memory(kind: ProviderKind) -> Spoken {
    match kind {
        ProviderKind::LmStudio => of(ProviderKind::LmStudioV1),
        kind => of(kind),
    }
}

/// What a kind is asked for vectors in: LM Studio's v1 makes none.
pub(super) fn for_vectors(kind: ProviderKind) -> Spoken {
    match kind {
        ProviderKind::LmStudioV1 => of(ProviderKind::LmStudio),
        kind => of(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openai_speaks_both_of_its_dialects_and_others_the_one_they_were_configured_for() {
        let native = |kind, client, at_home| native(kind, client, at_home).map(|(dialect, _)| dialect);
        let (chat, responses) = (ClientDialect::OpenAiChat, ClientDialect::OpenAiResponses);
        assert_eq!(native(ProviderKind::OpenAi, responses, true), Some(ProviderDialect::OpenAiResponses));
        assert_eq!(native(ProviderKind::OpenAi, responses, false), None);
        assert_eq!(native(ProviderKind::OpenAiResponses, chat, true), Some(ProviderDialect::OpenAiChat));
        assert_eq!(native(ProviderKind::Compatible, responses, true), None);
        for kind in ProviderKind::ALL.map(|(kind, ..)| kind) {
            let wanted = (kind == ProviderKind::Anthropic).then_some(ProviderDialect::Anthropic);
            assert_eq!(native(kind, ClientDialect::Anthropic, true), wanted);
        }
    }
}
