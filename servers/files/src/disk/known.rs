//! Folders that were read before and did not change since: their entries, without reading them again.
//!
//! Reading a folder of a hundred entries takes the kernel several times as long as everything else about listing it.
//! Every entry that comes, goes or gets another name sets the folder's time of change, which nobody can set by hand.
//! So entries that were read under one time are right as long as the folder still has it. Two changes within one tick
//! of the clock give the same time: what was read less than [`SETTLED`] after a change is not kept.
//!
//! Only for file systems of this machine: some of those on a network tell of changes late.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::entries::KindIfKnown;
use super::folder::Folder;
use super::stat::{Identity, Kind};

/// How long a folder must have been unchanged before what is read is kept. The coarsest clock of a file system that we
/// take for local counts in steps of one second.
const SETTLED: Duration = Duration::from_secs(3);
/// How many folders are kept.
const FOLDERS_MAX: usize = 128;
/// How many entries a folder has at most that is kept.
const ENTRIES_MAX: usize = 1_000;
/// How many bytes the names of all kept folders have at most.
const NAMES_BYTES_MAX: usize = 1024 * 1024;

/// A folder as of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) identity: Identity,
    /// When an entry, or the folder itself, last changed (`ctime`), in nanoseconds since the epoch.
    pub(super) changed_ns: i128,
}

/// The entries of one folder.
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    /// Where each name ends in `bytes`, and what it is.
    ends: Vec<(usize, Kind)>,
}

#[derive(Default)]
struct Kept {
    folders: HashMap<Identity, (i128, Arc<Names>)>,
    names_bytes: usize,
}

/// What was read before.
#[derive(Default)]
pub(crate) struct Known(Mutex<Kept>);

impl Known {
    /// Shows every entry of `folder` to `visit`, which can end it early with an error; `failed` wraps one of the system.
    pub(crate) fn each<E>(
        &self,
        folder: &Folder,
        failed: impl Fn(io::Error) -> E,
        mut visit: impl FnMut(&OsStr, KindIfKnown) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(version) = folder.version().map_err(&failed)? else {
            return folder.entries().map_err(&failed)?.each(failed, visit);
        };
        if let Some(names) = self.find(version) {
            return names.each(visit);
        }
        let mut reading = Some(Names::default()).filter(|_| is_settled(version, SystemTime::now()));
        folder.entries().map_err(&failed)?.each(failed, |name, kind| {
            reading = reading.take().and_then(|names| names.with(name, kind));
            visit(name, kind)
        })?;
        if let Some(names) = reading {
            self.keep(version, names);
        }
        Ok(())
    }

    fn find(&self, version: Version) -> Option<Arc<Names>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (changed_ns, names) = kept.folders.get(&version.identity)?;
        (*changed_ns == version.changed_ns).then(|| names.clone())
    }

    /// Forgets everything when there is no room: what is listed again is soon known again.
    fn keep(&self, version: Version, names: Names) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = names.bytes.len();
        if kept.folders.len() >= FOLDERS_MAX || kept.names_bytes + bytes > NAMES_BYTES_MAX {
            *kept = Kept::default();
        }
        kept.names_bytes += bytes;
        if let Some((_, old)) = kept.folders.insert(version.identity, (version.changed_ns, Arc::new(names))) {
            kept.names_bytes -= old.bytes.len();
        }
    }
}

/// Whether any change from `now` on must give the folder another time.
fn is_settled(version: Version, now: SystemTime) -> bool {
    let now_ns = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let settled_ns = version.changed_ns + i128::from(SETTLED.as_secs()) * 1_000_000_000;
    i128::try_from(now_ns).is_ok_and(|now_ns| now_ns >= settled_ns)
}

impl Names {
    /// `None` when there are too many, or a kind that would have to be looked up each time.
    fn with(mut self, name: &OsStr, kind: KindIfKnown) -> Option<Self> {
        if self.ends.len() >= ENTRIES_MAX {
            return None;
        }
        self.bytes.extend_from_slice(name.as_encoded_bytes());
        self.ends.push((self.bytes.len(), kind?));
        Some(self)
    }

    #[cfg(fast)]
    fn each<E>(&self, mut visit: impl FnMut(&OsStr, KindIfKnown) -> Result<(), E>) -> Result<(), E> {
        use std::os::unix::ffi::OsStrExt as _;
        let mut start = 0;
        self.ends.iter().try_for_each(|&(end, kind)| {
            let name = OsStr::from_bytes(&self.bytes[std::mem::replace(&mut start, end)..end]);
            visit(name, Some(kind))
        })
    }

    /// Elsewhere folders have no version, and nothing is kept.
    #[cfg(not(fast))]
    fn each<E>(&self, _: impl FnMut(&OsStr, KindIfKnown) -> Result<(), E>) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
#[cfg(fast)]
mod tests;
