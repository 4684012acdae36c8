//! A provider that keeps failing is left alone for a while, so that callers get their answer, or the next provider, at
//! once. Pure: whoever asks brings the time.

use std::time::{Duration, Instant};

use serde::Serialize;

/// So many failures in a row, and the provider is left alone.
pub(crate) const FAILURES_MAX: u32 = 5;
/// For so long; then one request may try.
pub(crate) const REST: Duration = Duration::from_secs(10);

/// How a provider is, as far as is known without asking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderState {
    /// Nobody asked it yet.
    Unknown,
    /// It answered when it was asked last.
    Ok,
    /// It did not answer when it was asked last, or broke.
    Failing,
    /// It failed so often that nobody asks it for the moment.
    Resting,
}

/// What is known of a provider's health.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// Whether anything is known at all.
    asked: bool,
    failures: u32,
    /// Until when nobody asks it. Set anew by the one who tries, so that others wait for what comes of that.
    rests_until: Option<Instant>,
}

impl Breaker {
    /// Whether it may be asked now.
    ///
    /// # Errors
    /// How long it still rests.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match self.rests_until {
            Some(until) if now < until => Err(until - now),
            Some(_) => {
                self.rests_until = Some(now + REST);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether it is left alone.
    pub(crate) fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// How it is.
    pub(crate) fn state(&self, now: Instant) -> ProviderState {
        match (self.asked, self.failures) {
            (false, _) => ProviderState::Unknown,
            (true, 0) => ProviderState::Ok,
            (true, _) if self.rests(now) => ProviderState::Resting,
            (true, _) => ProviderState::Failing,
        }
    }

    /// It answered, even if what it said was no.
    pub(crate) fn worked(&mut self) {
        *self = Self { asked: true, ..Self::default() };
    }

    /// It did not answer, or broke.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.asked = true;
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            self.rests_until = Some(now + REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_keeps_failing_rests_and_one_request_tries_again() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 1..FAILURES_MAX {
            breaker.failed(now);
            assert!(breaker.admit(now).is_ok());
        }
        assert_eq!(breaker.state(now), ProviderState::Failing);
        breaker.failed(now);
        assert_eq!(breaker.admit(now), Err(REST));
        assert_eq!(breaker.state(now), ProviderState::Resting);
        assert_eq!(breaker.state(now + REST), ProviderState::Failing, "nobody knows better yet");
        assert!(breaker.admit(now + REST).is_ok(), "one tries");
        assert!(breaker.admit(now + REST).is_err(), "and only one");
        breaker.worked();
        assert!(breaker.admit(now + REST).is_ok());
        assert_eq!(breaker.state(now), ProviderState::Ok);
    }

    #[test]
    fn an_answer_in_between_forgives() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..10 {
            breaker.failed(now);
            breaker.worked();
        }
        assert!(breaker.admit(now).is_ok());
    }
}
