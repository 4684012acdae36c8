//! The clocks. Everything asks them through [`Clock`], so that a test can set them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::machine::Now;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The time on both clocks.
    fn now(&self) -> Now;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts the steady clock at zero.
    #[expect(clippy::new_without_default, reason = "two clocks that were made one after the other differ")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        // A clock before 1970 is set wrongly; then everything that waits for a time goes on waiting.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Now { wall_ms: ms(wall), steady_ms: ms(self.started.elapsed()) }
    }
}
