//! Removing the oldest records, so that the chain still has a start that can be checked.
//!
//! The last removed record's number and hash become the *anchor*, and the record of the removal, which stands later in
//! the chain, names both: a start that no such record accounts for was made by somebody else.

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::{AuditRecord, Head};
use crate::{By, StoreError, writer::Effect};

/// The target of the record that accounts for a removal.
pub const PRUNE: &str = "audit.prune";

/// How many records one transaction removes: other writers get their turn in between.
pub(crate) const CHUNK: i64 = 10_000;

const DOING: &str = "remove old records of the audit";

/// What [`Store::audit_prune`](crate::Store::audit_prune) did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// How many records were removed.
    pub records: u64,
}

/// Removes up to [`CHUNK`] of the oldest records that are older than `before_us`. It stops at the first record that
/// is younger, so that no gap arises when the clock was set back once.
pub(crate) fn chunk(
    connection: &Connection,
    before_us: i64,
    by: &By,
) -> Result<(Pruned, Effect), StoreError> {
    let Some(last) = last_to_go(connection, before_us)? else { return Ok(Default::default()) };
    let records = connection
        .prepare_cached("DELETE FROM audit WHERE seq <= ?1")
        .and_then(|mut delete| delete.execute([last.seq]))
        .map_err(StoreError::sql(DOING))?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO audit_anchor (one, seq, hash) VALUES (1, ?1, ?2)")
        .and_then(|mut put| put.execute(rusqlite::params![last.seq, last.hash]))
        .map_err(StoreError::sql(DOING))?;
    let act = AuditRecord::act(by, PRUNE, account(last));
    Ok((Pruned { records: records as u64 }, Effect::noted(act)))
}

/// The youngest record of the next chunk.
fn last_to_go(connection: &Connection, before_us: i64) -> Result<Option<Head>, StoreError> {
    let from = Head::anchor(connection)?.seq;
    let sql = "SELECT seq, hash FROM audit
        WHERE seq > ?1 AND seq <= ?1 + ?2
          AND seq < coalesce((SELECT min(seq) FROM audit WHERE seq > ?1 AND seq <= ?1 + ?2 AND time >= ?3), ?1 + ?2 + 1)
        ORDER BY seq DESC LIMIT 1";
    connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            let head = |row: &rusqlite::Row<'_>| Ok(Head { seq: row.get(0)?, hash: row.get(1)? });
            select.query_row([from, CHUNK, before_us], head).optional()
        })
        .map_err(StoreError::sql(DOING))
}

/// What the record of a removal says. [`accounts_for`] looks for exactly this.
fn account(last: Head) -> String {
    format!("removed all records up to {last}")
}

/// Whether a record in the chain accounts for this start.
pub(crate) fn accounts_for(connection: &Connection, anchor: Head) -> Result<bool, StoreError> {
    if anchor == Head::default() {
        return Ok(true);
    }
    connection
        .prepare_cached("SELECT 1 FROM audit WHERE target = ?1 AND note = ?2 AND phase = 'act' LIMIT 1")
        .and_then(|mut select| select.exists([PRUNE, &account(anchor)]))
        .map_err(StoreError::sql("read the audit"))
}
