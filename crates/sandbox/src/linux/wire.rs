//! How messages are written: numbers little-endian, byte strings and lists after their length.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A message as long as the kernel's own limit for arguments and variables, with room for the rest.
pub(super) const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// The length before each message.
pub(super) const LENGTH_BYTES: usize = 4;

/// What arrived is no message of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Writes one message.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new() -> Self {
        Self(vec![0; LENGTH_BYTES])
    }

    pub(super) fn number(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn text(&mut self, value: impl AsRef<OsStr>) -> &mut Self {
        let bytes = value.as_ref().as_bytes();
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn optional(&mut self, value: Option<u64>) -> &mut Self {
        match value {
            None => self.number(0),
            Some(value) => self.number(1).number(value),
        }
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut one: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.number(items.len() as u64);
        items.iter().for_each(|item| one(self, item));
        self
    }

    /// The message with its length before it; `None` if it is longer than [`MESSAGE_BYTES_MAX`].
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        let length = self.0.len() - LENGTH_BYTES;
        let written = u32::try_from(length).ok().filter(|_| length <= MESSAGE_BYTES_MAX)?;
        self.0[..LENGTH_BYTES].copy_from_slice(&written.to_le_bytes());
        Some(self.0)
    }
}

/// Reads one message, without its length.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*number))
    }

    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        Ok(self.number()? != 0)
    }

    pub(super) fn text(&mut self) -> Result<OsString, Malformed> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(OsString::from_vec(text.to_vec()))
    }

    pub(super) fn optional(&mut self) -> Result<Option<u64>, Malformed> {
        if self.flag()? { self.number().map(Some) } else { Ok(None) }
    }

    pub(super) fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        // Grown as items come, so that a wrong length allocates nothing.
        (0..self.length()?).map(|_| one(self)).collect()
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// A length, which cannot be more than there are bytes.
    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.number()?).ok().filter(|length| *length <= self.0.len()).ok_or(Malformed)
    }
}

/// The length that stands before a message.
pub(super) fn length(before: [u8; LENGTH_BYTES]) -> Result<usize, Malformed> {
    usize::try_from(u32::from_le_bytes(before))
        .ok()
        .filter(|length| *length <= MESSAGE_BYTES_MAX)
        .ok_or(Malformed)
}
