//! What the stories share.

use drawbridge_store::{AuditOutcome, AuditPhase, AuditRecord, By, Store};
use tempfile::TempDir;

/// A new store in a folder of its own.
pub(crate) fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// The owner at the command line, now.
pub(crate) fn owner() -> By {
    By::now("owner", "cli")
}

/// A record as the gateway writes it after a call.
pub(crate) fn record(call: &str) -> AuditRecord {
    let mut record =
        AuditRecord::new(call.into(), "key-1".into(), "http".into(), "files_read".into(), AuditPhase::Done);
    record.outcome = Some(AuditOutcome::Ok);
    record.arguments = Some(r#"{"path":"notes.md"}"#.into());
    record.duration_us = Some(42);
    record
}
