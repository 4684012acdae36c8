//! `GET /api/console/audit/calls/{call}`: everything about one call, and the calls that it made.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use drawbridge_store::{AuditEntry, AuditFilter, PAGE_MAX, Store, StoreError};
use serde_json::json;

use super::{read, row};
use crate::answer::answer;
use crate::limits::TREE_RECORDS_MAX;
use crate::problem::Problem;
use crate::shared::Shared;

/// The records of a call, of all calls above it, and of those below, oldest first: each names its parent.
pub(crate) async fn tree(
    State(console): State<Arc<Shared>>,
    Path(call): Path<String>,
) -> Result<Response, Problem> {
    console.store.flush().await?;
    let asked = call.clone();
    let found = read(&console.store, move |store| collect(&store, &call)).await?;
    if found.is_empty() {
        return Err(Problem::not_found(format!("there is no record of a call {asked:?}")));
    }
    let more = found.len() >= TREE_RECORDS_MAX;
    Ok(answer(&json!({"rows": found.values().map(row).collect::<Vec<_>>(), "more": more})))
}

/// Goes from call to call, each once, until nothing is left or enough was found.
fn collect(store: &Store, call: &str) -> Result<BTreeMap<i64, AuditEntry>, StoreError> {
    let mut found = BTreeMap::new();
    let mut met = HashSet::from([call.to_owned()]);
    let mut left = VecDeque::from([call.to_owned()]);
    while let Some(call) = left.pop_front().filter(|_| found.len() < TREE_RECORDS_MAX) {
        let filter = AuditFilter { call: Some(call), ..AuditFilter::default() };
        for entry in store.audit_page(&filter, PAGE_MAX)? {
            let names = [Some(&entry.record.call), entry.record.parent.as_ref()];
            for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
                if met.insert(name.to_string()) {
                    left.push_back(name.to_string());
                }
            }
            found.insert(entry.seq, entry);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use drawbridge_store::{AuditPhase, AuditRecord};

    use super::*;

    #[tokio::test]
    async fn a_tree_is_found_from_each_of_its_calls() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for (call, parent) in [("a", None), ("b", Some("a")), ("c", Some("b")), ("other", None)] {
            let mut record = AuditRecord::new(
                call.into(),
                "owner".into(),
                "test".into(),
                "notes_echo".into(),
                AuditPhase::Done,
            );
            record.parent = parent.map(Into::into);
            store.audit_durable(record).await.unwrap();
        }
        for call in ["a", "b", "c"] {
            let calls: Vec<String> =
                collect(&store, call).unwrap().values().map(|entry| entry.record.call.to_string()).collect();
            assert_eq!(calls, ["a", "b", "c"]);
        }
        assert!(collect(&store, "d").unwrap().is_empty());
    }
}
