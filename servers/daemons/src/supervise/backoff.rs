//! How long until a daemon that ended is started again.

use std::time::Duration;

/// How long after the first end, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Whoever ran so long is well; what was before does not count.
const STEADY_AFTER: Duration = Duration::from_secs(60);
/// How often in a row one is started that does not get steady. Then a person has to look: ten minutes have passed.
const STARTS_MAX: u32 = 15;

/// How a daemon's last starts went.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    ends: u32,
}

impl Backoff {
    /// How long to wait after an end, if it is to be started again at all.
    pub(super) fn after(&mut self, ran: Duration) -> Option<Duration> {
        if ran >= STEADY_AFTER {
            self.ends = 0;
        }
        self.ends += 1;
        if self.ends >= STARTS_MAX {
            return None;
        }
        Some(PAUSE_FIRST.saturating_mul(1 << (self.ends - 1)).min(PAUSE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_a_crash_loop_slows_down_and_ends() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (1..STARTS_MAX).map(|_| backoff.after(Duration::ZERO).unwrap()).collect();
        assert_eq!(pauses[..3], [PAUSE_FIRST, PAUSE_FIRST * 2, PAUSE_FIRST * 4]);
        assert_eq!(*pauses.last().unwrap(), PAUSE_MAX);
        assert_eq!(backoff.after(Duration::ZERO), None);
        assert_eq!(backoff.after(STEADY_AFTER), Some(PAUSE_FIRST), "one that ran is begun with again");
    }
}
