//! The tables, and how an older file becomes a newer one.

use std::{path::Path, thread, time::Instant};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::{BUSY_TIMEOUT, StoreError, connection::BUSY_POLL, random};

/// Marks a database as ours ("DrwB"); see SQLite's `PRAGMA application_id`.
const APPLICATION_ID: i64 = 0x4472_7742;

/// Every step from an empty file to the newest format, in order. A step that was released never changes.
const MIGRATIONS: [&str; 3] =
    [include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];

/// The newest format this program knows.
const FORMAT: i64 = MIGRATIONS.len() as i64;

/// Brings the database to the newest format. Two processes may do so at once.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    use_wal(connection)?;
    let doing = "bring the database to this program's format";
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(StoreError::sql(doing))?;
    let format = pragma(&tx, "user_version", path)?;
    for step in MIGRATIONS.iter().skip(usize::try_from(format).unwrap_or(0)) {
        tx.execute_batch(step).map_err(StoreError::sql(doing))?;
    }
    if format == 0 {
        put_first_rows(&tx)?;
    }
    if format != FORMAT {
        tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(StoreError::sql(doing))?;
        tx.pragma_update(None, "user_version", FORMAT).map_err(StoreError::sql(doing))?;
    }
    tx.commit().map_err(StoreError::sql(doing))
}

/// What a new database starts with: the count of policy changes, and the secret that seals what we hand out.
fn put_first_rows(connection: &Connection) -> Result<(), StoreError> {
    let sealing: [u8; 32] = random::bytes()?;
    connection
        .execute("INSERT INTO generation (one, count) VALUES (1, 1)", ())
        .and_then(|_| {
            connection.execute("INSERT INTO secret (name, value) VALUES ('sealing', ?1)", [sealing])
        })
        .map(drop)
        .map_err(StoreError::sql("write the first rows"))
}

/// Checks that the file is ours, or empty, and not newer than this program. Writes nothing.
pub(crate) fn check_ours(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let format = pragma(connection, "user_version", path)?;
    let application = pragma(connection, "application_id", path)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(|error| not_a_database(error, path))?;
    let new = format == 0 && application == 0 && tables == 0;
    if !new && application != APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.into() });
    }
    if format > FORMAT {
        return Err(StoreError::TooNew { path: path.into(), found: format, known: FORMAT });
    }
    Ok(())
}

/// Switches to a write-ahead log, which lets readers and one writer work at once. SQLite does not wait for
/// another process that is just doing the same, so we do.
fn use_wal(connection: &Connection) -> Result<(), StoreError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let switched = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        match switched {
            Ok(mode) => return check_wal(mode),
            Err(error) if is_busy(&error) && Instant::now() < deadline => thread::sleep(BUSY_POLL),
            Err(error) => return Err(StoreError::sql("switch to a write-ahead log")(error)),
        }
    }
}

/// SQLite answers the old mode, not an error, on a file system without shared memory.
fn check_wal(mode: String) -> Result<(), StoreError> {
    if mode == "wal" { Ok(()) } else { Err(StoreError::NoWal { mode }) }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn pragma(connection: &Connection, name: &str, path: &Path) -> Result<i64, StoreError> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(|error| not_a_database(error, path))
}

fn not_a_database(error: rusqlite::Error, path: &Path) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::NotADatabase { path: path.into() }
        }
        _ => StoreError::sql("read the database")(error),
    }
}
