//! Whoever changes the audit behind our back is found out.

use drawbridge_store::{
    ALARM, AuditDecision, AuditFilter, AuditRecord, DATABASE_FILE, HEAD_FILE, HeadCheck, Problem, Store,
};
use proptest::prelude::*;
use rusqlite::{Connection, types::Value};
use tempfile::TempDir;

use crate::support::{record, store};

const COLUMNS: [&str; 16] = [
    "seq",
    "time",
    "call",
    "parent",
    "caller",
    "entrance",
    "target",
    "phase",
    "decision",
    "why",
    "outcome",
    "arguments",
    "duration_us",
    "result_bytes",
    "note",
    "hash",
];

fn five_records() -> (TempDir, Store) {
    let (folder, store) = store();
    for number in 0..5 {
        let mut record = record(&format!("call-{number}"));
        record.parent = (number % 2 == 0).then(|| "parent".into());
        record.decision = (number > 1).then_some(AuditDecision::Allow);
        record.note = (number > 2).then(|| "a note".into());
        send(&store, record);
    }
    (folder, store)
}

fn send(store: &Store, record: AuditRecord) {
    store.audit_batched(record).unwrap();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(store.flush()).unwrap();
}

fn open(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join(DATABASE_FILE)).unwrap()
}

fn problem(store: &Store) -> Option<(i64, Problem)> {
    store.audit_verify(None).unwrap().bad.map(|bad| (bad.seq, bad.problem))
}

/// Any value but this one, of the same type, with one byte changed.
fn altered(value: &Value, byte: usize, mask: u8) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Integer(number) => Value::Integer(number ^ (i64::from(mask) << (8 * (byte % 8)))),
        Value::Real(number) => Value::Real(*number),
        Value::Text(text) => Value::Blob(flipped(text.as_bytes(), byte, mask)),
        Value::Blob(bytes) => Value::Blob(flipped(bytes, byte, mask)),
    }
}

fn flipped(bytes: &[u8], byte: usize, mask: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let place = byte % bytes.len();
    bytes[place] ^= mask;
    bytes
}

fn length(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 8,
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
    }
}

/// Puts a value into a column of one row, whatever its type; says whether the database took it.
fn put(database: &Connection, column: &str, seq: i64, value: &Value) -> bool {
    let cast = if column == "hash" || !matches!(value, Value::Blob(_)) { "?1" } else { "CAST(?1 AS TEXT)" };
    database.execute(&format!("UPDATE audit SET {column} = {cast} WHERE seq = ?2"), (value, seq)).is_ok()
}

fn get(database: &Connection, column: &str, seq: i64) -> Value {
    let sql = format!("SELECT {column} FROM audit WHERE seq = ?1");
    database.query_row(&sql, [seq], |row| row.get(0)).unwrap()
}

/// Alters one byte, looks, and puts it back. `false`: the column is empty, or the number is taken.
fn is_found(store: &Store, database: &Connection, column: &str, seq: i64, byte: usize, mask: u8) -> bool {
    let before = get(database, column, seq);
    let after = altered(&before, byte, mask);
    if after == before || !put(database, column, seq, &after) {
        return false;
    }
    let report = store.audit_verify(None).unwrap();
    assert!(
        report.bad.is_some(),
        "byte {byte} of {column} of record {seq} went unnoticed: {before:?} to {after:?}"
    );
    let place = if let (true, Value::Integer(moved)) = (column == "seq", &after) { *moved } else { seq };
    assert!(put(database, column, place, &before));
    true
}

#[test]
fn every_single_byte_counts() {
    let (folder, store) = five_records();
    let database = open(&folder);
    let mut tried = 0;
    for seq in 1..=5 {
        for column in COLUMNS {
            for byte in 0..length(&get(&database, column, seq)) {
                tried += i32::from(is_found(&store, &database, column, seq, byte, 1));
            }
        }
    }
    assert!(tried > 500, "only {tried} bytes were tried");
    assert_eq!(problem(&store), None, "all was put back");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was recorded, and whatever is changed in it.
    #[test]
    fn any_change_of_any_record_is_found(
        texts in proptest::collection::vec(("\\PC{0,40}", proptest::option::of("\\PC{0,40}"), any::<Option<i64>>()), 1..5),
        changes in proptest::collection::vec((any::<usize>(), any::<usize>(), any::<usize>(), 1u8..), 20),
    ) {
        let (folder, store) = store();
        for (call, note, duration_us) in &texts {
            let mut record = record(call);
            record.note.clone_from(note);
            record.duration_us = *duration_us;
            send(&store, record);
        }
        let database = open(&folder);
        for (row, column, byte, mask) in changes {
            let seq = (row % texts.len() + 1) as i64;
            let column = COLUMNS[column % COLUMNS.len()];
            if length(&get(&database, column, seq)) > 0 {
                is_found(&store, &database, column, seq, byte, mask);
            }
        }
        prop_assert_eq!(problem(&store), None);
    }
}

#[test]
fn filling_or_emptying_a_column_is_found() {
    let (folder, store) = five_records();
    let database = open(&folder);
    for (column, seq, value) in [
        ("note", 1, Value::Text(String::new())),
        ("note", 4, Value::Null),
        ("parent", 2, Value::Text(String::new())),
        ("parent", 1, Value::Null),
        ("result_bytes", 1, Value::Integer(0)),
        ("duration_us", 1, Value::Null),
    ] {
        let before = get(&database, column, seq);
        assert!(put(&database, column, seq, &value));
        assert_eq!(problem(&store), Some((seq, Problem::Altered)), "{column}");
        assert!(put(&database, column, seq, &before));
    }
}

#[test]
fn moving_text_from_one_column_to_the_next_is_found() {
    let (folder, store) = five_records();
    let sql = "UPDATE audit SET caller = caller || substr(entrance, 1, 1), entrance = substr(entrance, 2) WHERE seq = 2";
    open(&folder).execute(sql, ()).unwrap();
    assert_eq!(problem(&store), Some((2, Problem::Altered)));
}

#[test]
fn removing_records_is_found_wherever_they_were() {
    for (condition, expected) in [
        ("seq = 3", (3, Problem::Missing)),
        ("seq = 1", (1, Problem::Missing)),
        ("seq < 4", (1, Problem::Missing)),
        ("seq = 5", (5, Problem::EndRemoved)),
        ("seq > 2", (5, Problem::EndRemoved)),
        ("true", (5, Problem::EndRemoved)),
    ] {
        let (folder, store) = five_records();
        open(&folder).execute(&format!("DELETE FROM audit WHERE {condition}"), ()).unwrap();
        assert_eq!(problem(&store), Some(expected), "{condition}");
    }
}

#[test]
fn a_forged_start_is_found() {
    let (folder, store) = five_records();
    let database = open(&folder);
    database.execute("INSERT INTO audit_anchor SELECT 1, seq, hash FROM audit WHERE seq = 2", ()).unwrap();
    database.execute("DELETE FROM audit WHERE seq <= 2", ()).unwrap();
    assert_eq!(problem(&store), Some((3, Problem::StartRemoved)));
}

#[test]
fn exchanging_or_inserting_records_is_found() {
    let (folder, store) = five_records();
    let database = open(&folder);
    let exchange = "UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;
        UPDATE audit SET seq = 3 WHERE seq = 100;";
    database.execute_batch(exchange).unwrap();
    assert_eq!(problem(&store), Some((2, Problem::Altered)));
    database.execute_batch(exchange).unwrap();
    assert_eq!(problem(&store), None);
    for (place, expected) in [(0, Problem::Inserted), (-7, Problem::Inserted), (6, Problem::Altered)] {
        let copy = "CREATE TEMP TABLE copy AS SELECT * FROM audit WHERE seq = 5; UPDATE copy SET seq = ";
        database
            .execute_batch(&format!("{copy}{place}; INSERT INTO audit SELECT * FROM copy; DROP TABLE copy;"))
            .unwrap();
        assert_eq!(problem(&store), Some((place, expected)));
        database.execute("DELETE FROM audit WHERE seq = ?1", [place]).unwrap();
    }
    assert_eq!(problem(&store), None);
}

#[tokio::test]
async fn the_writer_notes_a_shortened_end_in_the_chain_for_ever() {
    let (folder, store) = store();
    for call in ["a", "b", "c"] {
        store.audit_durable(record(call)).await.unwrap();
    }
    open(&folder).execute("DELETE FROM audit WHERE seq = 3", ()).unwrap();
    store.audit_durable(record("d")).await.unwrap();
    let alarms =
        store.audit_page(&AuditFilter { target: Some(ALARM.into()), ..Default::default() }, 10).unwrap();
    assert_eq!(alarms.len(), 1);
    assert!(alarms[0].record.note.as_ref().unwrap().contains("record 3 was the last one seen"));
    assert_eq!(store.health().lost.unwrap().seq, 3);
    store.audit_durable(record("e")).await.unwrap();
    let report = store.audit_verify(None).unwrap();
    assert_eq!((report.bad.clone(), report.alarms), (None, 1), "noted once, and the chain goes on");
    assert!(!report.is_whole());
}

#[tokio::test]
async fn an_end_that_was_removed_while_nobody_looked_is_noted_at_the_next_start() {
    let (folder, store) = store();
    for call in ["a", "b", "c"] {
        store.audit_durable(record(call)).await.unwrap();
    }
    drop(store);
    open(&folder).execute("DELETE FROM audit WHERE seq >= 2", ()).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(problem(&store), Some((3, Problem::EndRemoved)));
    store.audit_durable(record("d")).await.unwrap();
    assert_eq!(store.audit_verify(None).unwrap().alarms, 1);
}

#[tokio::test]
async fn a_head_kept_elsewhere_shows_what_a_new_chain_hides() {
    let (folder, store) = store();
    for call in ["a", "b"] {
        store.audit_durable(record(call)).await.unwrap();
    }
    let noted = store.audit_head().unwrap();
    assert_eq!(noted.to_string().parse::<drawbridge_store::Head>().unwrap(), noted);
    drop(store);
    // Somebody with the whole folder in hand starts over, and is careful about it.
    for name in [DATABASE_FILE, HEAD_FILE] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    let store = Store::open(folder.path()).unwrap();
    for call in ["a", "innocent"] {
        store.audit_durable(record(call)).await.unwrap();
    }
    assert!(store.audit_verify(None).unwrap().is_whole(), "the folder alone cannot tell");
    let bad = store.audit_verify(Some(noted)).unwrap().bad.unwrap();
    assert_eq!((bad.seq, bad.problem), (2, Problem::EndRemoved));
}

#[tokio::test]
async fn without_the_head_file_the_report_says_so() {
    let (folder, store) = store();
    store.audit_durable(record("a")).await.unwrap();
    drop(store);
    std::fs::remove_file(folder.path().join(HEAD_FILE)).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.audit_verify(None).unwrap().head_file, HeadCheck::Missing);
    store.audit_durable(record("b")).await.unwrap();
    assert_eq!(store.audit_verify(None).unwrap().head_file, HeadCheck::Agrees);
}
