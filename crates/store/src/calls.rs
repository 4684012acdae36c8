//! How many calls an account made lately: for limits that are to outlive a restart. Who counts keeps the counts in
//! memory; here they are written in the same commits as the audit, so that both know of the same calls.

use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::{Store, StoreError, writer::Command};

/// Calls that came one soon after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// When the first of them came, in microseconds since 1970-01-01T00:00:00Z.
    pub first_us: i64,
    /// When the last of them came.
    pub last_us: i64,
    /// How many they are.
    pub count: u32,
}

/// The calls that a store counts; see [`Store::calls`].
#[derive(Clone, Copy)]
pub struct CallCounts<'a>(pub(crate) &'a Store);

impl CallCounts<'_> {
    /// What an account called after `after_us`, oldest first. Blocks for microseconds.
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn since(&self, account: &str, after_us: i64) -> Result<Vec<Calls>, StoreError> {
        self.0.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT first, last, count FROM calls WHERE account = ?1 AND last > ?2 ORDER BY first",
                )
                .and_then(|mut select| {
                    let calls = |row: &rusqlite::Row<'_>| {
                        Ok(Calls { first_us: row.get(0)?, last_us: row.get(1)?, count: row.get(2)? })
                    };
                    select.query_map(params![account, after_us], calls)?.collect()
                })
                .map_err(StoreError::sql("read how many calls were made"))
        })
    }

    /// Notes what an account called by now; of slices with the same beginning the larger count stays. What ended before
    /// `forget_us` is forgotten. Cheap, never waits, and written no later than the audit's record of a call that is sent
    /// afterwards.
    pub fn note(&self, account: &Arc<str>, calls: Calls, forget_us: i64) {
        self.0.writer().hint(Command::Called { account: account.clone(), calls, forget_us });
    }
}

/// Writes one slice, and when it is a new one, forgets those that no limit asks for any more.
pub(crate) fn write(
    connection: &Connection,
    account: &str,
    calls: Calls,
    forget_us: i64,
) -> Result<(), StoreError> {
    let put = "INSERT INTO calls VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE \
               SET last = max(last, excluded.last), count = max(count, excluded.count)";
    let forget = "DELETE FROM calls WHERE account = ?1 AND last < ?2";
    let written = connection
        .prepare_cached(put)
        .and_then(|mut put| put.execute(params![account, calls.first_us, calls.last_us, calls.count]))
        .and_then(|_| match calls.count {
            1 => connection.prepare_cached(forget)?.execute(params![account, forget_us]),
            _ => Ok(0),
        });
    written.map(drop).map_err(StoreError::sql("count a call"))
}
