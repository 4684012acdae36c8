//! When a daemon that fails is asked again. Decides by the times it is given.

use std::time::{Duration, Instant};

/// Failures in a row after which nobody is sent to it for a while.
const FAILURES_MAX: u32 = 3;
/// How long the first time, and the longest.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How a daemon did lately.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    failures: u32,
    closed_until: Option<Instant>,
}

impl Circuit {
    /// Whether a call may go there now, or how long until one may. After a pause one goes first, to try.
    pub(super) fn enter(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(until) = self.closed_until else { return Ok(()) };
        match until.checked_duration_since(now) {
            Some(left) if !left.is_zero() => Err(left),
            _ => {
                self.closed_until = Some(now + self.pause());
                Ok(())
            }
        }
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            self.closed_until = Some(now + self.pause());
        }
    }

    /// Whether it answered the last time it was asked.
    pub(super) fn is_well(&self) -> bool {
        self.failures == 0
    }

    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(FAILURES_MAX).min(16);
        PAUSE_FIRST.saturating_mul(1 << doublings).min(PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_after_some_failures_it_is_left_alone_longer_and_longer() {
        let (mut circuit, begun) = (Circuit::default(), Instant::now());
        for _ in 1..FAILURES_MAX {
            circuit.failed(begun);
            assert!(circuit.enter(begun).is_ok());
        }
        circuit.failed(begun);
        assert_eq!(circuit.enter(begun), Err(PAUSE_FIRST));
        let later = begun + PAUSE_FIRST;
        assert!(circuit.enter(later).is_ok(), "one may try");
        assert!(circuit.enter(later).is_err(), "and only one");
        circuit.failed(later);
        assert_eq!(circuit.enter(later), Err(PAUSE_FIRST * 2));
        (0..50).for_each(|_| circuit.failed(later));
        assert_eq!(circuit.enter(later), Err(PAUSE_MAX));
        circuit.succeeded();
        assert!(circuit.enter(later).is_ok() && circuit.is_well());
    }
}
