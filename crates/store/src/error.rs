//! Everything that can go wrong here. Each message says what happened, and what to do about it.

use std::{io, path::PathBuf, sync::Arc};

/// Why the store refused or failed.
///
/// It is `Clone`, because one failed commit answers everybody who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A file or folder that others may read or change, or that is not ours.
    #[error("{path} is not safe to use: {problem}; {remedy}")]
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What makes it right.
        remedy: String,
    },
    /// The operating system refused something.
    #[error("cannot {doing} {path}; check that the disk has room and the folder is yours")]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Arc<io::Error>,
    },
    /// The file is no SQLite database, or a damaged one. It was left as it is.
    #[error(
        "{path} is not a database, or it is damaged; it was left untouched: move it away or restore a backup"
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of some other program. It was left as it is.
    #[error("{path} is the database of another program; it was left untouched: choose another folder")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer Drawbridge. It was left as it is.
    #[error("{path} has format {found}, this program knows up to {known}; use a newer Drawbridge")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// The file system cannot share memory between processes, as a write-ahead log needs it (network drives).
    #[error(
        "the folder's file system does not support a write-ahead log (the database stays in mode {mode}); use a local disk"
    )]
    NoWal {
        /// The mode that SQLite stayed in.
        mode: String,
    },
    /// Another process held the database for longer than [`BUSY_TIMEOUT`](crate::BUSY_TIMEOUT).
    #[error("the database stayed busy while trying to {doing}; another process holds it: try again")]
    Busy {
        /// What was tried, as a verb.
        doing: &'static str,
    },
    /// The disk, or the database's own size limit, is full. Nothing was written.
    #[error("the disk is full: could not {doing}; make room, then try again")]
    Full {
        /// What was tried, as a verb.
        doing: &'static str,
    },
    /// SQLite failed in another way. Nothing was written.
    #[error("the database failed to {doing}; `drawbridge doctor` tells more")]
    Database {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The cause.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes; no key can be made without them")]
    NoRandomness,
    /// The store was closed, and takes no more writes.
    #[error("the store is closed; open it again")]
    Closed,
    /// The queue to the writer is full.
    #[error("the queue to the database is full; wait for it, or try again")]
    QueueFull,
    /// The store cannot write at the moment and keeps as many records in memory as it may.
    #[error(
        "the database cannot be written, and {kept} records wait for it already; see `drawbridge doctor`"
    )]
    Failing {
        /// How many records wait in memory.
        kept: usize,
    },
    /// Something is longer, or more, than it may be.
    #[error("{what} has {size}, at most {size_max} are allowed; make it shorter")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size: bytes of a text, entries of a list.
        size: usize,
        /// The largest size allowed.
        size_max: usize,
    },
    /// As many of something as there may be.
    #[error("there are {count_max} {what} already, and no more are allowed; remove or decide some first")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The largest count allowed.
        count_max: usize,
    },
    /// A live key has this name, id or secret already.
    #[error("a key with this {what} exists: {value}; choose another, or revoke that one first")]
    DuplicateKey {
        /// `name`, `id` or `secret`.
        what: &'static str,
        /// The name or id; for a secret, the id of the key that has it.
        value: String,
    },
    /// No live key has this name.
    #[error("no key named {name} is live; `drawbridge keys list` shows them")]
    NoSuchKey {
        /// The name asked for.
        name: String,
    },
    /// No approval has this id.
    #[error("no approval {id}; `drawbridge approvals list` shows them")]
    NoSuchApproval {
        /// The id asked for.
        id: String,
    },
    /// The approval was decided, used or lapsed before.
    #[error("approval {id} is {state} already; let the caller ask again")]
    NotPending {
        /// The approval.
        id: String,
        /// Its state.
        state: crate::ApprovalState,
    },
    /// The text is no head of the audit.
    #[error(
        "{text:?} is no head of the audit; one reads `number:64 hexadecimal digits`, as `drawbridge audit verify` prints it"
    )]
    NoHead {
        /// The text, cut.
        text: String,
    },
    /// The end of a grant lies in the past.
    #[error("a grant must end in the future; choose a later time")]
    GrantInThePast,
}

impl StoreError {
    /// Turns SQLite's error for `doing` (a verb and its object) into ours.
    pub(crate) fn sql(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
        move |source| match source.sqlite_error_code() {
            Some(DiskFull) => Self::Full { doing },
            Some(DatabaseBusy | DatabaseLocked) => Self::Busy { doing },
            _ => Self::Database { doing, source: Arc::new(source) },
        }
    }

    /// Turns the operating system's error for `doing` something to `path` into ours.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source: Arc::new(source) }
    }
}

/// Refuses a text or list that is larger than it may be.
pub(crate) fn at_most(what: &'static str, size: usize, size_max: usize) -> Result<(), StoreError> {
    if size > size_max { Err(StoreError::TooLarge { what, size, size_max }) } else { Ok(()) }
}
