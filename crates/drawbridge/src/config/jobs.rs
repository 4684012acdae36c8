//! The fields of `[jobs]`.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Jobs {
    /// What keeps the jobs.
    pub(crate) engine: Engine,
    /// Where Redis is, for BullMQ. Its password comes from the environment: `DRAWBRIDGE_REDIS_PASSWORD`.
    pub(crate) redis: String,
    pub(crate) durability: Durability,
    /// How many jobs the hub runs at once; absent goes by the machine's cores, 0 leaves them to other workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) concurrency: Option<usize>,
    /// How many jobs that have not ended one caller may have.
    pub(crate) open_per_caller_max: u64,
    /// How long one attempt may take whose caller does not say.
    pub(crate) attempt_minutes: u64,
    /// How long jobs are remembered that completed or were cancelled.
    pub(crate) keep_days: u64,
    /// How long jobs are remembered that failed or are dead.
    pub(crate) keep_failed_days: u64,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            engine: Engine::Embedded,
            redis: "redis://127.0.0.1:6379".into(),
            durability: Durability::Full,
            concurrency: None,
            open_per_caller_max: 10_000,
            attempt_minutes: 60,
            keep_days: 7,
            keep_failed_days: 30,
        }
    }
}

/// What keeps the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Engine {
    /// A file of the state folder.
    Embedded,
    /// Redis, in the layout of BullMQ.
    Bullmq,
}

impl Engine {
    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Bullmq => "bullmq",
        }
    }
}

/// What an acknowledged job survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Durability {
    /// A power cut.
    Full,
    /// The end of the hub.
    Normal,
}
