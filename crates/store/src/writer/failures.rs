//! What happens when the database cannot be written: a full disk, and a process that will not let go.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Effect, KEPT_MAX, QUEUE_MAX};
use crate::{
    ARGUMENTS_BYTES_MAX, AuditRecord, BUSY_TIMEOUT, By, DATABASE_FILE, Health, Store, StoreError,
    audit::head::HeadFile,
    generation::{FRESH, Generation},
};

/// A store whose database may not grow, and whose file has `free` pages to fill later: see [`make_room`].
async fn full_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.flush().await.unwrap();
    other(&folder).execute_batch("CREATE TABLE ballast AS SELECT zeroblob(8 << 20)").unwrap();
    let pages: i64 = store
        .change(|connection| {
            let pages: i64 = connection.query_row("PRAGMA page_count", (), |row| row.get(0)).unwrap();
            let pages =
                connection.query_row(&format!("PRAGMA max_page_count = {pages}"), (), |row| row.get(0));
            Ok((pages.unwrap(), Effect::default()))
        })
        .await
        .unwrap();
    assert!(pages > 2000);
    (folder, store)
}

/// As if the owner had deleted something.
fn make_room(folder: &TempDir) {
    other(folder).execute_batch("DROP TABLE ballast").unwrap();
}

fn other(folder: &TempDir) -> Connection {
    let connection = Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    connection.busy_timeout(BUSY_TIMEOUT).unwrap();
    connection
}

fn record(note: &str, bytes: usize) -> AuditRecord {
    let mut record = AuditRecord::act(&By::now("owner", "cli"), "test", note);
    record.arguments = Some("x".repeat(bytes));
    record
}

async fn eventually(store: &Store, right: impl Fn(&Health) -> bool) -> Health {
    let deadline = Instant::now() + 4 * BUSY_TIMEOUT;
    loop {
        let health = store.health();
        if right(&health) {
            return health;
        }
        assert!(Instant::now() < deadline, "{health:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn notes(store: &Store) -> Vec<String> {
    let entries = store.audit_follow(0, 1000).unwrap();
    entries.into_iter().filter_map(|entry| entry.record.note).collect()
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let (folder, store) = full_store().await;
    store.audit_batched(record("first", ARGUMENTS_BYTES_MAX)).unwrap();
    store.audit_batched(record("second", ARGUMENTS_BYTES_MAX)).unwrap();
    let error = store.audit_durable(record("third", 10)).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let error =
        store.settings().set("bridge", "raised", "bridge.raise", By::now("owner", "cli")).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(matches!(store.flush().await, Err(StoreError::Full { .. })));
    let health = store.health();
    assert_eq!(health.kept, 2);
    assert!(matches!(health.failing, Some(StoreError::Full { .. })));
    assert!(notes(&store).is_empty(), "nothing half-written");
    assert_eq!(store.generation(), store.generation(), "and no doubt about policy");

    make_room(&folder);
    let health = eventually(&store, |health| health.failing.is_none()).await;
    assert_eq!(health.kept, 0);
    store.audit_durable(record("fourth", 10)).await.unwrap();
    assert_eq!(notes(&store), ["first", "second", "fourth"], "what nobody waited for was kept, in order");
    assert!(store.audit_verify(None).unwrap().is_whole());
    assert_eq!(store.settings().get("bridge").unwrap(), None, "who was told no was not served later");
}

#[tokio::test]
async fn what_is_kept_meanwhile_is_bounded() {
    let (folder, store) = full_store().await;
    store.audit_batched(record("0", ARGUMENTS_BYTES_MAX)).unwrap();
    eventually(&store, |health| health.failing.is_some()).await;
    let mut taken = 1;
    let refusal = loop {
        match store.audit_batched(record(&taken.to_string(), 0)) {
            Ok(()) => taken += 1,
            Err(rejected) if matches!(rejected.error, StoreError::QueueFull) => {
                tokio::task::yield_now().await;
            }
            Err(rejected) => break rejected.error,
        }
    };
    assert!(matches!(refusal, StoreError::Failing { kept } if kept >= KEPT_MAX), "{refusal}");
    assert!((KEPT_MAX..=KEPT_MAX + QUEUE_MAX).contains(&taken), "{taken}");
    assert!(matches!(store.audit_batched_wait(record("late", 0)).await, Err(StoreError::Failing { .. })));
    make_room(&folder);
    eventually(&store, |health| health.failing.is_none()).await;
    store.flush().await.unwrap();
    assert_eq!(store.audit_head().unwrap().seq, i64::try_from(taken).unwrap(), "all that was taken is there");
    assert!(store.audit_verify(None).unwrap().is_whole());
}

#[tokio::test]
async fn a_database_that_stays_busy_is_told_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.flush().await.unwrap();
    let other = other(&folder);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.audit_batched(record("first", 0)).unwrap();
    let asked = Instant::now();
    let error = store.audit_durable(record("second", 0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    assert!(asked.elapsed() < BUSY_TIMEOUT * 6, "{:?}", asked.elapsed());
    assert_eq!(store.health().kept, 1);
    other.execute_batch("COMMIT").unwrap();
    store.audit_durable(record("third", 0)).await.unwrap();
    assert_eq!(notes(&store), ["first", "third"]);
    assert!(store.audit_verify(None).unwrap().is_whole());
}

/// Another process committed a change of policy and died before it could say so in the file `generation`.
#[tokio::test]
async fn a_change_whose_author_died_is_never_missed() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Store::open(folder.path()).unwrap();
    hub.flush().await.unwrap();
    let before = hub.generation();
    assert_eq!(hub.generation(), before);

    let database = other(&folder);
    let dying = Generation::open(folder.path()).unwrap();
    database.execute_batch("BEGIN IMMEDIATE; UPDATE generation SET count = count + 1").unwrap();
    let _never_settled = dying.doubt(before / 2).unwrap();
    tokio::time::sleep(FRESH).await;
    assert_ne!(hub.generation(), before, "in doubt before the commit");
    database.execute_batch("COMMIT").unwrap();
    drop(dying);
    assert_ne!(hub.generation(), before, "in doubt after it");

    hub.flush().await.unwrap();
    let after = hub.generation();
    assert_ne!(after, before);
    assert_eq!(hub.generation(), after, "settled by the hub itself");
}

/// Commits that another one follows leave the flushing to it; the last one, and one that somebody waits for, do not.
#[tokio::test]
async fn after_a_flood_the_second_copy_of_the_end_is_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let file = HeadFile::open(folder.path()).unwrap();
    for number in 0..20_000 {
        while store.audit_batched(record(&number.to_string(), 0)).is_err() {
            tokio::task::yield_now().await;
        }
        if let Some(head) = file.read() {
            assert!(head.seq <= store.audit_head().unwrap().seq, "the file is never newer");
        }
    }
    store.flush().await.unwrap();
    assert_eq!(store.audit_head().unwrap().seq, 20_000);
    assert_eq!(file.read(), Some(store.audit_head().unwrap()));
}

/// A change that fails half-way leaves nothing, and does not harm the others in its batch.
#[tokio::test]
async fn a_change_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let before = store.audit_durable(record("before", 0));
    let failing = store.change::<(), _>(|connection| {
        connection.execute("INSERT INTO settings VALUES ('half', 'done')", ()).unwrap();
        Err(StoreError::GrantInThePast)
    });
    let after = store.audit_durable(record("after", 0));
    let (before, failed, after) = tokio::join!(before, failing, after);
    assert!(matches!(failed, Err(StoreError::GrantInThePast)));
    assert_eq!((before.unwrap(), after.unwrap()), (1, 2));
    assert_eq!(store.settings().get("half").unwrap(), None);
}
