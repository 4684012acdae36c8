//! Watching a resource is on record, and refused like reading it.

use std::sync::Arc;

use drawbridge_contract::{
    BoxFuture, Completion, Context, Handler as _, Outcome, Refusal, ResourceResult, ResourceSpec,
    ResourceTemplate, Resources, Server, Suggestions, ToolError, Watch,
};
use drawbridge_gateway::{BRIDGE, Gateway, GatewaySettings, RAISED};
use drawbridge_store::{AuditDecision, AuditFilter, AuditOutcome, By, Store};

const NOTE: &str = "note://a";

struct Notes;

impl Server for Notes {
    fn name(&self) -> &str {
        "notes"
    }

    fn resources(&self) -> Option<Arc<dyn Resources>> {
        Some(Arc::new(Self))
    }
}

impl Resources for Notes {
    fn list(&self) -> Vec<ResourceSpec> {
        Vec::new()
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        Vec::new()
    }

    fn owns(&self, uri: &str) -> bool {
        uri.starts_with("note://")
    }

    fn read<'a>(
        &'a self,
        uri: &'a str,
        _: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome<ResourceResult>, ToolError>> {
        Box::pin(async move { Err(ToolError::NotFound(uri.to_owned())) })
    }

    fn watch(&self, uri: &str) -> Result<Watch, ToolError> {
        if uri == NOTE { Ok(Watch::new(())) } else { Err(ToolError::NotFound(format!("no {uri}"))) }
    }

    fn complete<'a>(&'a self, _: &'a str, _: &'a Completion) -> BoxFuture<'a, Suggestions> {
        Box::pin(async { Suggestions::default() })
    }
}

#[tokio::test]
async fn a_watch_leaves_a_record_whether_it_was_let_begin_or_not() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(&home.path().join("state")).unwrap();
    let gateway = Gateway::open(store.clone(), &GatewaySettings::default(), vec![Arc::new(Notes)]).unwrap();
    let owner = gateway.owner();
    assert!(gateway.watch(&owner, NOTE).await.is_ok());
    assert!(gateway.watch(&owner, "note://b").await.is_err());
    assert!(gateway.watch(&owner, "other://a").await.is_err());
    store.settings().set(BRIDGE, RAISED, "bridge.raise", By::now("owner", "test")).await.unwrap();
    assert!(matches!(gateway.watch(&owner, NOTE).await, Err(Refusal::Raised)));
    store.flush().await.unwrap();
    let page = store.audit_page(&AuditFilter::default(), 100).unwrap();
    let seen: Vec<_> = page
        .iter()
        .rev()
        .map(|entry| &entry.record)
        .filter(|record| &*record.entrance == "watch")
        .map(|record| (record.target.to_string(), record.decision, record.outcome))
        .collect();
    let of = |uri: &str| format!("resource:{uri}");
    let expected = [
        (of(NOTE), Some(AuditDecision::Allow), Some(AuditOutcome::Ok)),
        (of("note://b"), Some(AuditDecision::Allow), Some(AuditOutcome::Error)),
        (of("other://a"), Some(AuditDecision::Deny), None),
        (of(NOTE), Some(AuditDecision::Deny), None),
    ];
    assert_eq!(seen, expected);
}
