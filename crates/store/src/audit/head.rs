//! The end of the chain, and the file `audit.head` that keeps a second copy of it.
//!
//! The file is written after each commit that was flushed to the disk, and never flushed by itself: after a power failure it may be older than the
//! database, but never newer, because the database's commit was flushed before. So whenever the file names a record
//! that the database does not have, records were lost or removed.

use std::{
    fmt,
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;
use crate::{StoreError, folder};

/// The file's name in the folder.
pub const HEAD_FILE: &str = "audit.head";

/// Number (8), hash (32), and 8 bytes of a checksum over both, which tells a torn write from a whole one.
const FILE_BYTES: usize = 48;

/// Another process may be writing the file while we read it; that takes less than a microsecond.
const READ_TRIES: usize = 8;

/// The last record of the chain: its number and hash. `Head::default()` is the chain without a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The record's number. 0: no record.
    pub seq: i64,
    /// The record's hash.
    #[serde(with = "super::hex")]
    pub hash: [u8; 32],
}

/// As people copy it: the number, a colon, and the hash in 64 hexadecimal digits.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(&self.hash))
    }
}

/// Reads what [`Display`](fmt::Display) wrote.
impl FromStr for Head {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        text.trim()
            .split_once(':')
            .and_then(|(seq, hash)| Some(Self { seq: seq.parse().ok()?, hash: hex::decode(hash)? }))
            .ok_or_else(|| StoreError::NoHead { text: text.chars().take(80).collect() })
    }
}

impl Head {
    /// The end of the chain, as the database has it in this transaction.
    pub(crate) fn of_database(connection: &Connection) -> Result<Self, StoreError> {
        let doing = "read the audit's last record";
        let last = one(connection, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", ())
            .map_err(StoreError::sql(doing))?;
        match last {
            Some(head) => Ok(head),
            None => Self::anchor(connection),
        }
    }

    /// The record before the oldest one that is kept.
    pub(crate) fn anchor(connection: &Connection) -> Result<Self, StoreError> {
        one(connection, "SELECT seq, hash FROM audit_anchor", ())
            .map(Option::unwrap_or_default)
            .map_err(StoreError::sql("read the audit's first record"))
    }

    /// Whether the database still has this record, or removed it as too old.
    pub(crate) fn is_in(self, connection: &Connection) -> Result<bool, StoreError> {
        if self.seq <= Self::anchor(connection)?.seq {
            return Ok(true);
        }
        one(connection, "SELECT seq, hash FROM audit WHERE seq = ?1", [self.seq])
            .map(|found| found == Some(self))
            .map_err(StoreError::sql("read a record of the audit"))
    }

    fn encode(self) -> [u8; FILE_BYTES] {
        let mut bytes = [0; FILE_BYTES];
        bytes[..8].copy_from_slice(&self.seq.to_le_bytes());
        bytes[8..40].copy_from_slice(&self.hash);
        let sum = Sha256::digest(&bytes[..40]);
        bytes[40..].copy_from_slice(&sum[..8]);
        bytes
    }

    fn decode(bytes: &[u8; FILE_BYTES]) -> Option<Self> {
        let seq = i64::from_le_bytes(bytes[..8].try_into().ok()?);
        let head = Self { seq, hash: bytes[8..40].try_into().ok()? };
        (head.encode() == *bytes).then_some(head)
    }
}

/// A row with a wrong type of hash reads as a head with another hash: it is altered, and must not stop us.
fn one(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<Option<Head>> {
    connection
        .prepare_cached(sql)?
        .query_row(params, |row| Ok(Head { seq: row.get(0)?, hash: row.get(1).unwrap_or_default() }))
        .optional()
}

/// The open file.
pub(crate) struct HeadFile {
    file: File,
    path: PathBuf,
}

impl HeadFile {
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(HEAD_FILE);
        Ok(Self { file: folder::open_private(&path)?, path })
    }

    /// What the file says. `None`: nothing yet, or nothing that makes sense.
    pub(crate) fn read(&self) -> Option<Head> {
        (0..READ_TRIES).find_map(|_| {
            let mut bytes = [0; FILE_BYTES];
            self.file.read_exact_at(&mut bytes, 0).ok()?;
            Head::decode(&bytes)
        })
    }

    pub(crate) fn write(&self, head: Head) {
        if let Err(error) = self.file.write_all_at(&head.encode(), 0) {
            tracing::warn!(path = %self.path.display(), %error, "cannot write the audit's head");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_gives_back_what_was_written_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = HeadFile::open(folder.path()).unwrap();
        assert_eq!(file.read(), None);
        let head = Head { seq: 7, hash: [9; 32] };
        file.write(head);
        assert_eq!(file.read(), Some(head));
        for place in 0..FILE_BYTES as u64 {
            let mut byte = [0];
            file.file.read_exact_at(&mut byte, place).unwrap();
            file.file.write_all_at(&[byte[0] ^ 1], place).unwrap();
            assert_eq!(file.read(), None, "byte {place}");
            file.file.write_all_at(&byte, place).unwrap();
        }
    }
}
