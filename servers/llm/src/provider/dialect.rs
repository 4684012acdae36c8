//! Which dialect each kind of provider is spoken to in, and where that begins behind its address.

use crate::settings::ProviderKind;
use crate::wire::ProviderDialect;

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
