//! The chain of records.

use drawbridge_store::{AuditFilter, HeadCheck};

use crate::support::{record, store};

#[tokio::test]
async fn records_come_back_in_the_order_they_were_sent() {
    let (_folder, store) = store();
    for call in ["a", "b"] {
        store.audit_batched(record(call)).unwrap();
    }
    assert_eq!(store.audit_durable(record("c")).await.unwrap(), 3);
    let calls: Vec<_> =
        store.audit_follow(0, 10).unwrap().into_iter().map(|entry| entry.record.call).collect();
    assert_eq!(calls.iter().map(|call| &**call).collect::<Vec<_>>(), ["a", "b", "c"]);
    let newest = store.audit_page(&AuditFilter::default(), 1).unwrap();
    assert_eq!(newest[0].seq, 3);
    let report = store.audit_verify(None).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.records, report.head_file), (3, HeadCheck::Agrees));
    assert_eq!(report.head, store.audit_head().unwrap());
}
