//! How many calls an account made, over restarts.

use std::sync::Arc;

use drawbridge_store::{Calls, Store};

use crate::support::{record, store};

fn calls(first_us: i64, last_us: i64, count: u32) -> Calls {
    Calls { first_us, last_us, count }
}

#[tokio::test]
async fn what_was_noted_before_a_record_is_there_with_it_after_a_restart() {
    let (folder, store) = store();
    let account: Arc<str> = "key:laptop".into();
    for (first, last, count) in [(10, 10, 1), (10, 14, 5), (10, 12, 3), (20, 20, 1)] {
        store.calls().note(&account, calls(first, last, count), 0);
    }
    store.calls().note(&"key:other".into(), calls(10, 10, 1), 0);
    store.audit_durable(record("c1")).await.unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.calls().since("key:laptop", 0).unwrap(), [calls(10, 14, 5), calls(20, 20, 1)]);
    assert_eq!(store.calls().since("key:laptop", 14).unwrap(), [calls(20, 20, 1)]);
}

#[tokio::test]
async fn a_new_slice_forgets_what_no_limit_asks_for() {
    let (_folder, store) = store();
    let account: Arc<str> = "key:laptop".into();
    store.calls().note(&account, calls(10, 14, 5), 0);
    store.calls().note(&account, calls(30, 30, 1), 15);
    store.flush().await.unwrap();
    assert_eq!(store.calls().since("key:laptop", 0).unwrap(), [calls(30, 30, 1)]);
}

#[tokio::test]
async fn a_state_of_the_first_format_gets_what_came_later() {
    let (folder, store) = store();
    drop(store);
    let database = rusqlite::Connection::open(folder.path().join("drawbridge.db")).unwrap();
    database.execute_batch("DROP TABLE calls; ALTER TABLE approvals DROP COLUMN call; ALTER TABLE approvals DROP COLUMN parent; PRAGMA user_version = 1").unwrap();
    drop(database);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.calls().since("key:laptop", 0).unwrap(), []);
    assert_eq!(store.approvals().list(true, 0).unwrap(), []);
}
