//! The hash that links a record to the one before.
//!
//! `hash = SHA-256(prev ‖ format ‖ seq ‖ time ‖ texts and numbers in the order of the columns)`. Numbers are 8 bytes,
//! little-endian; a text is its length (4 bytes, little-endian) and its bytes; whatever may be missing has a byte
//! 0 (missing) or 1 (there) before it. So no two different rows have the same encoding.
//!
//! SHA-256, because processors have instructions for it: for records of 300 bytes it took 0.4 of BLAKE3's time.

use rusqlite::{Row, types::ValueRef};
use sha2::{Digest, Sha256};

use super::AuditRecord;

/// A hash in the chain.
pub(crate) type Hash = [u8; 32];

/// The encoding's number; another encoding takes another.
const FORMAT: u8 = 1;

/// A record's columns, borrowed from a record or from a row of the database.
///
/// From a row they are read as they are, unknown words included: what was altered must be found, not fail to parse.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    pub(crate) time_us: i64,
    pub(crate) call: &'a [u8],
    pub(crate) parent: Option<&'a [u8]>,
    pub(crate) caller: &'a [u8],
    pub(crate) entrance: &'a [u8],
    pub(crate) target: &'a [u8],
    pub(crate) phase: &'a [u8],
    pub(crate) decision: Option<&'a [u8]>,
    pub(crate) why: Option<&'a [u8]>,
    pub(crate) outcome: Option<&'a [u8]>,
    pub(crate) arguments: Option<&'a [u8]>,
    pub(crate) duration_us: Option<i64>,
    pub(crate) result_bytes: Option<i64>,
    pub(crate) note: Option<&'a [u8]>,
}

impl<'a> Columns<'a> {
    /// Of a record that is to be written.
    pub(crate) fn of_record(record: &'a AuditRecord) -> Self {
        Self {
            time_us: record.time_us,
            call: record.call.as_bytes(),
            parent: record.parent.as_deref().map(str::as_bytes),
            caller: record.caller.as_bytes(),
            entrance: record.entrance.as_bytes(),
            target: record.target.as_bytes(),
            phase: record.phase.as_str().as_bytes(),
            decision: record.decision.map(|word| word.as_str().as_bytes()),
            why: record.why.as_deref().map(str::as_bytes),
            outcome: record.outcome.map(|word| word.as_str().as_bytes()),
            arguments: record.arguments.as_deref().map(str::as_bytes),
            duration_us: record.duration_us,
            result_bytes: record.result_bytes,
            note: record.note.as_deref().map(str::as_bytes),
        }
    }

    /// Of a row of `SELECT * FROM audit`. `None`: a column has another type than it must have.
    pub(crate) fn of_row(row: &'a Row<'_>) -> Option<Self> {
        Some(Self {
            time_us: number(row, 1)??,
            call: text(row, 2)??,
            parent: text(row, 3)?,
            caller: text(row, 4)??,
            entrance: text(row, 5)??,
            target: text(row, 6)??,
            phase: text(row, 7)??,
            decision: text(row, 8)?,
            why: text(row, 9)?,
            outcome: text(row, 10)?,
            arguments: text(row, 11)?,
            duration_us: number(row, 12)?,
            result_bytes: number(row, 13)?,
            note: text(row, 14)?,
        })
    }

    /// The hash of this record as number `seq`, after the record with the hash `prev`. `buffer` is only there to
    /// be used again.
    pub(crate) fn hash(&self, prev: &Hash, seq: i64, buffer: &mut Vec<u8>) -> Hash {
        buffer.clear();
        buffer.extend_from_slice(prev);
        buffer.push(FORMAT);
        buffer.extend_from_slice(&seq.to_le_bytes());
        buffer.extend_from_slice(&self.time_us.to_le_bytes());
        put_text(buffer, self.call);
        put_optional_text(buffer, self.parent);
        put_text(buffer, self.caller);
        put_text(buffer, self.entrance);
        put_text(buffer, self.target);
        put_text(buffer, self.phase);
        put_optional_text(buffer, self.decision);
        put_optional_text(buffer, self.why);
        put_optional_text(buffer, self.outcome);
        put_optional_text(buffer, self.arguments);
        put_optional_number(buffer, self.duration_us);
        put_optional_number(buffer, self.result_bytes);
        put_optional_text(buffer, self.note);
        Sha256::digest(&buffer).into()
    }
}

/// Outer `None`: the type is wrong. Inner `None`: the column is empty.
fn text<'a>(row: &'a Row<'_>, column: usize) -> Option<Option<&'a [u8]>> {
    match row.get_ref(column).ok()? {
        ValueRef::Null => Some(None),
        ValueRef::Text(text) => Some(Some(text)),
        _ => None,
    }
}

fn number(row: &Row<'_>, column: usize) -> Option<Option<i64>> {
    match row.get_ref(column).ok()? {
        ValueRef::Null => Some(None),
        ValueRef::Integer(number) => Some(Some(number)),
        _ => None,
    }
}

fn put_text(buffer: &mut Vec<u8>, text: &[u8]) {
    // No text of ours reaches 4 GiB: SQLite refuses values of 1 GB.
    buffer.extend_from_slice(&(text.len() as u32).to_le_bytes());
    buffer.extend_from_slice(text);
}

fn put_optional_text(buffer: &mut Vec<u8>, text: Option<&[u8]>) {
    buffer.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_text(buffer, text);
    }
}

fn put_optional_number(buffer: &mut Vec<u8>, number: Option<i64>) {
    buffer.push(u8::from(number.is_some()));
    if let Some(number) = number {
        buffer.extend_from_slice(&number.to_le_bytes());
    }
}
