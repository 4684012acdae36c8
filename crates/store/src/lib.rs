//! What the hub remembers: keys, approvals, settings and the audit, in one SQLite file.
//!
//! ```text
//! folder       makes the folder and files private, refuses them when others could touch them
//! connection   how a connection is set up: one that writes, a few that read
//! schema       the tables, and how an older file becomes a newer one
//! generation   one number that changes with policy, in whichever process, readable in one system call
//! writer       the one thread that writes: a queue, one commit for all who wait, what happens when it fails
//! audit        the chain of records: append, verify, read, prune
//! keys, approvals, settings   typed rows; every change writes its record in the same transaction
//! ```
//!
//! Start at [`Store::open`]. Any number of processes may have the same folder open.
//!
//! **Invariant:** knows SQL; knows nothing of MCP, HTTP or what a rule means.
//! **Invariant:** all writes go through the writer, and each transaction starts from what the database says, never
//! from what this process remembers.
//! **Invariant:** no policy changes without its record in the audit, in the same transaction.
//! **Absent on purpose:** secrets of keys (only their hashes), jobs.
//!
//! Writes are `async` and need no particular runtime. Reads are plain functions: they block for microseconds, but
//! for the audit's [`audit_page`](Store::audit_page) and [`audit_verify`](Store::audit_verify), which may go
//! through all records and belong on a thread that may block.

mod approvals;
mod audit;
mod by;
mod calls;
mod connection;
mod error;
mod folder;
mod generation;
mod health;
mod keys;
mod random;
mod schema;
mod settings;
mod shared;
mod store;
mod words;
mod writer;

pub use approvals::{
    APPROVAL_TEXT_BYTES_MAX, Approval, ApprovalState, Approvals, DECIDED_KEPT_US, Grant, NewApproval,
    ONCE_LASTS_US, PENDING_PER_CALLER_MAX, SHOWN_BYTES_MAX,
};
pub use audit::{
    ALARM, ARGUMENTS_BYTES_MAX, AuditDecision, AuditEntry, AuditFilter, AuditOutcome, AuditPhase,
    AuditRecord, AuditReport, BadRecord, HEAD_FILE, Head, HeadCheck, PAGE_MAX, PRUNE, Problem, Pruned,
    RECORD_BYTES_MAX,
};
pub use by::{By, now_us};
pub use calls::{CallCounts, Calls};
pub use connection::BUSY_TIMEOUT;
pub use error::StoreError;
pub use folder::{DATABASE_FILE, private_file};
pub use generation::GENERATION_FILE;
pub use health::Health;
pub use keys::{
    KEY_NAME_BYTES_MAX, KEY_SCOPE_BYTES_MAX, KEY_SCOPES_MAX, KEYS_MAX, Key, KeyKind, Keys, NewKey,
};
pub use settings::{SETTING_KEY_BYTES_MAX, SETTING_VALUE_BYTES_MAX, SETTINGS_MAX, Settings};
pub use store::Store;
pub use writer::{BATCH_DELAY, BATCH_MAX, KEPT_MAX, QUEUE_MAX, RETRY_DELAY, Rejected};
