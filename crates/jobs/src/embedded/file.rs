//! The file: opened by one process only, one connection that writes and a few that read.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drawbridge_store::StoreError;
use rusqlite::{Connection, OpenFlags};

use super::Settings;
use crate::EngineError;

/// The database's name in the folder.
pub const JOBS_FILE: &str = "jobs.db";

/// The file whose lock says that the jobs are open.
const LOCK_FILE: &str = "jobs.lock";

/// Marks a database as ours ("DrwJ"); see SQLite's `PRAGMA application_id`.
const APPLICATION_ID: i64 = 0x4472_774a;

/// Every step from an empty file to the newest format, in order. A step that was released never changes.
const MIGRATIONS: [&str; 3] =
    [include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];

/// The newest format that this program knows.
const FORMAT: i64 = MIGRATIONS.len() as i64;

/// The write-ahead log's file is cut back to this size after it was copied into the database.
const LOG_BYTES_KEPT: i64 = 32 << 20;

/// After so many pages the write-ahead log is copied into the database: rarely, because each time costs two waits
/// for the disk, and before it grows past [`LOG_BYTES_KEPT`].
const LOG_PAGES: i64 = 4_000;

/// Memory for pages of the connection that writes, in KiB.
const WRITER_CACHE_KIB: i64 = 16 << 10;

/// Memory for pages of each connection that reads, in KiB.
const READER_CACHE_KIB: i64 = 512;

/// How many idle connections for reading are kept.
const READERS_KEPT: usize = 2;

/// A reader waits so long for the file, which only a restore of the log can hold.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Locks the folder's jobs and opens them for writing. The lock lasts as long as the file that is returned.
pub(super) fn open(folder: &Path, settings: &Settings) -> Result<(Connection, PathBuf, File), EngineError> {
    let lock = lock(&drawbridge_store::private_file(folder, LOCK_FILE)?)?;
    let path = drawbridge_store::private_file(folder, JOBS_FILE)?;
    let mut connection = connect(&path)?;
    check_ours(&connection, &path)?;
    set_up(&connection, settings).map_err(EngineError::sql("set up the database"))?;
    migrate(&mut connection).map_err(EngineError::sql("bring the database to this program's format"))?;
    Ok((connection, path, lock))
}

fn lock(path: &Path) -> Result<File, EngineError> {
    let file = File::options().write(true).open(path).map_err(|source| cannot_open(path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EngineError::InUse),
        Err(TryLockError::Error(source)) => Err(cannot_open(path, source)),
    }
}

fn cannot_open(path: &Path, source: std::io::Error) -> EngineError {
    StoreError::Io { doing: "open", path: path.into(), source: source.into() }.into()
}

fn connect(path: &Path) -> Result<Connection, EngineError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let doing = "open the database";
    let connection = Connection::open_with_flags(path, flags).map_err(EngineError::sql(doing))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(EngineError::sql(doing))?;
    connection.set_prepared_statement_cache_capacity(96);
    Ok(connection)
}

/// Checks that the file is ours, or empty, and not newer than this program. Writes nothing.
fn check_ours(connection: &Connection, path: &Path) -> Result<(), EngineError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables = || connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0));
    let not_a_database = |_| StoreError::NotADatabase { path: path.into() };
    let (format, application) = pragma("user_version")
        .and_then(|format| Ok((format, pragma("application_id")?)))
        .map_err(not_a_database)?;
    let tables: i64 = tables().map_err(not_a_database)?;
    let new = format == 0 && application == 0 && tables == 0;
    if !new && application != APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.into() }.into());
    }
    if format > FORMAT {
        return Err(StoreError::TooNew { path: path.into(), found: format, known: FORMAT }.into());
    }
    Ok(())
}

fn set_up(connection: &Connection, settings: &Settings) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", settings.durability.pragma())?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    let Some(bytes_max) = settings.file_bytes_max else { return Ok(()) };
    let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages_max = i64::try_from(bytes_max).unwrap_or(i64::MAX) / page_bytes;
    connection.pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()))
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let tx = connection.transaction()?;
    let format: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for step in MIGRATIONS.iter().skip(usize::try_from(format).unwrap_or(0)) {
        tx.execute_batch(step)?;
    }
    if format != FORMAT {
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", FORMAT)?;
    }
    tx.commit()
}

/// Connections that only read. One is taken, used and given back; a reader never waits for another, nor for the
/// writer.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// Runs `work` on a connection that cannot write.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let taken = self.idle().pop();
        let connection = match taken {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let found = work(&connection)?; // after an error the connection is not worth keeping
        let mut idle = self.idle();
        if idle.len() < READERS_KEPT {
            idle.push(connection);
        }
        Ok(found)
    }

    fn connect(&self) -> Result<Connection, EngineError> {
        let connection = connect(&self.path)?;
        connection
            .pragma_update(None, "query_only", true)
            .and_then(|()| connection.pragma_update(None, "cache_size", -READER_CACHE_KIB))
            .map_err(EngineError::sql("set up the database"))?;
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Durability;
    use super::*;

    #[test]
    fn what_is_acknowledged_is_as_sure_as_was_asked_for() {
        for (durability, level) in [(Durability::Full, 2), (Durability::Normal, 1)] {
            let folder = tempfile::tempdir().unwrap();
            let settings = Settings { durability, ..Settings::default() };
            let (connection, _, _lock) = open(folder.path(), &settings).unwrap();
            let set: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
            assert_eq!(set, level);
            let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal");
        }
    }
}
