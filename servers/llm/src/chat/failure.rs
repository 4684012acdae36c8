//! Why a provider gave no answer, or only the beginning of one.

use std::time::Duration;

/// The most of a provider's own words that a failure repeats.
pub const MESSAGE_CHARACTERS_MAX: usize = 1_000;
/// A provider may not make us wait longer than this with its `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a provider gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure, the same words for every provider.
    pub kind: FailureKind,
    /// What happened, in the provider's words where they are fit to be shown.
    pub message: String,
    /// The status of its HTTP answer.
    pub status: Option<u16>,
    /// Its own name for the failure.
    pub code: Option<String>,
    /// When it wants to be asked again.
    pub retry_after: Option<Duration>,
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The prompt has more tokens than the model's context.
    PromptTooLong,
    /// The request is wrong in another way.
    Invalid,
    /// The provider does not accept its key.
    Key,
    /// The provider's key may not do this.
    Forbidden,
    /// We do not know the caller's own key.
    Unknown,
    /// The owner's rules forbid it to the caller, whatever the provider would say.
    NotAllowed,
    /// There is no such model, or no such address.
    NotFound,
    /// Too many requests or tokens in a while.
    RateLimited,
    /// No money left.
    Exhausted,
    /// The provider has more to do than it can.
    Overloaded,
    /// The provider's filter refused prompt or answer.
    Filtered,
    /// It took too long.
    TimedOut,
    /// Anything that went wrong at the provider.
    Broken,
    /// The answer ended in the middle.
    Cut,
    /// The answer is not what the dialect says it is.
    Malformed,
}

impl Failure {
    /// A failure of this kind, in these words.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let message = shown(&message.into());
        Self { kind, message, status: None, code: None, retry_after: None }
    }

    /// The answer stopped before its end.
    #[must_use]
    pub fn cut() -> Self {
        Self::new(
            FailureKind::Cut,
            "the provider's answer ended in the middle; what came is kept, ask again for the rest",
        )
    }

    /// With the status that it came with.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// With the provider's own name for it.
    #[must_use]
    pub fn with_code(self, code: Option<String>) -> Self {
        Self { code: code.map(|code| shown(&code)), ..self }
    }

    /// With the wait that the provider asks for, a day at most.
    #[must_use]
    pub fn with_retry_after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait.map(|wait| wait.min(RETRY_AFTER_MAX)), ..self }
    }

    /// With every place where `secret` stands blotted out, for providers that repeat what they were sent.
    #[must_use]
    pub fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() && self.message.contains(secret) {
            self.message = self.message.replace(secret, "…");
        }
        self
    }

    /// Whether the same request may succeed later, or elsewhere.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        use FailureKind::{Broken, Cut, Malformed, Overloaded, RateLimited, TimedOut};
        matches!(self.kind, RateLimited | Overloaded | TimedOut | Broken | Cut | Malformed)
    }

    /// The HTTP status that tells a caller of ours about it.
    #[must_use]
    pub fn status_for_callers(&self) -> u16 {
        match self.kind {
            FailureKind::PromptTooLong | FailureKind::Invalid | FailureKind::Filtered => 400,
            FailureKind::Unknown => 401,
            FailureKind::NotAllowed => 403,
            FailureKind::NotFound => 404,
            FailureKind::RateLimited | FailureKind::Exhausted => 429,
            FailureKind::Overloaded => 503,
            FailureKind::TimedOut => 504,
            // The provider refuses our key, not the caller's: to the caller that is a broken provider.
            FailureKind::Key | FailureKind::Forbidden => 502,
            FailureKind::Broken | FailureKind::Cut | FailureKind::Malformed => 502,
        }
    }
}

/// Words from outside: bounded, and without control characters, which a terminal would obey.
fn shown(words: &str) -> String {
    let tame = |character: char| if character.is_control() { ' ' } else { character };
    let mut shown: String = words.chars().take(MESSAGE_CHARACTERS_MAX).map(tame).collect();
    if words.chars().nth(MESSAGE_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_providers_are_bounded_and_tame() {
        let exact = "a".repeat(MESSAGE_CHARACTERS_MAX);
        assert_eq!(Failure::new(FailureKind::Broken, exact.clone()).message, exact);
        assert_eq!(Failure::new(FailureKind::Broken, format!("{exact}b")).message, format!("{exact}…"));
        assert_eq!(Failure::new(FailureKind::Broken, "a\x1b[2Jb\nc").message, "a [2Jb c");
    }

    #[test]
    fn a_secret_is_blotted_out() {
        let failure = Failure::new(FailureKind::Invalid, "bad header: Bearer sk-secret-1");
        assert_eq!(failure.clone().without("sk-secret-1").message, "bad header: Bearer …");
        assert_eq!(failure.clone().without(""), failure);
    }

    #[test]
    fn nobody_makes_us_wait_for_longer_than_a_day() {
        let wait = |seconds| {
            let failure = Failure::new(FailureKind::RateLimited, "");
            failure.with_retry_after(Some(Duration::from_secs(seconds))).retry_after
        };
        assert_eq!(wait(86_400), Some(RETRY_AFTER_MAX));
        assert_eq!(wait(86_401), Some(RETRY_AFTER_MAX));
        assert_eq!(wait(5), Some(Duration::from_secs(5)));
    }
}
