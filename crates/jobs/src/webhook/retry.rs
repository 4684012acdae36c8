//! What to do about an answer, decided purely.

use crate::Backoff;
use crate::machine::BACKOFF_MS_MAX;

/// How often a delivery is tried, and how long to wait between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retrying {
    /// How many attempts there may be, the first one included.
    pub attempts_max: u32,
    /// How long to wait between them.
    pub backoff: Backoff,
}

impl Default for Retrying {
    /// Fifteen attempts within about five hours: 5 s, 10 s, 20 s … up to an hour, up to a fifth shorter.
    fn default() -> Self {
        Self { attempts_max: 15, backoff: Backoff::default() }
    }
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Went {
    /// It was answered.
    Answered {
        /// HTTP's status.
        status: u16,
        /// When the receiver wants to be asked again.
        retry_after_ms: Option<u32>,
    },
    /// It was not, and may be next time.
    Unreachable,
    /// It never will be: the address is refused, the URL is none.
    Refused,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is delivered.
    Done,
    /// It is tried again after so many milliseconds.
    Again(u32),
    /// It is given up.
    GiveUp,
    /// It is given up, and the receiver wants nothing more.
    Unsubscribe,
}

impl Retrying {
    /// Decides after an attempt; `attempt` counts from 1, `roll` is any random number.
    pub(crate) fn next(&self, attempt: u32, went: Went, is_fleeting: bool, roll: u32) -> Next {
        let retry_after_ms = match went {
            Went::Answered { status: 200..=299, .. } => return Next::Done,
            Went::Answered { status: 410, .. } => return Next::Unsubscribe,
            Went::Refused => return Next::GiveUp,
            Went::Answered { retry_after_ms, .. } => retry_after_ms,
            Went::Unreachable => None,
        };
        // How far the work is matters only until there is something newer to tell.
        if is_fleeting || attempt >= self.attempts_max {
            return Next::GiveUp;
        }
        let pause_ms = self.backoff.pause_ms(attempt, roll);
        Next::Again(retry_after_ms.map_or(pause_ms, |after_ms| after_ms.max(pause_ms)).min(BACKOFF_MS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRYING: Retrying =
        Retrying { attempts_max: 3, backoff: Backoff { base_ms: 100, max_ms: 150, jitter_percent: 0 } };

    fn answered(status: u16) -> Went {
        Went::Answered { status, retry_after_ms: None }
    }

    #[test]
    fn only_success_is_success() {
        for status in [200, 204, 299] {
            assert_eq!(RETRYING.next(1, answered(status), false, 0), Next::Done);
        }
        for status in [100, 199, 300, 302, 400, 404, 429, 500, 503] {
            assert_eq!(RETRYING.next(1, answered(status), false, 0), Next::Again(100), "{status}");
        }
        assert_eq!(RETRYING.next(1, answered(410), false, 0), Next::Unsubscribe);
    }

    #[test]
    fn attempts_and_pauses_have_their_bounds() {
        assert_eq!(RETRYING.next(2, Went::Unreachable, false, 0), Next::Again(150));
        assert_eq!(RETRYING.next(3, Went::Unreachable, false, 0), Next::GiveUp);
        assert_eq!(RETRYING.next(1, Went::Refused, false, 0), Next::GiveUp);
        assert_eq!(RETRYING.next(1, Went::Unreachable, true, 0), Next::GiveUp);
        let asked = |retry_after_ms| Went::Answered { status: 429, retry_after_ms: Some(retry_after_ms) };
        assert_eq!(RETRYING.next(1, asked(900), false, 0), Next::Again(900));
        assert_eq!(
            RETRYING.next(1, asked(1), false, 0),
            Next::Again(100),
            "no sooner than we would ourselves"
        );
        assert_eq!(RETRYING.next(1, asked(u32::MAX), false, 0), Next::Again(BACKOFF_MS_MAX));
    }
}
