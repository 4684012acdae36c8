//! How many jobs may run at once, and how many may start within a time: per queue, tool and caller.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::bounds::{RATE_STARTS_MAX, RATE_WINDOW_MS_MAX};

/// What a limit is for. `None` stands for each one that has no limit of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Jobs of one queue.
    Queue(Option<Arc<str>>),
    /// Jobs of one tool.
    Tool(Option<Arc<str>>),
    /// Jobs of one caller.
    Caller(Option<Arc<str>>),
}

/// How much there may be. What is `None` is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limit {
    /// How many run at once, at most.
    pub running_max: Option<u32>,
    /// How many start within a time, at most.
    pub rate: Option<Rate>,
}

/// At most so many starts in any window of that length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many starts; 1 to [`RATE_STARTS_MAX`].
    pub starts_max: u32,
    /// The window's length, in milliseconds; 1 to [`RATE_WINDOW_MS_MAX`].
    pub window_ms: u32,
}

/// One limit that is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitRow {
    /// For what.
    pub scope: Scope,
    /// How much.
    pub limit: Limit,
}

impl Limit {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// [`EngineError::Invalid`].
    pub fn check(&self) -> Result<(), EngineError> {
        let refusal = |what, problem: String| Err(EngineError::Invalid { what, problem });
        if self.running_max == Some(0) {
            return refusal("a limit", "of 0 running jobs would stop the queue; pause it instead".into());
        }
        match self.rate {
            Some(rate) if !(1..=RATE_STARTS_MAX).contains(&rate.starts_max) => {
                refusal("a rate's starts", format!("must be 1 to {RATE_STARTS_MAX}"))
            }
            Some(rate) if !(1..=RATE_WINDOW_MS_MAX).contains(&rate.window_ms) => {
                refusal("a rate's window", format!("must be 1 to {RATE_WINDOW_MS_MAX} ms"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_limits_are_refused() {
        let rate =
            |starts_max, window_ms| Limit { running_max: None, rate: Some(Rate { starts_max, window_ms }) };
        assert!(Limit { running_max: Some(0), rate: None }.check().is_err());
        assert!(Limit { running_max: Some(1), rate: None }.check().is_ok());
        for (starts_max, window_ms) in [(0, 1), (1, 0), (RATE_STARTS_MAX + 1, 1), (1, RATE_WINDOW_MS_MAX + 1)]
        {
            assert!(rate(starts_max, window_ms).check().is_err(), "{starts_max} {window_ms}");
        }
        assert!(rate(RATE_STARTS_MAX, RATE_WINDOW_MS_MAX).check().is_ok());
    }
}
