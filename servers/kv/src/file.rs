//! The file: keys and values by space, of which each caller has one.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde_json::Value;

use crate::error::{KvError, OpenError};
use crate::limits::{
    BUSY_TIMEOUT, BYTES_MAX, KEY_BYTES_MAX, KEYS_MAX, SWEPT_MAX, TTL_SECONDS_MAX, VALUE_BYTES_MAX,
};

/// The file's name in the state.
const FILE: &str = "kv.db";
/// Marks a database as ours ("DrwK"); see SQLite's `PRAGMA application_id`.
const APPLICATION_ID: i64 = 0x4472_774b;

type Result<T> = std::result::Result<T, KvError>;

/// The open file: one connection that writes, and one that reads meanwhile.
pub(crate) struct Entries {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

/// A value, and until when it is there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) expires_ms: Option<i64>,
}

/// What is to be put.
pub(crate) struct Put<'a> {
    pub(crate) space: &'a str,
    pub(crate) key: &'a str,
    pub(crate) value: &'a Value,
    pub(crate) ttl_seconds: Option<u64>,
    /// Fails when there is something.
    pub(crate) create_only: bool,
}

impl Entries {
    /// Opens the file in this folder, and makes it if it is not there.
    pub(crate) fn open(folder: &Path) -> std::result::Result<Self, OpenError> {
        let path = drawbridge_store::private_file(folder, FILE)?;
        let failed = |source| OpenError::Sql { path: path.display().to_string(), source };
        let writer = connect(&path).and_then(set_up).map_err(failed)?;
        let reader = connect(&path).map_err(failed)?;
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(reader) })
    }

    pub(crate) fn get(&self, space: &str, key: &str, now_ms: i64) -> Result<Option<Entry>> {
        check_key(key)?;
        let reader = locked(&self.reader);
        let mut statement = reader.prepare_cached(
            "SELECT key, value, expires_ms FROM entries
             WHERE space = ?1 AND key = ?2 AND (expires_ms IS NULL OR expires_ms > ?3)",
        )?;
        Ok(statement.query_row(params![space, key, now_ms], entry).optional()?)
    }

    /// Those whose keys begin with `prefix` and come after `after`, in their order.
    pub(crate) fn list(
        &self,
        space: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
        now_ms: i64,
    ) -> Result<Vec<Entry>> {
        let reader = locked(&self.reader);
        let mut statement = reader.prepare_cached(
            "SELECT key, value, expires_ms FROM entries
             WHERE space = ?1 AND key >= ?2 AND (?3 IS NULL OR key > ?3) AND substr(key, 1, length(?2)) = ?2
                 AND (expires_ms IS NULL OR expires_ms > ?4)
             ORDER BY key LIMIT ?5",
        )?;
        let rows = statement.query_map(params![space, prefix, after, now_ms, limit], entry)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn set(&self, put: &Put<'_>, now_ms: i64) -> Result<Option<i64>> {
        check_key(put.key)?;
        let text = put.value.to_string();
        if text.len() > VALUE_BYTES_MAX {
            return Err(KvError::Value(text.len()));
        }
        let expires_ms = put.ttl_seconds.map(|ttl| expiry(ttl, now_ms)).transpose()?;
        self.change(now_ms, |transaction| {
            if put.create_only && value_of(transaction, put.space, put.key, now_ms)?.is_some() {
                return Err(KvError::There(put.key.to_owned()));
            }
            write(transaction, put.space, put.key, &text, expires_ms)?;
            Ok(expires_ms)
        })
    }

    /// Adds to a whole number; what is not there counts as 0. An expiry stays.
    pub(crate) fn add(&self, space: &str, key: &str, by: i64, now_ms: i64) -> Result<i64> {
        check_key(key)?;
        let no_number = || KvError::NoNumber(key.to_owned());
        self.change(now_ms, |transaction| {
            let old = value_of(transaction, space, key, now_ms)?;
            let was = match &old {
                None => 0,
                Some((text, _)) => text.parse::<i64>().map_err(|_| no_number())?,
            };
            let sum = was.checked_add(by).ok_or_else(no_number)?;
            write(transaction, space, key, &sum.to_string(), old.and_then(|(_, expires_ms)| expires_ms))?;
            Ok(sum)
        })
    }

    /// Whether there was something.
    pub(crate) fn delete(&self, space: &str, key: &str, now_ms: i64) -> Result<bool> {
        check_key(key)?;
        self.change(now_ms, |transaction| {
            let was = value_of(transaction, space, key, now_ms)?.is_some();
            transaction.execute("DELETE FROM entries WHERE space = ?1 AND key = ?2", params![space, key])?;
            Ok(was)
        })
    }

    /// A change that happens whole or not at all, and is on disk when this returns. What has expired goes with it.
    fn change<T>(&self, now_ms: i64, change: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = locked(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction
            .prepare_cached(
                "DELETE FROM entries WHERE (space, key) IN
                     (SELECT space, key FROM entries WHERE expires_ms <= ?1 LIMIT ?2)",
            )?
            .execute(params![now_ms, SWEPT_MAX])?;
        let done = change(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

fn set_up(mut connection: Connection) -> rusqlite::Result<Connection> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format == 0 {
        transaction.execute_batch(include_str!("schema.sql"))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", 1)?;
    }
    transaction.commit()?;
    Ok(connection)
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let text: String = row.get(1)?;
    let value = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Entry { key: row.get(0)?, value, expires_ms: row.get(2)? })
}

fn value_of(
    transaction: &Transaction<'_>,
    space: &str,
    key: &str,
    now_ms: i64,
) -> Result<Option<(String, Option<i64>)>> {
    let mut statement = transaction.prepare_cached(
        "SELECT value, expires_ms FROM entries
         WHERE space = ?1 AND key = ?2 AND (expires_ms IS NULL OR expires_ms > ?3)",
    )?;
    Ok(statement.query_row(params![space, key, now_ms], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn write(
    transaction: &Transaction<'_>,
    space: &str,
    key: &str,
    text: &str,
    expires_ms: Option<i64>,
) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO entries VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET value = excluded.value, expires_ms = excluded.expires_ms",
        )?
        .execute(params![space, key, text, expires_ms])?;
    let held = "SELECT keys, bytes FROM spaces WHERE space = ?1";
    let (keys, bytes): (i64, i64) =
        transaction.prepare_cached(held)?.query_row([space], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match (keys > KEYS_MAX, bytes > BYTES_MAX) {
        (true, _) => Err(KvError::Keys),
        (_, true) => Err(KvError::Bytes),
        _ => Ok(()),
    }
}

fn check_key(key: &str) -> Result<()> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) { Ok(()) } else { Err(KvError::Key(key.len())) }
}

fn expiry(ttl_seconds: u64, now_ms: i64) -> Result<i64> {
    if !(1..=TTL_SECONDS_MAX).contains(&ttl_seconds) {
        return Err(KvError::Ttl);
    }
    let ttl_ms = i64::try_from(ttl_seconds * 1000).map_err(|_| KvError::Ttl)?;
    Ok(now_ms.saturating_add(ttl_ms))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn open() -> (tempfile::TempDir, Entries) {
        let folder = tempfile::tempdir().unwrap();
        let entries = Entries::open(folder.path()).unwrap();
        (folder, entries)
    }

    fn set(
        entries: &Entries,
        key: &str,
        value: &Value,
        ttl_seconds: Option<u64>,
        now_ms: i64,
    ) -> Result<Option<i64>> {
        entries.set(&Put { space: "a", key, value, ttl_seconds, create_only: false }, now_ms)
    }

    #[test]
    fn what_expired_is_gone_and_no_longer_counts() {
        let (_folder, entries) = open();
        set(&entries, "k", &json!("v"), Some(1), 0).unwrap();
        assert!(entries.get("a", "k", 999).unwrap().is_some());
        assert!(entries.get("a", "k", 1000).unwrap().is_none());
        assert!(entries.list("a", "", None, 10, 1000).unwrap().is_empty());
        assert_eq!(entries.add("a", "k", 2, 1000).unwrap(), 2, "it begins anew");
        let held = |entries: &Entries| -> (i64, i64) {
            let reader = locked(&entries.reader);
            reader
                .query_row("SELECT keys, bytes FROM spaces", (), |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
        };
        assert_eq!(held(&entries), (1, 2));
        entries.delete("a", "k", 1000).unwrap();
        assert_eq!(held(&entries), (0, 0));
    }

    #[test]
    fn bounds_hold_at_their_edges() {
        let (_folder, entries) = open();
        let value = |bytes: usize| Value::from("x".repeat(bytes - 2));
        assert!(set(&entries, &"k".repeat(KEY_BYTES_MAX), &json!(1), None, 0).is_ok());
        assert!(matches!(
            set(&entries, &"k".repeat(KEY_BYTES_MAX + 1), &json!(1), None, 0),
            Err(KvError::Key(_))
        ));
        assert!(matches!(set(&entries, "", &json!(1), None, 0), Err(KvError::Key(0))));
        assert!(set(&entries, "v", &value(VALUE_BYTES_MAX), None, 0).is_ok());
        assert!(matches!(set(&entries, "v", &value(VALUE_BYTES_MAX + 1), None, 0), Err(KvError::Value(_))));
        assert!(set(&entries, "t", &json!(1), Some(TTL_SECONDS_MAX), 0).is_ok());
        for ttl in [0, TTL_SECONDS_MAX + 1, u64::MAX] {
            assert!(matches!(set(&entries, "t", &json!(1), Some(ttl), 0), Err(KvError::Ttl)), "{ttl}");
        }
    }

    #[test]
    fn a_space_holds_so_much_and_what_does_not_fit_changes_nothing() {
        let (_folder, entries) = open();
        let large = Value::from("x".repeat(VALUE_BYTES_MAX - 2));
        let fitting = usize::try_from(BYTES_MAX).unwrap() / VALUE_BYTES_MAX - 1;
        for number in 0..fitting {
            set(&entries, &number.to_string(), &large, None, 0).unwrap();
        }
        let mut failed = None;
        for number in fitting..fitting + 2 {
            failed = set(&entries, &number.to_string(), &large, None, 0).err();
        }
        assert!(matches!(failed, Some(KvError::Bytes)));
        assert!(entries.get("a", &(fitting + 1).to_string(), 0).unwrap().is_none());
        entries
            .set(&Put { space: "b", key: "k", value: &large, ttl_seconds: None, create_only: false }, 0)
            .unwrap();
    }

    #[test]
    fn numbers_are_added_and_nothing_else_is() {
        let (_folder, entries) = open();
        assert_eq!(entries.add("a", "n", i64::MAX, 0).unwrap(), i64::MAX);
        assert!(matches!(entries.add("a", "n", 1, 0), Err(KvError::NoNumber(_))));
        set(&entries, "t", &json!("7"), None, 0).unwrap();
        assert!(matches!(entries.add("a", "t", 1, 0), Err(KvError::NoNumber(_))), "a text is no number");
    }

    #[test]
    fn values_outlive_the_process_and_are_shared_by_several() {
        let (folder, entries) = open();
        set(&entries, "k", &json!({"a": [1, null]}), None, 0).unwrap();
        let other = Entries::open(folder.path()).unwrap();
        assert_eq!(other.get("a", "k", 0).unwrap().unwrap().value, json!({"a": [1, null]}));
        assert_eq!(other.add("a", "n", 1, 0).unwrap() + entries.add("a", "n", 1, 0).unwrap(), 3);
        drop(entries);
        assert!(Entries::open(folder.path()).unwrap().get("a", "n", 0).unwrap().is_some());
    }

    #[test]
    fn threads_lose_no_additions() {
        let (_folder, entries) = open();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..25).for_each(|_| assert!(entries.add("a", "n", 1, 0).unwrap() > 0)));
            }
        });
        assert_eq!(entries.get("a", "n", 0).unwrap().unwrap().value, json!(100));
    }
}
