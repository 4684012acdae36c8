//! Reading records: newest first in pages, or onward from a place.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
use serde::{Deserialize, Serialize};

use super::{AuditOutcome, AuditPhase, AuditRecord};
use crate::{StoreError, error::at_most};

/// How many records one page has at most.
pub const PAGE_MAX: usize = 1000;

/// The longest pattern or id to look for, in bytes.
const PATTERN_BYTES_MAX: usize = 1024;

const DOING: &str = "read the audit";

/// A record in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// What was recorded.
    #[serde(flatten)]
    pub record: AuditRecord,
    /// Its hash, which covers the hash of the record before.
    #[serde(with = "super::hex")]
    pub hash: [u8; 32],
}

/// Which records to read. Everything that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditFilter {
    /// Exactly this caller's id.
    pub caller: Option<String>,
    /// Exactly this call's id, as the call itself or as the parent.
    pub call: Option<String>,
    /// A pattern of targets: `*` any text, `?` any letter, `[ab]` one of these. Capitals matter.
    pub target: Option<String>,
    /// Not older than this, in microseconds since 1970-01-01T00:00:00Z.
    pub since_us: Option<i64>,
    /// Older than this, in microseconds since 1970-01-01T00:00:00Z.
    pub until_us: Option<i64>,
    /// Exactly this phase.
    pub phase: Option<AuditPhase>,
    /// Exactly this outcome.
    pub outcome: Option<AuditOutcome>,
    /// Only records with a smaller number: the last one of the page before.
    pub before_seq: Option<i64>,
}

impl AuditFilter {
    fn check(&self) -> Result<(), StoreError> {
        for text in [&self.caller, &self.call, &self.target].into_iter().flatten() {
            at_most("a text to look for", text.len(), PATTERN_BYTES_MAX)?;
        }
        Ok(())
    }
}

const PAGE: &str = "SELECT * FROM audit WHERE seq < coalesce(:before, 9223372036854775807)
    AND (:caller IS NULL OR caller = :caller)
    AND (:call IS NULL OR call = :call OR parent = :call)
    AND (:target IS NULL OR target GLOB :target)
    AND (:since IS NULL OR time >= :since)
    AND (:until IS NULL OR time < :until)
    AND (:phase IS NULL OR phase = :phase)
    AND (:outcome IS NULL OR outcome = :outcome)
    ORDER BY seq DESC LIMIT :limit";

/// The newest records that fit, newest first.
pub(crate) fn page(
    connection: &Connection,
    filter: &AuditFilter,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    filter.check()?;
    let mut select = connection.prepare_cached(PAGE).map_err(StoreError::sql(DOING))?;
    let params = named_params! {
        ":before": filter.before_seq,
        ":caller": filter.caller,
        ":call": filter.call,
        ":target": filter.target,
        ":since": filter.since_us,
        ":until": filter.until_us,
        ":phase": filter.phase,
        ":outcome": filter.outcome,
        ":limit": rows(limit),
    };
    let entries = select.query_map(params, entry).map_err(StoreError::sql(DOING))?;
    entries.collect::<Result<_, _>>().map_err(StoreError::sql(DOING))
}

/// The records after `seq`, oldest first.
pub(crate) fn follow(connection: &Connection, seq: i64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT * FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2")
        .map_err(StoreError::sql(DOING))?;
    let entries = select.query_map([seq, rows(limit)], entry).map_err(StoreError::sql(DOING))?;
    entries.collect::<Result<_, _>>().map_err(StoreError::sql(DOING))
}

/// The newest record of a call after `seq`: of the call itself, not of what it did.
pub(crate) fn call(connection: &Connection, call: &str, seq: i64) -> Result<Option<AuditEntry>, StoreError> {
    let sql = "SELECT * FROM audit WHERE seq > ?1 AND call = ?2 AND phase <> 'act' ORDER BY seq DESC LIMIT 1";
    connection
        .prepare_cached(sql)
        .and_then(|mut select| select.query_row(params![seq, call], entry).optional())
        .map_err(StoreError::sql(DOING))
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit.min(PAGE_MAX)).unwrap_or(i64::MAX)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let record = AuditRecord {
        time_us: row.get("time")?,
        call: row.get("call")?,
        parent: row.get("parent")?,
        caller: row.get("caller")?,
        entrance: row.get::<_, String>("entrance")?.into(),
        target: row.get("target")?,
        phase: row.get("phase")?,
        decision: row.get("decision")?,
        why: row.get("why")?,
        outcome: row.get("outcome")?,
        arguments: row.get("arguments")?,
        duration_us: row.get("duration_us")?,
        result_bytes: row.get("result_bytes")?,
        note: row.get("note")?,
    };
    Ok(AuditEntry { seq: row.get("seq")?, record, hash: row.get("hash")? })
}
