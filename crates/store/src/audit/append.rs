//! Adding records at the end of the chain, inside the writer's transaction.

use rusqlite::{CachedStatement, Connection};

use super::{AuditRecord, Head, chain::Columns};
use crate::{By, StoreError};

/// The target of the record that the writer adds when it finds that the end of the chain was removed or replaced.
pub const ALARM: &str = "audit.alarm";

const INSERT: &str =
    "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
const DOING: &str = "write to the audit";

/// The chain's end as this process last saw it. Other processes write, too, so each transaction starts from
/// what the database says, and only compares.
pub(crate) struct Chain {
    seen: Head,
    buffer: Vec<u8>,
}

impl Chain {
    /// `seen`: what the file `audit.head` says.
    pub(crate) fn new(seen: Head) -> Self {
        Self { seen, buffer: Vec::with_capacity(1024) }
    }

    /// Starts a transaction's records. Adds an alarm first if the record that we saw last is no more.
    pub(crate) fn append<'a>(&'a mut self, connection: &'a Connection) -> Result<Appender<'a>, StoreError> {
        let head = Head::of_database(connection)?;
        let lost = (head != self.seen && !self.seen.is_in(connection)?).then_some(self.seen);
        let insert = connection.prepare_cached(INSERT).map_err(StoreError::sql(DOING))?;
        let mut appender = Appender { insert, head, buffer: &mut self.buffer, alarm: lost };
        if let Some(lost) = lost {
            appender.put(&alarm(lost, head))?;
        }
        Ok(appender)
    }

    /// The transaction committed.
    pub(crate) fn committed(&mut self, head: Head) {
        self.seen = head;
    }
}

fn alarm(lost: Head, found: Head) -> AuditRecord {
    let note = format!(
        "record {} was the last one seen, and is gone or replaced; the chain now ends at record {}",
        lost.seq, found.seq
    );
    AuditRecord::act(&By::now("drawbridge", "store"), ALARM, note)
}

/// Adds records in one transaction.
pub(crate) struct Appender<'a> {
    insert: CachedStatement<'a>,
    head: Head,
    buffer: &'a mut Vec<u8>,
    /// The record that should have been there, and was not.
    pub(crate) alarm: Option<Head>,
}

impl Appender<'_> {
    /// Adds one record, and says which number it got.
    pub(crate) fn put(&mut self, record: &AuditRecord) -> Result<i64, StoreError> {
        let seq = self.head.seq + 1;
        let hash = Columns::of_record(record).hash(&self.head.hash, seq, self.buffer);
        self.insert
            .execute(rusqlite::params![
                seq,
                record.time_us,
                &*record.call,
                record.parent.as_deref(),
                &*record.caller,
                &*record.entrance,
                &*record.target,
                record.phase,
                record.decision,
                record.why.as_deref(),
                record.outcome,
                record.arguments.as_deref(),
                record.duration_us,
                record.result_bytes,
                record.note.as_deref(),
                hash,
            ])
            .map_err(StoreError::sql(DOING))?;
        self.head = Head { seq, hash };
        Ok(seq)
    }

    /// The chain's end with what was added.
    pub(crate) fn head(&self) -> Head {
        self.head
    }
}
