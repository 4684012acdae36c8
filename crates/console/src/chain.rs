//! In which chain of calls an approval stands: the calls above the one that asks, from the audit.

use std::collections::BTreeMap;

use drawbridge_gateway::{DEPTH_MAX, Ongoing};
use drawbridge_store::{Approval, AuditRecord, Store, StoreError};
use serde::Serialize;

use crate::limits::CHAIN_RECORDS_MAX;

/// One call above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    call: String,
    /// Unknown for a moment while a call goes on that only reads, or for as long as it does in another process: its record
    /// is written when it ends.
    tool: Option<String>,
    caller: String,
}

/// Finds chains. Approvals that stand in the same one share what was read.
pub(crate) struct Chains<'a> {
    store: &'a Store,
    /// Where the audit begins to be looked at.
    after_seq: i64,
    met: BTreeMap<String, Option<AuditRecord>>,
    /// What knows the calls that go on.
    ongoing: &'a dyn Fn(&str) -> Option<Ongoing>,
}

impl<'a> Chains<'a> {
    pub(crate) fn open(
        store: &'a Store,
        ongoing: &'a dyn Fn(&str) -> Option<Ongoing>,
    ) -> Result<Self, StoreError> {
        let after_seq = store.audit_head()?.seq.saturating_sub(CHAIN_RECORDS_MAX);
        Ok(Self { store, after_seq, met: BTreeMap::new(), ongoing })
    }

    /// The calls above this one, the outermost first; empty for a call from outside. Blocks while it looks.
    pub(crate) fn of(&mut self, approval: &Approval) -> Result<Vec<Link>, StoreError> {
        let mut chain = Vec::new();
        let mut above = approval.parent.clone();
        while let Some(call) = above.take().filter(|_| chain.len() < usize::from(DEPTH_MAX)) {
            let (link, parent) = self.link(call, approval)?;
            above = parent;
            chain.push(link);
        }
        chain.reverse();
        Ok(chain)
    }

    /// One call above, and the one above that: as its record says, or as who runs it does.
    fn link(&mut self, call: String, approval: &Approval) -> Result<(Link, Option<String>), StoreError> {
        let ongoing = self.ongoing;
        let known = match self.record(&call)? {
            Some(record) => Some((
                record.target.to_string(),
                record.caller.to_string(),
                record.parent.as_ref().map(ToString::to_string),
            )),
            None => ongoing(&call).map(|one| {
                (one.tool.into(), one.caller.to_string(), one.parent.map(|parent| parent.to_string()))
            }),
        };
        Ok(match known {
            Some((tool, caller, parent)) => (Link { call, tool: Some(tool), caller }, parent),
            None => (Link { call, tool: None, caller: approval.caller.clone() }, None),
        })
    }

    fn record(&mut self, call: &str) -> Result<Option<&AuditRecord>, StoreError> {
        if !self.met.contains_key(call) {
            let found = self.store.audit_call(call, self.after_seq)?.map(|entry| entry.record);
            self.met.insert(call.to_owned(), found);
        }
        Ok(self.met.get(call).and_then(Option::as_ref))
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::CallId;
    use drawbridge_store::{AuditPhase, By, NewApproval, now_us};

    use super::*;

    async fn note(store: &Store, call: &str, parent: Option<&str>, tool: &str, phase: AuditPhase) {
        let mut record = AuditRecord::new(call.into(), "key:a".into(), "test".into(), tool.into(), phase);
        record.parent = parent.map(Into::into);
        store.audit_durable(record).await.unwrap();
    }

    async fn asked(store: &Store, parent: Option<&str>) -> Approval {
        let wanted = NewApproval {
            caller: "key:a".into(),
            tool: "files_delete".into(),
            args_hash: [0; 32],
            shown: "{}".into(),
            why: "destructive".into(),
            parent: parent.map(str::to_owned),
            expires_us: now_us() + 1_000_000,
        };
        let by = By { call: "asks".into(), ..By::now("key:a", "test") };
        store.approvals().request(wanted, by).await.unwrap()
    }

    /// Somebody runs a call `runs`, which was called by `a`.
    fn ongoing(call: &str) -> Option<Ongoing> {
        let parent = CallId::parse(PARENT);
        (call == "runs").then(|| Ongoing { tool: "llm_agent".into(), caller: "key:a".into(), parent })
    }

    const PARENT: &str = "00000000000070008000000000000001";

    #[tokio::test]
    async fn a_call_that_only_reads_and_goes_on_is_named_by_who_runs_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        note(&store, PARENT, None, "jobs_submit", AuditPhase::Done).await;
        let named = |call: &str, tool: &str| (call.to_owned(), Some(tool.to_owned()));
        let chain = tools(&store, &asked(&store, Some("runs")).await);
        assert_eq!(chain, [named(PARENT, "jobs_submit"), named("runs", "llm_agent")]);
    }

    fn tools(store: &Store, approval: &Approval) -> Vec<(String, Option<String>)> {
        let chain = Chains::open(store, &ongoing).unwrap().of(approval).unwrap();
        chain.into_iter().map(|link| (link.call, link.tool)).collect()
    }

    #[tokio::test]
    async fn the_outermost_call_is_first_and_one_without_a_record_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let approval = asked(&store, Some("b")).await;
        assert_eq!(tools(&store, &approval), [("b".to_owned(), None)], "it goes on");
        note(&store, "b", Some("a"), "llm_chat", AuditPhase::Intent).await;
        note(&store, "b", None, "approval.request", AuditPhase::Act).await;
        note(&store, "a", None, "jobs_submit", AuditPhase::Done).await;
        note(&store, "asks", Some("b"), "files_delete", AuditPhase::Refused).await;
        let named = |call: &str, tool: &str| (call.to_owned(), Some(tool.to_owned()));
        assert_eq!(tools(&store, &approval), [named("a", "jobs_submit"), named("b", "llm_chat")]);
    }

    #[tokio::test]
    async fn a_call_from_outside_stands_alone_and_a_circle_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(tools(&store, &asked(&store, None).await).is_empty());
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        note(&store, "b", Some("b"), "llm_chat", AuditPhase::Done).await;
        assert_eq!(tools(&store, &asked(&store, Some("b")).await).len(), usize::from(DEPTH_MAX));
    }
}
