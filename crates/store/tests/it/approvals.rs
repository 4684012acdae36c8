//! Approvals.

use drawbridge_store::{
    Approval, ApprovalState, By, DECIDED_KEPT_US, Grant, NewApproval, ONCE_LASTS_US, PENDING_PER_CALLER_MAX,
    Store, StoreError,
};

use crate::support::{owner, store};

const MINUTE_US: i64 = 60 * 1_000_000;

fn wanted(args: u8) -> NewApproval {
    NewApproval {
        caller: "ada".into(),
        tool: "files_delete".into(),
        args_hash: [args; 32],
        shown: r#"{"path":"notes.md"}"#.into(),
        why: "destructive".into(),
        parent: Some("above".into()),
        expires_us: owner().time_us + MINUTE_US,
    }
}

async fn take(store: &Store, args: u8, now_us: i64) -> Option<Approval> {
    store.approvals().take("ada", "files_delete", &[args; 32], now_us).await.unwrap()
}

fn acts(store: &Store) -> Vec<String> {
    store.audit_follow(0, 100).unwrap().into_iter().map(|entry| entry.record.target.to_string()).collect()
}

#[tokio::test]
async fn a_grant_for_one_call_is_used_once_and_for_these_arguments_only() {
    let (_folder, store) = store();
    let asked = store.approvals().request(wanted(1), owner()).await.unwrap();
    let now = owner().time_us;
    assert!(take(&store, 1, now).await.is_none(), "nobody approved yet");
    store.approvals().approve(&asked.id, Grant::Once, owner()).await.unwrap();
    assert!(take(&store, 2, now).await.is_none(), "other arguments");
    let other = store.approvals().take("eve", "files_delete", &[1; 32], now).await.unwrap();
    assert!(other.is_none(), "another caller");
    let other = store.approvals().take("ada", "files_write", &[1; 32], now).await.unwrap();
    assert!(other.is_none(), "another tool");
    assert_eq!(take(&store, 1, now).await.unwrap().id, asked.id);
    assert!(take(&store, 1, now).await.is_none(), "used up");
    assert_eq!(acts(&store), ["approval.request", "approval.approve", "approval.take"]);
    assert!(store.audit_verify(None).unwrap().is_whole());
}

#[tokio::test]
async fn a_grant_until_a_time_holds_until_then() {
    let (_folder, store) = store();
    let asked = store.approvals().request(wanted(1), owner()).await.unwrap();
    let ends = owner().time_us + MINUTE_US;
    store.approvals().approve(&asked.id, Grant::Until(ends), owner()).await.unwrap();
    let records = store.audit_head().unwrap().seq;
    assert!(take(&store, 1, ends - 1).await.is_some());
    assert!(take(&store, 1, ends - 1).await.is_some());
    assert!(take(&store, 1, ends).await.is_none());
    assert_eq!(store.audit_head().unwrap().seq, records, "looking writes nothing");
    store.approvals().deny(&asked.id, owner()).await.unwrap();
    assert!(take(&store, 1, ends - 1).await.is_none(), "taken back");
}

#[tokio::test]
async fn a_grant_for_one_call_lapses() {
    let (_folder, store) = store();
    let asked = store.approvals().request(wanted(1), owner()).await.unwrap();
    let approved = store.approvals().approve(&asked.id, Grant::Once, owner()).await.unwrap();
    let decided = approved.decided_us.unwrap();
    assert!(take(&store, 1, decided + ONCE_LASTS_US).await.is_none());
    assert!(take(&store, 1, decided + ONCE_LASTS_US - 1).await.is_some());
}

#[tokio::test]
async fn the_same_request_is_asked_once() {
    let (_folder, store) = store();
    let first = store.approvals().request(wanted(1), owner()).await.unwrap();
    let second = store.approvals().request(wanted(1), owner()).await.unwrap();
    assert_eq!(first, second);
    assert_ne!(store.approvals().request(wanted(2), owner()).await.unwrap().id, first.id);
    store.approvals().deny(&first.id, owner()).await.unwrap();
    assert_ne!(
        store.approvals().request(wanted(1), owner()).await.unwrap().id,
        first.id,
        "denied is decided"
    );
}

#[tokio::test]
async fn what_nobody_decides_lapses() {
    let (_folder, store) = store();
    let asked = store.approvals().request(wanted(1), owner()).await.unwrap();
    let after = asked.expires_us;
    assert_eq!(store.approvals().list(false, after - 1).unwrap().len(), 1);
    assert!(store.approvals().list(false, after).unwrap().is_empty());
    assert_eq!(store.approvals().list(true, after).unwrap()[0].state, ApprovalState::Expired);
    assert_eq!(store.approvals().get(&asked.id, after).unwrap().state, ApprovalState::Expired);
    let mut late = owner();
    late.time_us = after;
    let error = store.approvals().approve(&asked.id, Grant::Once, late.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotPending { state: ApprovalState::Expired, .. }), "{error}");
    let again =
        store.approvals().request(NewApproval { expires_us: after + 1, ..wanted(1) }, late).await.unwrap();
    assert_ne!(again.id, asked.id);
}

#[tokio::test]
async fn a_decision_is_made_once() {
    let (_folder, store) = store();
    let asked = store.approvals().request(wanted(1), owner()).await.unwrap();
    let past = store.approvals().approve(&asked.id, Grant::Until(1), owner()).await;
    assert!(matches!(past, Err(StoreError::GrantInThePast)));
    store.approvals().deny(&asked.id, owner()).await.unwrap();
    let error = store.approvals().approve(&asked.id, Grant::Once, owner()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotPending { state: ApprovalState::Denied, .. }), "{error}");
    let error = store.approvals().deny("nonsense", owner()).await.unwrap_err();
    assert!(matches!(error, StoreError::NoSuchApproval { .. }), "{error}");
    assert_eq!(acts(&store), ["approval.request", "approval.deny"]);
}

#[tokio::test]
async fn it_is_kept_which_call_asked_and_which_made_that() {
    let (_folder, store) = store();
    let by = By { call: "below".into(), ..owner() };
    let asked = store.approvals().request(wanted(1), by).await.unwrap();
    let again = store.approvals().request(wanted(1), By { call: "later".into(), ..owner() }).await.unwrap();
    assert_eq!((&*again.call, again.parent.as_deref()), ("below", Some("above")), "the first one asked");
    assert_eq!(store.approvals().get(&asked.id, asked.created_us).unwrap(), asked);
    let outside = NewApproval { parent: None, ..wanted(2) };
    let outside = store.approvals().request(outside, owner()).await.unwrap();
    assert_eq!(store.approvals().get(&outside.id, outside.created_us).unwrap().parent, None);
}

#[tokio::test]
async fn an_id_may_be_typed_carelessly() {
    let (_folder, store) = store();
    let asked = store.approvals().request(wanted(1), owner()).await.unwrap();
    assert_eq!(asked.id.len(), 10);
    let typed =
        format!(" {}-{} ", &asked.id[..5], &asked.id[5..]).to_uppercase().replace('1', "I").replace('0', "o");
    assert_eq!(store.approvals().approve(&typed, Grant::Once, owner()).await.unwrap().id, asked.id);
}

#[tokio::test]
async fn one_caller_cannot_fill_the_list() {
    let (_folder, store) = store();
    for args in 0..PENDING_PER_CALLER_MAX {
        store.approvals().request(wanted(args as u8), owner()).await.unwrap();
    }
    let error = store.approvals().request(wanted(200), owner()).await.unwrap_err();
    assert!(matches!(error, StoreError::TooMany { .. }), "{error}");
    store.approvals().request(wanted(0), owner()).await.expect("the same again is no new one");
    store.approvals().request(NewApproval { caller: "bob".into(), ..wanted(200) }, owner()).await.unwrap();
    let mut late = owner();
    late.time_us += 2 * MINUTE_US;
    let later = NewApproval { expires_us: late.time_us + 1, ..wanted(200) };
    store.approvals().request(later, late).await.expect("what lapsed makes room");
}

#[tokio::test]
async fn what_is_long_over_is_forgotten() {
    let (_folder, store) = store();
    let asked = store.approvals().request(wanted(1), owner()).await.unwrap();
    store.approvals().deny(&asked.id, owner()).await.unwrap();
    let mut late = owner();
    late.time_us = asked.created_us + DECIDED_KEPT_US;
    store.approvals().request(wanted(2), late.clone()).await.unwrap();
    assert_eq!(store.approvals().list(true, late.time_us).unwrap().len(), 2);
    late.time_us += 1;
    store.approvals().request(wanted(3), late.clone()).await.unwrap();
    let left = store.approvals().list(true, late.time_us).unwrap();
    assert!(left.iter().all(|approval| approval.id != asked.id), "{left:?}");
}

/// Two handles with a writer each, as two processes have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_racing_takers_one_wins() {
    let (folder, first) = store();
    let second = Store::open(folder.path()).unwrap();
    for args in 0..40 {
        let asked = first.approvals().request(wanted(args), owner()).await.unwrap();
        first.approvals().approve(&asked.id, Grant::Once, owner()).await.unwrap();
        let now = owner().time_us;
        let race = |store: Store| tokio::spawn(async move { take(&store, args, now).await.is_some() });
        let racers = [race(first.clone()), race(second.clone()), race(first.clone()), race(second.clone())];
        let mut winners = 0;
        for racer in racers {
            winners += i32::from(racer.await.unwrap());
        }
        assert_eq!(winners, 1, "round {args}");
    }
    assert!(first.audit_verify(None).unwrap().is_whole());
}
