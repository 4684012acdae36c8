//! Everything that can go wrong with an engine. Each message says what happened, and what to do about it.

use std::sync::Arc;

use drawbridge_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::{JobId, machine::Misfit};

/// Why an engine refused or failed. `Clone`, because one failed commit answers everybody who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// No such job: it was never there, or is not remembered any more.
    #[error("there is no job {id}; it may have been removed after its time")]
    NotFound {
        /// As it was asked for.
        id: JobId,
    },
    /// It does not fit the state that the job is in.
    #[error("job {id}: {misfit}")]
    Misfit {
        /// The job.
        id: JobId,
        /// Why.
        #[source]
        misfit: Misfit,
    },
    /// The idempotency key was used for something else.
    #[error(
        "the idempotency key {key:?} was used for another tool or other arguments (job {id}); use a new key"
    )]
    KeyReused {
        /// The key.
        key: Arc<str>,
        /// What it was used for.
        id: JobId,
    },
    /// Something is longer, or more, than it may be.
    #[error("{what} has {size}, at most {size_max} are allowed; make it smaller")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size: bytes of a text, entries of a list.
        size: usize,
        /// The largest size allowed.
        size_max: usize,
    },
    /// Something has no sense.
    #[error("{what} {problem}")]
    Invalid {
        /// What it is.
        what: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// As many of something as there may be.
    #[error("there are {count_max} {what} already, and no more are taken; wait until some have ended")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The largest count allowed.
        count_max: u64,
    },
    /// The disk, or the database's own size limit, is full. Nothing was written.
    #[error("the disk is full: could not {doing}; make room, then try again")]
    Full {
        /// What was tried, as a verb.
        doing: &'static str,
    },
    /// Another program of ours has the jobs open.
    #[error(
        "another drawbridge has the jobs in this folder open; stop that one, or use another folder (DRAWBRIDGE_HOME)"
    )]
    InUse,
    /// The engine was closed, or ended.
    #[error("the jobs are closed: drawbridge is stopping; try again when it is back")]
    Closed,
    /// The file could not be opened.
    #[error(transparent)]
    Open(#[from] StoreError),
    /// The system that keeps the jobs does not answer, or answers with an error. Whether anything was written is not known.
    #[error(
        "the jobs are out of reach: could not {doing} ({reason}); try again, it comes back by itself once that does"
    )]
    Away {
        /// What was tried, as a verb.
        doing: &'static str,
        /// What was seen. Without addresses and passwords.
        reason: String,
    },
    /// The process that has the jobs refused or failed, in its words.
    #[error("{message}")]
    Told {
        /// What kind of answer it is.
        kind: Told,
        /// What it said.
        message: String,
    },
    /// What the file says makes no sense.
    #[error("the jobs' database is damaged: {problem}; restore a backup, or move jobs.db away")]
    Damaged {
        /// What was found.
        problem: String,
    },
    /// The database failed in another way. Nothing was written.
    #[error("the jobs' database failed to {doing}; `drawbridge doctor` tells more")]
    Database {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The cause.
        #[source]
        source: Arc<rusqlite::Error>,
    },
}

/// What kind of answer came from the process that has the jobs, where its own error cannot travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// What was asked makes no sense, or is too large.
    Invalid,
    /// There are too many of something.
    TooMany,
    /// It may go well later.
    Passing,
    /// It failed.
    Failed,
}

impl EngineError {
    /// Turns SQLite's error for `doing` (a verb and its object) into ours.
    pub(crate) fn sql(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full { doing },
            _ => Self::Database { doing, source: Arc::new(source) },
        }
    }

    /// Whether the same request may succeed later, without being changed: the disk is full, the engine is away.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Full { .. }
                | Self::Closed
                | Self::Database { .. }
                | Self::TooMany { .. }
                | Self::Away { .. }
                | Self::Told { kind: Told::Passing | Told::TooMany, .. }
        )
    }

    /// Whether everything in the transaction is lost with it.
    pub(crate) fn spoils_transaction(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Database { .. } | Self::Damaged { .. } | Self::Closed)
    }
}

/// Refuses a text or list that is larger than it may be.
///
/// # Errors
/// [`EngineError::TooLarge`].
pub fn at_most(what: &'static str, size: usize, size_max: usize) -> Result<(), EngineError> {
    if size > size_max { Err(EngineError::TooLarge { what, size, size_max }) } else { Ok(()) }
}
