//! How often a caller may call.

use std::num::NonZeroU32;
use std::time::Duration;

use drawbridge_contract::Refusal;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// A token bucket that holds one minute's calls and refills steadily.
pub(crate) struct RateLimit {
    per_minute: NonZeroU32,
    bucket: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl RateLimit {
    /// A full bucket of `per_minute` calls; `None` means no limit.
    pub(crate) fn new(per_minute: Option<u32>) -> Option<Self> {
        let per_minute = NonZeroU32::new(per_minute?)?;
        Some(Self {
            per_minute,
            bucket: RateLimiter::direct(Quota::per_minute(per_minute)),
            clock: DefaultClock::default(),
        })
    }

    /// Takes one call out of the bucket.
    pub(crate) fn take(&self) -> Result<(), Refusal> {
        self.bucket.check().map_err(|until| Refusal::RateLimited {
            per_minute: self.per_minute.get(),
            retry_after: until.wait_time_from(self.clock.now()).max(Duration::from_millis(1)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_after_the_last_allowed_one_is_refused_and_told_when() {
        let limit = RateLimit::new(Some(3)).unwrap();
        for _ in 0..3 {
            limit.take().unwrap();
        }
        let refusal = limit.take().unwrap_err();
        assert!(
            matches!(refusal, Refusal::RateLimited { per_minute: 3, retry_after } if retry_after <= Duration::from_secs(20))
        );
    }

    #[test]
    fn no_limit_and_zero_mean_no_limit() {
        assert!(RateLimit::new(None).is_none() && RateLimit::new(Some(0)).is_none());
    }
}
