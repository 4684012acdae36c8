//! An answer that is passed on as it comes, because client and provider speak the same dialect. Its usage is read on the
//! way; nothing is held back but a line that has not come whole.

use bytes::Bytes;
use drawbridge_contract::ExchangeReply;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use crate::chat::{Failure, FailureKind, OwnToolUses, Usage};
use crate::models::{Admitted, Unanswered};
use crate::provider::Sent;
use crate::wire::{self, ClientDialect, LineTooLong, ProviderDialect, Tap, heard_of_whole, relay_whole};

/// The largest answer that comes as one body.
const BODY_BYTES_MAX: usize = 32 << 20;

/// An answer on its way. Dropped, the provider's connection is closed, the turn is the next one's, and what came is
/// counted.
pub(super) struct Relay {
    sent: Sent,
    reading: Reading,
    client: ClientDialect,
    /// Taken when it is settled.
    admitted: Option<Admitted>,
    prompt_tokens: u64,
    ended: bool,
}

/// How what is passed on is read.
enum Reading {
    /// Chat completions, of which usage is left out that the client did not ask for.
    Chat(wire::Relay),
    /// Any other dialect, of which nothing is left out.
    Whole(Tap),
}

impl Reading {
    fn push(&mut self, chunk: Bytes) -> Result<Bytes, LineTooLong> {
        match self {
            Self::Chat(relay) => relay.push(chunk),
            Self::Whole(tap) => {
                tap.push(&chunk);
                Ok(chunk)
            }
        }
    }

    fn finish(&mut self) -> Bytes {
        match self {
            Self::Chat(relay) => relay.finish(),
            Self::Whole(tap) => {
                tap.finish();
                Bytes::new()
            }
        }
    }

    fn failure_at_end(&self) -> Option<Failure> {
        match self {
            Self::Chat(relay) => relay.failure_at_end(),
            Self::Whole(tap) => tap.failure_at_end(),
        }
    }

    fn own_tools(&self) -> OwnToolUses {
        match self {
            // It tells nothing of them.
            Self::Chat(_) => OwnToolUses::default(),
            Self::Whole(tap) => tap.own_tools().clone(),
        }
    }

    fn usage(&self) -> (Option<Usage>, u64) {
        match self {
            Self::Chat(relay) => (relay.usage(), relay.estimated_completion_tokens()),
            Self::Whole(tap) => (tap.usage(), tap.estimated_completion_tokens()),
        }
    }
}

impl Relay {
    /// Of an answer to `client`, who speaks as the provider does.
    pub(super) fn new(
        admitted: Admitted,
        sent: Sent,
        prompt_tokens: u64,
        client: ClientDialect,
        hides_usage: bool,
    ) -> Self {
        let reading = match client {
            ClientDialect::OpenAiChat => Reading::Chat(wire::Relay::new(None, hides_usage)),
            ClientDialect::OpenAiResponses => Reading::Whole(Tap::new(ProviderDialect::OpenAiResponses)),
            ClientDialect::Anthropic => Reading::Whole(Tap::new(ProviderDialect::Anthropic)),
        };
        Self { sent, reading, client, admitted: Some(admitted), prompt_tokens, ended: false }
    }

    /// The body as the client gets it.
    pub(super) fn into_stream(self) -> BoxStream<'static, Bytes> {
        stream::unfold(self, |mut relay| async { relay.next().await.map(|bytes| (bytes, relay)) }).boxed()
    }

    async fn next(&mut self) -> Option<Bytes> {
        while !self.ended {
            let passed = match self.sent.chunk().await {
                Ok(Some(chunk)) => self.pass(chunk),
                Ok(None) => self.end(),
                Err(failure) => self.fail(failure),
            };
            if !passed.is_empty() {
                return Some(passed);
            }
        }
        None
    }

    fn pass(&mut self, chunk: Bytes) -> Bytes {
        if let Some(turn) = self.admitted.as_ref().and_then(|admitted| admitted.turn.as_ref()) {
            turn.answered();
        }
        match self.reading.push(chunk) {
            Ok(passed) => passed,
            Err(error) => self.fail(Failure::new(FailureKind::Malformed, error.to_string())),
        }
    }

    /// What is left when the provider has said all; a client whose answer was cut is told so.
    fn end(&mut self) -> Bytes {
        self.ended = true;
        let rest = self.reading.finish();
        match self.reading.failure_at_end() {
            Some(failure) if failure.kind == FailureKind::Cut => [rest, self.fail(failure)].concat().into(),
            _ => rest,
        }
    }

    /// Tells the client in the words of the dialect that this is not the whole answer.
    fn fail(&mut self, failure: Failure) -> Bytes {
        self.ended = true;
        let failure = match &self.admitted {
            Some(admitted) => admitted.target.provider.named(failure),
            None => failure,
        };
        tracing::info!(%failure, "an answer broke off");
        self.client.encode_failure_event(&failure).into()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let Some(admitted) = self.admitted.take() else { return };
        let (counted, tokens) = self.reading.usage();
        let estimated = Usage::of(self.prompt_tokens, tokens);
        let own_tools = self.reading.own_tools();
        admitted.reservation.settle_with(&counted.unwrap_or(estimated), &own_tools, counted.is_none());
    }
}

/// A whole answer, passed on as it is.
///
/// # Errors
/// [`Unanswered`] when it breaks off, or is no JSON object; what it may have cost counts all the same.
pub(super) async fn whole(
    admitted: Admitted,
    sent: Sent,
    prompt_tokens: u64,
    client: ClientDialect,
) -> Result<ExchangeReply, Unanswered> {
    let Admitted { target, turn, reservation } = admitted;
    if let Some(turn) = &turn {
        turn.answered();
    }
    let read = sent.whole(BODY_BYTES_MAX).await.and_then(|body| Ok((heard_of(&body, client)?, body)));
    let ((usage, own_tools), body) = match read {
        Ok(answer) => answer,
        // Nobody knows what was generated; the prompt was read.
        Err(failure) => {
            reservation.settle(&Usage::of(prompt_tokens, 0), true);
            return Err(target.provider.named(failure).into());
        }
    };
    // Where the provider does not say: as much as the body could be, rather too much than too little.
    let estimated = Usage::of(prompt_tokens, body.len() as u64 / 4);
    reservation.settle_with(&usage.unwrap_or(estimated), &own_tools, usage.is_none());
    Ok(ExchangeReply::json(200, body))
}

/// What a whole answer says of its usage, and of tools that the provider ran.
fn heard_of(body: &Bytes, client: ClientDialect) -> Result<(Option<Usage>, OwnToolUses), Failure> {
    match client {
        ClientDialect::OpenAiChat => {
            relay_whole(body, None).map(|(_, usage)| (usage, OwnToolUses::default()))
        }
        ClientDialect::OpenAiResponses => heard_of_whole(body, ProviderDialect::OpenAiResponses),
        ClientDialect::Anthropic => heard_of_whole(body, ProviderDialect::Anthropic),
    }
}
