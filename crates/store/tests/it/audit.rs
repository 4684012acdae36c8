//! Writing and reading records.

use std::time::{Duration, Instant};

use drawbridge_store::{
    ARGUMENTS_BYTES_MAX, AuditFilter, AuditOutcome, AuditRecord, BATCH_DELAY, HeadCheck, PAGE_MAX, Store,
    StoreError,
};

use crate::support::{record, store};

#[tokio::test]
async fn records_come_back_in_the_order_they_were_sent() {
    let (_folder, store) = store();
    for call in ["a", "b"] {
        store.audit_batched(record(call)).unwrap();
    }
    assert_eq!(store.audit_durable(record("c")).await.unwrap(), 3);
    assert_eq!(calls(&store), ["a", "b", "c"]);
    let report = store.audit_verify(None).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.records, report.head_file), (3, HeadCheck::Agrees));
    assert_eq!(report.head, store.audit_head().unwrap());
}

#[tokio::test]
async fn every_field_comes_back() {
    let (_folder, store) = store();
    let mut whole = record("call-2");
    whole.parent = Some("call-1".into());
    whole.decision = Some(drawbridge_store::AuditDecision::Ask);
    whole.why = Some("rule 3".into());
    whole.note = Some("a\nb\u{0}c\u{202e}d".into());
    whole.result_bytes = Some(i64::MAX);
    store.audit_durable(whole.clone()).await.unwrap();
    assert_eq!(store.audit_follow(0, 1).unwrap()[0].record, whole);
}

#[tokio::test]
async fn a_record_nobody_waits_for_is_written_in_time() {
    let (_folder, store) = store();
    store.flush().await.unwrap(); // opening gives the writer something to do at once
    let sent = Instant::now();
    store.audit_batched(record("a")).unwrap();
    while calls(&store).is_empty() {
        assert!(sent.elapsed() < BATCH_DELAY * 600, "it was never written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(sent.elapsed() >= BATCH_DELAY / 2, "it did not wait for company: {:?}", sent.elapsed());
}

#[tokio::test]
async fn who_waits_is_not_delayed_by_who_does_not() {
    let (_folder, store) = store();
    let mut quickest = BATCH_DELAY;
    for round in 0..200 {
        if quickest < BATCH_DELAY / 2 {
            break;
        }
        store.audit_batched(record(&format!("batched {round}"))).unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await; // the writer sleeps for company now
        let sent = Instant::now();
        store.audit_durable(record(&format!("durable {round}"))).await.unwrap();
        quickest = quickest.min(sent.elapsed());
    }
    assert!(quickest < BATCH_DELAY / 2, "even the quickest took {quickest:?}");
}

#[tokio::test]
async fn closing_writes_what_was_sent_and_takes_no_more() {
    let (folder, store) = store();
    store.audit_batched(record("a")).unwrap();
    store.close().await.unwrap();
    assert_eq!(calls(&store), ["a"], "reading still works");
    assert!(matches!(store.audit_durable(record("b")).await, Err(StoreError::Closed)));
    let rejected = store.audit_batched(record("b")).unwrap_err();
    assert!(matches!(rejected.error, StoreError::Closed));
    assert_eq!(&*rejected.record.call, "b");
    store.close().await.unwrap();
    drop(store);
    assert_eq!(calls(&Store::open(folder.path()).unwrap()), ["a"]);
}

#[test]
fn dropping_the_last_handle_writes_what_was_sent() {
    let (folder, store) = store();
    let other = store.clone();
    for number in 0..2000 {
        store.audit_batched(record(&number.to_string())).unwrap();
    }
    drop(store);
    drop(other);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.audit_head().unwrap().seq, 2000);
    assert!(store.audit_verify(None).unwrap().is_whole());
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_and_given_back() {
    let (_folder, store) = store();
    let mut large = record("a");
    large.arguments = Some("x".repeat(ARGUMENTS_BYTES_MAX + 1));
    let rejected = store.audit_batched(large.clone()).unwrap_err();
    assert_eq!(rejected.record, large);
    assert!(matches!(store.audit_durable(large).await, Err(StoreError::TooLarge { .. })));
    let mut largest = record("b");
    largest.arguments = Some("x".repeat(ARGUMENTS_BYTES_MAX));
    store.audit_durable(largest).await.unwrap();
}

#[tokio::test]
async fn a_filter_gives_what_fits_newest_first() {
    let (_folder, store) = store();
    for (number, target) in ["files_read", "files_write", "mail_send", "files_find"].into_iter().enumerate() {
        let mut record = record(&format!("call-{number}"));
        record.target = target.into();
        record.time_us = 1000 + number as i64;
        record.caller = if number < 2 { "ada".into() } else { "bob".into() };
        record.outcome = (number > 0).then_some(AuditOutcome::Error);
        store.audit_durable(record).await.unwrap();
    }
    let check = |filter: AuditFilter, expected: &[i64]| {
        let found: Vec<_> =
            store.audit_page(&filter, 10).unwrap().into_iter().map(|entry| entry.seq).collect();
        assert_eq!(found, expected, "{filter:?}");
    };
    let all = AuditFilter::default();
    check(all.clone(), &[4, 3, 2, 1]);
    check(AuditFilter { target: Some("files_*".into()), ..all.clone() }, &[4, 2, 1]);
    check(AuditFilter { caller: Some("ada".into()), ..all.clone() }, &[2, 1]);
    check(AuditFilter { caller: Some("a*".into()), ..all.clone() }, &[]);
    check(AuditFilter { call: Some("call-2".into()), ..all.clone() }, &[3]);
    check(AuditFilter { since_us: Some(1001), until_us: Some(1003), ..all.clone() }, &[3, 2]);
    check(AuditFilter { outcome: Some(AuditOutcome::Error), before_seq: Some(4), ..all.clone() }, &[3, 2]);
    check(AuditFilter { target: Some("' OR 1=1 --".into()), ..all.clone() }, &[]);
    let long = AuditFilter { target: Some("*".repeat(2000)), ..all };
    assert!(matches!(store.audit_page(&long, 10), Err(StoreError::TooLarge { .. })));
}

#[tokio::test]
async fn a_page_is_bounded() {
    let (_folder, store) = store();
    for _ in 0..=PAGE_MAX {
        store.audit_batched(record("a")).unwrap();
    }
    store.flush().await.unwrap();
    assert_eq!(store.audit_page(&AuditFilter::default(), usize::MAX).unwrap().len(), PAGE_MAX);
    assert_eq!(store.audit_follow(1, usize::MAX).unwrap().len(), PAGE_MAX);
    assert_eq!(store.audit_follow(2, usize::MAX).unwrap().len(), PAGE_MAX - 1);
}

/// More than the queue holds, from several tasks that never wait for a commit: nothing is lost, each task's order holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_waits_for_room() {
    const EACH: usize = 5000;
    let (_folder, store) = store();
    let flood = |task: usize| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                let mut record = record(&number.to_string());
                record.caller = task.to_string().into();
                send(&store, record).await;
            }
        })
    };
    for task in [flood(0), flood(1), flood(2), flood(3)] {
        task.await.unwrap();
    }
    store.flush().await.unwrap();
    let mut next = [0; 4];
    let mut after = 0;
    while let Some(last) = each_page(&store, after, &mut next) {
        after = last;
    }
    assert_eq!(next, [EACH; 4]);
    assert!(store.audit_verify(None).unwrap().is_whole());
}

async fn send(store: &Store, record: AuditRecord) {
    if let Err(rejected) = store.audit_batched(record) {
        assert!(matches!(rejected.error, StoreError::QueueFull));
        store.audit_batched_wait(rejected.record).await.unwrap();
    }
}

fn each_page(store: &Store, after: i64, next: &mut [usize; 4]) -> Option<i64> {
    let page = store.audit_follow(after, PAGE_MAX).unwrap();
    for entry in &page {
        let task: usize = entry.record.caller.parse().unwrap();
        assert_eq!(*entry.record.call, *next[task].to_string());
        next[task] += 1;
    }
    page.last().map(|entry| entry.seq)
}

fn calls(store: &Store) -> Vec<String> {
    store.audit_follow(0, PAGE_MAX).unwrap().into_iter().map(|entry| entry.record.call.to_string()).collect()
}
