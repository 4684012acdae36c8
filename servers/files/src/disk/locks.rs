//! One at a time for each file, among the calls of this process: reading, changing and writing it is one step.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::locate::Place;
use crate::error::{FileError, Result};

/// How many files can be changed at the same time; two of them may share a lock, which only costs time.
const LOCKS: usize = 64;

/// The locks.
pub(crate) struct Locks([Mutex<()>; LOCKS]);

impl Locks {
    pub(crate) fn new() -> Self {
        Self([const { Mutex::new(()) }; LOCKS])
    }

    /// Waits for the file at `place`, by its folder and name, whatever way led there.
    pub(crate) fn lock(&self, place: &Place<'_>) -> Result<MutexGuard<'_, ()>> {
        let folder = place.parent.stat_self().map_err(|error| FileError::io("open", place.show(), error))?;
        let mut hasher = DefaultHasher::new();
        (folder.identity, place.name()?.as_os_str()).hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or_default();
        // It guards no data that a panic could leave half-changed.
        Ok(self.0[index].lock().unwrap_or_else(PoisonError::into_inner))
    }
}
