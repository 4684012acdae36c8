//! What a person may want to change.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Clock, Policies, State, SystemClock};

/// How sure an acknowledged change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// It survives a power cut.
    #[default]
    Full,
    /// It survives the end of the process; a power cut may take back the last moments, and leaves the rest whole.
    Normal,
}

impl Durability {
    /// SQLite's `PRAGMA synchronous`.
    pub(super) fn pragma(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
}

/// How long, and how many of, jobs that ended are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// For how long, in milliseconds.
    pub age_ms: u64,
    /// How many; the oldest go first.
    pub count: u64,
}

/// What is remembered of jobs that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Those that completed or were cancelled.
    pub well: Keep,
    /// Those that failed, and dead letters.
    pub badly: Keep,
    /// How many entries of the history.
    pub history: u64,
}

const DAY_MS: u64 = 24 * 3600 * 1000;

impl Default for Keep {
    fn default() -> Self {
        Self { age_ms: 7 * DAY_MS, count: 100_000 }
    }
}

impl Default for Retention {
    /// A week for what went well, a month for what did not, 100,000 of each, and half a million entries.
    fn default() -> Self {
        Self { well: Keep::default(), badly: Keep { age_ms: 30 * DAY_MS, count: 100_000 }, history: 500_000 }
    }
}

impl Retention {
    /// What is remembered of jobs that ended in a state.
    pub(super) fn of(&self, state: State) -> Keep {
        if matches!(state, State::Completed | State::Cancelled) { self.well } else { self.badly }
    }
}

/// How the embedded engine is to work.
#[derive(Clone)]
pub struct Settings {
    /// How sure what was acknowledged is.
    pub durability: Durability,
    /// What is remembered.
    pub retention: Retention,
    /// How jobs of a tool are treated that bring no policy of their own.
    pub policies: Policies,
    /// How many jobs there may be that have not ended.
    pub open_max: u64,
    /// How many of these one caller may have; as many as `open_max` is no limit of its own.
    pub open_per_caller_max: u64,
    /// How large the file may grow, in bytes; `None` for as large as the disk. Beyond it, submissions are refused
    /// as on a full disk.
    pub file_bytes_max: Option<u64>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            retention: Retention::default(),
            policies: Policies::default(),
            open_max: 2_000_000,
            open_per_caller_max: 2_000_000,
            file_bytes_max: None,
            clock: Arc::new(SystemClock::new()),
        }
    }
}
