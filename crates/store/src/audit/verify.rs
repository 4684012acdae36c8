//! Going through the whole chain, in bounded memory.

use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::{
    ALARM, Head,
    chain::{Columns, Hash},
    prune,
};
use crate::StoreError;

/// How many records are read in one go. Between two, no snapshot is held, so the write-ahead log can be cut back.
const CHUNK: i64 = 4096;

const DOING: &str = "read the audit";

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Its contents, its hash, or the record before it are not those that were written.
    Altered,
    /// It should follow the record before it, and there is none with that number: it was removed.
    Missing,
    /// It stands before the chain's start, where nothing may stand: somebody put it there.
    Inserted,
    /// The chain starts somewhere that no `audit.prune` accounts for: records at the start were removed.
    StartRemoved,
    /// The file `audit.head`, or the head that was given, names this record, and the chain has none, or another:
    /// records at the end were removed or replaced.
    EndRemoved,
}

/// The first record that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRecord {
    /// Its number.
    pub seq: i64,
    /// What is wrong.
    pub problem: Problem,
}

/// What the file `audit.head` said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadCheck {
    /// The record that it names is in the chain.
    Agrees,
    /// The record that it names is not in the chain.
    Differs,
    /// It is empty or damaged: nothing can be said about records removed at the end.
    Missing,
}

/// What [`Store::audit_verify`](crate::Store::audit_verify) found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// How many records were looked at.
    pub records: u64,
    /// The first wrong one; none: the chain is whole.
    pub bad: Option<BadRecord>,
    /// The last good record.
    pub head: Head,
    /// What the file `audit.head` said.
    pub head_file: HeadCheck,
    /// How many times the writer found the chain's end removed, and noted so in the chain.
    pub alarms: u64,
}

impl AuditReport {
    /// Nothing is wrong: no bad record, no alarm.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.bad.is_none() && self.alarms == 0
    }
}

/// Goes through all records. `claimed`: what `audit.head` said before; `noted`: a head that somebody kept elsewhere.
pub(crate) fn verify(
    connection: &Connection,
    claimed: Option<Head>,
    noted: Option<Head>,
) -> Result<AuditReport, StoreError> {
    let anchor = Head::anchor(connection)?;
    let mut walk = Walk { head: anchor, records: 0, alarms: 0, bad: None, buffer: Vec::new() };
    while walk.bad.is_none() && walk.step(connection)? {}
    // One snapshot for what follows: old records may be removed at any moment.
    let connection = connection.unchecked_transaction().map_err(StoreError::sql(DOING))?;
    let start_accounted = prune::accounts_for(&connection, Head::anchor(&connection)?)?;
    let head_file = check_head(&connection, claimed)?;
    let bad = (!start_accounted).then_some(BadRecord { seq: anchor.seq + 1, problem: Problem::StartRemoved });
    let bad = bad.or(walk.bad).or(removed_end(claimed, head_file));
    let bad = bad.or(removed_end(noted, check_head(&connection, noted)?));
    Ok(AuditReport { records: walk.records, bad, head: walk.head, head_file, alarms: walk.alarms })
}

fn check_head(connection: &Connection, claimed: Option<Head>) -> Result<HeadCheck, StoreError> {
    match claimed {
        None => Ok(HeadCheck::Missing),
        Some(head) if head.is_in(connection)? => Ok(HeadCheck::Agrees),
        Some(_) => Ok(HeadCheck::Differs),
    }
}

fn removed_end(claimed: Option<Head>, check: HeadCheck) -> Option<BadRecord> {
    let seq = claimed.filter(|_| check == HeadCheck::Differs)?.seq;
    Some(BadRecord { seq, problem: Problem::EndRemoved })
}

struct Walk {
    head: Head,
    records: u64,
    alarms: u64,
    bad: Option<BadRecord>,
    buffer: Vec<u8>,
}

impl Walk {
    /// Looks at the next records. `false`: there were none.
    fn step(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        let snapshot = connection.unchecked_transaction().map_err(StoreError::sql(DOING))?;
        self.skip_pruned(&snapshot)?;
        if self.bad.is_some() {
            return Ok(false);
        }
        let mut select = snapshot
            .prepare_cached("SELECT * FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2")
            .map_err(StoreError::sql(DOING))?;
        let mut rows = select.query([self.head.seq, CHUNK]).map_err(StoreError::sql(DOING))?;
        let mut any = false;
        while let Some(row) = rows.next().map_err(StoreError::sql(DOING))? {
            any = true;
            self.bad = self.look(row);
            if self.bad.is_some() {
                break;
            }
        }
        Ok(any)
    }

    /// Old records may be removed while we are on the way; then the chain goes on where it starts now.
    fn skip_pruned(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let anchor = Head::anchor(connection)?;
        if anchor.seq > self.head.seq {
            self.head = anchor;
        }
        let oldest: Option<i64> = connection
            .query_row("SELECT min(seq) FROM audit", (), |row| row.get(0))
            .map_err(StoreError::sql(DOING))?;
        if let Some(seq) = oldest.filter(|seq| *seq <= anchor.seq) {
            self.bad = Some(BadRecord { seq, problem: Problem::Inserted });
        }
        Ok(())
    }

    fn look(&mut self, row: &Row<'_>) -> Option<BadRecord> {
        let expected = self.head.seq + 1;
        let seq: i64 = row.get(0).unwrap_or(expected);
        if seq != expected {
            return Some(BadRecord { seq: expected, problem: Problem::Missing });
        }
        let altered = BadRecord { seq, problem: Problem::Altered };
        let stored: Option<Hash> = row.get(15).ok();
        let Some(columns) = Columns::of_row(row) else { return Some(altered) };
        let hash = columns.hash(&self.head.hash, seq, &mut self.buffer);
        if stored != Some(hash) {
            return Some(altered);
        }
        self.records += 1;
        self.alarms += u64::from(columns.target == ALARM.as_bytes());
        self.head = Head { seq, hash };
        None
    }
}
