//! Removing old records.

use drawbridge_store::{AuditFilter, BATCH_MAX, PRUNE};

use crate::support::{owner, record, store};

const DAY_US: i64 = 24 * 3600 * 1_000_000;

#[tokio::test]
async fn what_is_old_goes_and_the_rest_still_verifies() {
    let (_folder, store) = store();
    let by = owner();
    for age in [40, 35, 20, 31, 1] {
        let mut record = record(&format!("{age} days old"));
        record.time_us = by.time_us - age * DAY_US;
        store.audit_durable(record).await.unwrap();
    }
    let noted = store.audit_head().unwrap();
    assert_eq!(
        store.audit_prune(30, by.clone()).await.unwrap().records,
        2,
        "up to the first that is young enough"
    );
    let report = store.audit_verify(Some(noted)).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.records, 4, "three were kept, one accounts for the removal");
    assert_eq!(store.audit_follow(0, 1).unwrap()[0].seq, 3);
    assert_eq!(store.audit_prune(30, by).await.unwrap().records, 0);
    assert_eq!(store.audit_verify(None).unwrap().records, 4, "nothing to remove, nothing to tell");
}

#[tokio::test]
async fn everything_may_go_and_the_chain_goes_on() {
    let (_folder, store) = store();
    let mut by = owner();
    for number in 0..3 {
        for _ in 0..BATCH_MAX * 21 {
            store.audit_batched_wait(record("old")).await.unwrap();
        }
        store.flush().await.unwrap();
        by.time_us = drawbridge_store::now_us() + 1;
        let removed = store.audit_prune(0, by.clone()).await.unwrap().records;
        assert!(removed >= (BATCH_MAX * 21) as u64, "round {number}: {removed}");
        let report = store.audit_verify(None).unwrap();
        assert!(report.is_whole(), "{report:?}");
    }
    let acts =
        store.audit_page(&AuditFilter { target: Some(PRUNE.into()), ..Default::default() }, 10).unwrap();
    assert!(!acts.is_empty());
    assert!(store.audit_durable(record("new")).await.unwrap() > (BATCH_MAX * 63) as i64);
}
