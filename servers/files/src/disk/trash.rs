//! What was removed or replaced, kept in its root until there is too much of it: `<id>` is the thing, and
//! `<id>.json` says what it was. Ids sort by time.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::folder::Folder;
use super::locate::Place;
use super::name::Name;
use super::root::Root;
use super::roots::Roots;
use super::stat::{Kind, rfc3339};
use super::tree::{self, Copy};
use crate::error::{FileError, Result};
use crate::settings::{Access, TrashSettings};
use crate::work::Work;

/// How large a record may be: a path, and some numbers.
const RECORD_BYTES_MAX: u64 = 16 * 1024;
/// After how many entries the bounds are looked at again.
const PRUNE_EVERY_ENTRIES: u64 = 64;
/// After which part of the bytes allowed the bounds are looked at again.
const PRUNE_EVERY_PART: u64 = 8;
/// How records end.
const RECORD_SUFFIX: &str = ".json";

/// What was put in since the bounds were looked at.
#[derive(Default)]
pub(crate) struct Since {
    entries: AtomicU64,
    bytes: AtomicU64,
}

/// What was kept, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Where it was, below its root.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) size_bytes: u64,
    /// It has more than `size_bytes`: not all of it was counted.
    #[serde(default)]
    pub(crate) at_least: bool,
    pub(crate) why: Why,
    /// RFC 3339, UTC.
    pub(crate) when: String,
}

/// Why something is in the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// It was removed.
    Removed,
    /// Something else was put in its place: this is the version before.
    Replaced,
}

/// A root's trash, open.
pub(crate) struct Trash<'r> {
    pub(crate) root: &'r Root,
    pub(crate) folder: Arc<Folder>,
}

impl<'r> Trash<'r> {
    /// The trash of a root, made when it is not there.
    pub(crate) fn of(root: &'r Root) -> Result<Self> {
        let folder =
            root.trash_folder().map_err(|error| FileError::io("open the trash of", &root.name, error))?;
        Ok(Self { root, folder: Arc::new(folder) })
    }

    /// The trash of a root, if it has one.
    pub(crate) fn if_there(root: &'r Root) -> Result<Option<Self>> {
        let failed = |error| FileError::io("open the trash of", &root.name, error);
        let folder = root.trash_folder_if_there().map_err(failed)?;
        Ok(folder.map(|folder| Self { root, folder: Arc::new(folder) }))
    }

    /// Moves what is at `place` here; its id.
    ///
    /// # Errors
    /// When it may not leave its place, as what holds Drawbridge's own state, or it cannot be moved.
    pub(crate) fn take(&self, roots: &Roots, place: &Place<'_>, work: &Work) -> Result<String> {
        roots.may_leave(place)?;
        let measure = tree::measure(&place.parent, place.name()?, work)?;
        let record = Record {
            size_bytes: measure.bytes,
            at_least: measure.at_least,
            ..Record::of(place, Why::Removed)?
        };
        self.keep(&record, roots, work, |id| {
            let shown = place.show();
            let copy = Copy::faithful(roots, &shown, work);
            tree::relocate((&place.parent, place.name()?), (&self.folder, id), copy)
        })
    }

    /// Keeps the version of the file at `place` that is about to be replaced; its id.
    pub(crate) fn keep_version(&self, roots: &Roots, place: &Place<'_>, work: &Work) -> Result<String> {
        let record = Record::of(place, Why::Replaced)?;
        self.keep(&record, roots, work, |id| {
            if place.parent.hard_link(place.name()?, &self.folder, id).is_ok() {
                return Ok(());
            }
            // Another disk, or a file system without second names.
            let shown = place.show();
            Copy::faithful(roots, &shown, work).entry((&place.parent, place.name()?), (&self.folder, id))
        })
    }

    fn keep(
        &self,
        record: &Record,
        roots: &Roots,
        work: &Work,
        put: impl FnOnce(Name<'_>) -> Result<()>,
    ) -> Result<String> {
        let id = Uuid::now_v7().simple().to_string();
        // First the record: a thing without one could not be told apart, a record without a thing is dropped.
        self.write_record(&id, record)?;
        let put = self.name(&id, put);
        if put.is_err() {
            self.drop_record(&id)?;
        }
        put?;
        if self.root.since.is_due(record.size_bytes, &roots.settings.trash) {
            self.prune(&roots.settings.trash, &id, work)?;
        }
        Ok(id)
    }

    /// The record of an id that a caller gives.
    pub(crate) fn record(&self, id: &str) -> Result<Record> {
        let missing = || FileError::NotInTrash(id.to_owned());
        if Uuid::try_parse(id).is_err() {
            return Err(missing());
        }
        let there =
            self.name(id, |name| Ok(self.folder.stat_if_there(name).is_ok_and(|stat| stat.is_some())))?;
        if !there {
            return Err(missing());
        }
        self.read_record(id).map_err(|_| missing())
    }

    /// Every id, oldest first.
    pub(crate) fn ids(&self) -> Result<Vec<String>> {
        let failed = |error| FileError::io("list the trash of", &self.root.name, error);
        let mut ids = Vec::new();
        self.folder.entries().map_err(failed)?.each(failed, |name, _| {
            let id = name.to_str().and_then(|name| name.strip_suffix(RECORD_SUFFIX));
            ids.extend(id.filter(|id| Uuid::try_parse(id).is_ok()).map(str::to_owned));
            Ok(())
        })?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// Drops the record of a thing that has left.
    pub(crate) fn forget(&self, id: &str) -> Result<()> {
        self.drop_record(id)
    }

    /// Removes a thing for good.
    pub(crate) fn purge(&self, id: &str, work: &Work) -> Result<()> {
        self.name(id, |name| tree::remove(&self.folder, name, id, work))?;
        self.drop_record(id)
    }

    /// Removes the oldest for good until the rest is within bounds. `newest` stays in any case.
    pub(crate) fn prune(&self, bounds: &TrashSettings, newest: &str, work: &Work) -> Result<()> {
        let oldest_kept = rfc3339(now_ns() - i128::from(bounds.days_max) * 24 * 3600 * 1_000_000_000);
        let (mut entries, mut bytes) = (0, 0_u64);
        for id in self.ids()?.iter().rev() {
            let record = self.read_record(id).ok();
            entries += 1;
            bytes = bytes.saturating_add(record.as_ref().map_or(0, |record| record.size_bytes));
            let old = record.is_some_and(|record| record.when < oldest_kept);
            if id != newest && (old || entries > bounds.entries_max || bytes > bounds.bytes_max) {
                self.purge(id, work)?;
            }
        }
        Ok(())
    }

    fn write_record(&self, id: &str, record: &Record) -> Result<()> {
        let failed = |error| FileError::io("write to the trash of", &self.root.name, error);
        let text = serde_json::to_vec(record).map_err(|error| failed(error.into()))?;
        let name = OsString::from(format!("{id}{RECORD_SUFFIX}"));
        let file = Name::of(&name).and_then(|name| self.folder.new_file(name, true));
        file.and_then(|mut file| file.write_all(&text)).map_err(failed)
    }

    pub(crate) fn read_record(&self, id: &str) -> Result<Record> {
        let failed = |error: io::Error| FileError::io("read the trash of", &self.root.name, error);
        let name = OsString::from(format!("{id}{RECORD_SUFFIX}"));
        let (file, _) = Name::of(&name).and_then(|name| self.folder.file(name)).map_err(failed)?;
        let mut text = Vec::new();
        file.take(RECORD_BYTES_MAX).read_to_end(&mut text).map_err(failed)?;
        serde_json::from_slice(&text).map_err(|error| failed(error.into()))
    }

    fn drop_record(&self, id: &str) -> Result<()> {
        self.name(&format!("{id}{RECORD_SUFFIX}"), |name| match self.folder.remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FileError::io("write to the trash of", &self.root.name, error))
            }
            _ => Ok(()),
        })
    }

    fn name<T>(&self, name: &str, use_it: impl FnOnce(Name<'_>) -> Result<T>) -> Result<T> {
        let name = Name::of(OsStr::new(name));
        use_it(name.map_err(|error| FileError::io("use the trash of", &self.root.name, error))?)
    }
}

impl Roots {
    /// What has this id, in whichever root's trash.
    ///
    /// # Errors
    /// When nothing has, or its root is read-only by now.
    pub(crate) fn in_trash(&self, id: &str) -> Result<(Trash<'_>, Record)> {
        for root in self.each() {
            let Some(trash) = Trash::if_there(root)? else { continue };
            if let Ok(record) = trash.record(id) {
                return match root.access {
                    Access::ReadWrite => Ok((trash, record)),
                    Access::ReadOnly => Err(FileError::ReadOnly(root.name.clone())),
                };
            }
        }
        Err(FileError::NotInTrash(id.to_owned()))
    }
}

impl Record {
    fn of(place: &Place<'_>, why: Why) -> Result<Self> {
        let stat = place.there()?;
        let parts: Vec<_> = place.parts.iter().map(|part| part.to_string_lossy()).collect();
        let (kind, size_bytes) = (stat.kind, stat.size_bytes);
        Ok(Self { path: parts.join("/"), kind, size_bytes, at_least: false, why, when: rfc3339(now_ns()) })
    }
}

impl Since {
    /// Counts one more; whether the bounds are to be looked at.
    fn is_due(&self, bytes: u64, bounds: &TrashSettings) -> bool {
        let entries = self.entries.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let due = entries >= PRUNE_EVERY_ENTRIES || bytes >= bounds.bytes_max / PRUNE_EVERY_PART;
        if due {
            self.entries.store(0, Ordering::Relaxed);
            self.bytes.store(0, Ordering::Relaxed);
        }
        due
    }
}

/// Drops what is past its bounds; for the start, on a thread of its own.
pub(crate) fn prune_all(roots: &Roots, work: &Work) {
    for root in roots.each().filter(|root| root.access == Access::ReadWrite) {
        if let Ok(Some(trash)) = Trash::if_there(root) {
            // What cannot be removed now is tried again after the next entries.
            let _ = trash.prune(&roots.settings.trash, "", work);
        }
    }
}

fn now_ns() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos().cast_signed())
}
