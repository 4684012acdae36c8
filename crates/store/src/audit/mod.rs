//! The audit: what was about to happen, what happened, what was refused, and what the owner changed.
//!
//! Records form a chain: each carries the hash of itself and of the one before (see [`chain`]). They are added by
//! the writer only, in the order in which they were sent.
//!
//! # What this can and cannot show
//! [`Store::audit_verify`](crate::Store::audit_verify) finds every record that was altered, removed, inserted or
//! moved by somebody who did not compute all later hashes anew, down to a single byte. The last record's place
//! and hash stand also in the file `audit.head`, so it finds a shortened end, too, and the writer notes such a
//! loss in the chain itself when it sees one ([`ALARM`]).
//!
//! There is no secret in the chain. Whoever may write the folder (the same user, or root) and knows this format
//! can compute a new chain, write a new `audit.head`, and hide anything. Against that helps only a copy of the
//! head outside the folder: note what [`Store::audit_head`](crate::Store::audit_head) says, now and then, and give
//! it to [`Store::audit_verify`](crate::Store::audit_verify) later. Records that were sent with
//! [`Store::audit_batched`](crate::Store::audit_batched) less than [`BATCH_DELAY`](crate::BATCH_DELAY) before a
//! crash are lost with it.

pub(crate) mod append;
pub(crate) mod chain;
pub(crate) mod head;
pub(crate) mod hex;
pub(crate) mod page;
pub(crate) mod prune;
mod record;
pub(crate) mod verify;

pub use append::ALARM;
pub use head::{HEAD_FILE, Head};
pub use page::{AuditEntry, AuditFilter, PAGE_MAX};
pub use prune::{PRUNE, Pruned};
pub use record::{
    ARGUMENTS_BYTES_MAX, AuditDecision, AuditOutcome, AuditPhase, AuditRecord, RECORD_BYTES_MAX,
};
pub use verify::{AuditReport, BadRecord, HeadCheck, Problem};
