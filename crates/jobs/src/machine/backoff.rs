//! How long a job waits before it is tried again.

use serde::{Deserialize, Serialize};

/// The longest pause between two attempts: a day.
pub const BACKOFF_MS_MAX: u32 = 24 * 3600 * 1000;

/// Pauses that double from attempt to attempt, shortened by chance so that jobs that failed together do not
/// come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    /// The pause after the first attempt, in milliseconds. 0: no pause, ever.
    pub base_ms: u32,
    /// No pause is longer, in milliseconds; at most [`BACKOFF_MS_MAX`].
    pub max_ms: u32,
    /// By how much chance may shorten a pause, in percent of it; 0 to 100.
    pub jitter_percent: u8,
}

impl Default for Backoff {
    /// 5 s, 10 s, 20 s … as the predecessor did, but no longer than an hour, and up to a fifth shorter.
    fn default() -> Self {
        Self { base_ms: 5_000, max_ms: 3_600_000, jitter_percent: 20 }
    }
}

impl Backoff {
    /// No pauses.
    pub const NONE: Self = Self { base_ms: 0, max_ms: 0, jitter_percent: 0 };

    /// The pause after an attempt, in milliseconds. `attempt` counts from 1; `roll` is any random number.
    pub fn pause_ms(&self, attempt: u32, roll: u32) -> u32 {
        let doublings = attempt.saturating_sub(1).min(32);
        let full = u64::from(self.base_ms) << doublings;
        let full = full.min(u64::from(self.max_ms.min(BACKOFF_MS_MAX)));
        let range = full * u64::from(self.jitter_percent.min(100)) / 100;
        let shorter = range * u64::from(roll) / u64::from(u32::MAX);
        u32::try_from(full - shorter).unwrap_or(BACKOFF_MS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff { base_ms: 5_000, max_ms: 60_000, jitter_percent: 0 };
        let pauses = [1, 2, 3, 4, 5, 40, u32::MAX].map(|attempt| backoff.pause_ms(attempt, 7));
        assert_eq!(pauses, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
        assert_eq!(Backoff::NONE.pause_ms(3, u32::MAX), 0);
        let endless = Backoff { base_ms: u32::MAX, max_ms: u32::MAX, jitter_percent: 0 };
        assert_eq!(endless.pause_ms(1, 0), BACKOFF_MS_MAX);
    }

    #[test]
    fn chance_only_shortens_and_stays_in_its_range() {
        let backoff = Backoff { base_ms: 1_000, max_ms: 10_000, jitter_percent: 50 };
        assert_eq!(backoff.pause_ms(1, 0), 1_000);
        assert_eq!(backoff.pause_ms(1, u32::MAX), 500);
        assert_eq!(backoff.pause_ms(2, u32::MAX / 2), 1_501);
    }
}
