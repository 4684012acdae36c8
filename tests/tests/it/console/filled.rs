//! A state in which much has happened: written by the real store and the real engine, before a hub opens it.

use std::path::Path;

use drawbridge_contract::raw;
use drawbridge_jobs::{Embedded, Engine as _, NewJob, Settings, Start};
use drawbridge_store::{AuditOutcome, AuditPhase, AuditRecord, Store};
use serde_json::json;

/// Issue 7: so many scroll smoothly.
const JOBS: usize = 10_000;
const RECORDS: usize = 100_000;
/// The names by which the story knows that it has come to the end.
const OLDEST_JOB: &str = "oldest_job";
const OLDEST_CALL: &str = "oldest_call";
/// When its jobs begin, in milliseconds: not while the story looks at them.
const LATER_MS: u64 = 24 * 3600 * 1000;

/// Fills a state folder.
pub(super) fn fill(state: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        audit(state).await;
        jobs(state).await;
    });
}

async fn audit(state: &Path) {
    let store = Store::open(state).unwrap();
    for place in 0..RECORDS {
        let tool = if place == 0 { OLDEST_CALL } else { "files_read" };
        let call = format!("{place:032x}");
        let mut record = AuditRecord::new(
            call.as_str().into(),
            "key:busy".into(),
            "rest".into(),
            tool.into(),
            AuditPhase::Done,
        );
        record.outcome = Some(AuditOutcome::Ok);
        record.arguments = Some(json!({"path": format!("notes/{place}.md")}).to_string());
        record.duration_us = Some(120);
        store.audit_batched_wait(record).await.unwrap();
    }
    store.close().await.unwrap();
}

async fn jobs(state: &Path) {
    let engine = Embedded::open(state, Settings::default()).unwrap();
    let job = |place: usize| {
        let tool = if place == 0 { OLDEST_JOB } else { "files_list" };
        let arguments = raw(&json!({"path": format!("notes/{place}")}));
        NewJob { start: Start::After(LATER_MS), ..NewJob::new(tool, "key:busy", arguments) }
    };
    engine.submit(job(0)).await.unwrap();
    engine.submit_many((1..JOBS).map(job).collect()).await.unwrap();
    engine.close().await.unwrap();
}
