//! What is in a [`JobId`] of this engine.

use sha2::{Digest as _, Sha256};

use crate::JobId;

/// A job's number in the file, and a random number that makes its id unguessable: so that an id needs no index of
/// its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) id: i64,
    pub(super) nonce: u64,
}

impl Key {
    /// Reads an id that somebody wrote.
    pub(super) fn of(id: &JobId) -> Option<Self> {
        let (number, nonce) = id.as_str().split_once('-')?;
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if nonce.len() != 16 || number.len() > 15 || !is_hex(number) || !is_hex(nonce) {
            return None;
        }
        let nonce = u64::from_str_radix(nonce, 16).ok()?;
        Some(Self { id: i64::from_str_radix(number, 16).ok()?, nonce })
    }

    /// Stands for a job that another engine has: the same for the same id.
    pub(super) fn of_any(id: &JobId) -> Self {
        Self::of(id).unwrap_or_else(|| {
            let hash: [u8; 32] = Sha256::digest(id.as_str()).into();
            let eight = |at: usize| hash[at..at + 8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
            Self { id: (eight(0) >> 1).cast_signed(), nonce: eight(8) }
        })
    }

    /// The id, as it is given out.
    pub(super) fn job_id(self) -> JobId {
        JobId::new(&format!("{:x}-{:016x}", self.id, self.nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else_is() {
        for key in [Key { id: 1, nonce: 0 }, Key { id: i64::MAX >> 4, nonce: u64::MAX }] {
            assert_eq!(Key::of(&key.job_id()), Some(key));
        }
        for bad in ["", "1", "1-", "-1", "x-0000000000000000", "1-00000000000000000", "+1-0000000000000000"] {
            assert_eq!(Key::of(&JobId::new(bad)), None, "{bad}");
        }
        let (one, other) = (JobId::new("0190af"), JobId::new("0190b0"));
        assert_eq!(Key::of_any(&one), Key::of_any(&one));
        assert_ne!(Key::of_any(&one), Key::of_any(&other));
        assert!(Key::of_any(&one).id >= 0);
        assert_eq!(Key::of(&JobId::new("1-+00000000000000f")), None);
        assert_eq!(Key::of(&JobId::new("-0000000000000000")), None);
    }
}
