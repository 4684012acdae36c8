//! How a connection to the database is set up: one that writes, and a few that read.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;

/// How long a write waits for another process's before it gives up.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a waiting write looks again. Another process's group commit ends within milliseconds, and the gap
/// before its next one is short: who looks rarely would hardly ever find the door open.
pub(crate) const BUSY_POLL: Duration = Duration::from_micros(200);

/// The write-ahead log's file is cut back to this size after it was copied into the database.
const LOG_BYTES_KEPT: i64 = 16 << 20;

/// How many idle connections for reading are kept.
const READERS_KEPT: usize = 2;

/// Memory for pages of each connection for reading, in KiB: its queries are small, or go once through everything.
const READER_CACHE_KIB: i64 = 256;

/// Sets up the connection that writes. `synchronous = FULL`: when a commit returns, the disk has it.
pub(crate) fn make_durable(connection: &Connection) -> Result<(), StoreError> {
    connection
        .pragma_update(None, "synchronous", "full")
        .and_then(|()| connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT))
        .map_err(StoreError::sql("set up the database"))
}

/// Opens the database, and reads nothing of it yet.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(StoreError::sql("open the database"))?;
    let mut since = None;
    connection
        .busy_handler(Some(move |tries| wait_a_little(tries, &mut since)))
        .map_err(StoreError::sql("set up the database"))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// SQLite asks whether to try again after `tries` tries.
fn wait_a_little(tries: i32, since: &mut Option<Instant>) -> bool {
    if tries == 0 {
        *since = Some(Instant::now());
    }
    let waited = since.map_or(Duration::ZERO, |since| since.elapsed());
    thread::sleep(BUSY_POLL);
    waited < BUSY_TIMEOUT
}

/// Connections that only read. One is taken, used and given back; a reader never waits for another.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    /// Runs `work` on a connection that cannot write.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let taken = self.idle().pop();
        let connection = match taken {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        let found = work(&connection)?; // after an error the connection is not worth keeping
        let mut idle = self.idle();
        if idle.len() < READERS_KEPT {
            idle.push(connection);
        }
        Ok(found)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opened for writing all the same: a reader has to be able to make the log's index when it is the first to come.
fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = open(path)?;
    connection
        .pragma_update(None, "query_only", true)
        .and_then(|()| connection.pragma_update(None, "cache_size", -READER_CACHE_KIB))
        .map_err(StoreError::sql("set up the database"))?;
    Ok(connection)
}
