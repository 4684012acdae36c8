//! Whole trees through handles: copying, measuring and removing them for good.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::denied::{Denial, STAGED_PREFIX, Want};
use super::entries::Batch;
use super::folder::{Folder, Reach};
use super::name::Name;
use super::roots::Roots;
use super::stat::{Kind, Stat};
use crate::error::{FileError, Result};
use crate::work::Work;

/// How deep a tree may be that is copied or removed: one open folder for each level.
pub(crate) const DEPTH_MAX: usize = 256;
/// How many entries are counted to measure a tree.
const MEASURED_ENTRIES_MAX: u64 = 20_000;

/// How much there is in a tree.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Measure {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    /// There is more than was counted.
    pub(crate) at_least: bool,
}

/// Removes `name` and everything in it, for good. What others put in meanwhile goes too.
pub(crate) fn remove(folder: &Folder, name: Name<'_>, shown: &str, work: &Work) -> Result<()> {
    let failed = |error| FileError::io("remove", shown, error);
    match folder.stat_if_there(name).map_err(failed)? {
        None => Ok(()),
        Some(Stat { kind: Kind::Directory, .. }) => {
            let inner = folder.folder(name, Reach::Any).map_err(failed)?;
            empty(&inner, shown, DEPTH_MAX, work)?;
            folder.remove_folder(name).map_err(failed)
        }
        Some(_) => folder.remove_file(name).map_err(failed),
    }
}

fn empty(folder: &Folder, shown: &str, depth: usize, work: &Work) -> Result<()> {
    let failed = |error| FileError::io("remove", shown, error);
    let depth = depth.checked_sub(1).ok_or_else(|| too_deep(shown))?;
    let mut batch = Batch::new();
    loop {
        // A folder that changes while it is read may hide entries: read on until none is left.
        let (mut entries, mut found) = (folder.entries().map_err(failed)?, false);
        loop {
            let mut names = Vec::new();
            let more =
                entries.next_batch(&mut batch, |name, _| names.push(name.to_owned())).map_err(failed)?;
            found |= !names.is_empty();
            for name in &names {
                work.check()?;
                remove_entry(folder, Name::of(name).map_err(failed)?, shown, depth, work)?;
            }
            if !more {
                break;
            }
        }
        if !found {
            return Ok(());
        }
    }
}

fn remove_entry(folder: &Folder, name: Name<'_>, shown: &str, depth: usize, work: &Work) -> Result<()> {
    let failed = |error| FileError::io("remove", shown, error);
    match folder.stat_if_there(name).map_err(failed)? {
        Some(Stat { kind: Kind::Directory, .. }) => {
            empty(&folder.folder(name, Reach::Any).map_err(failed)?, shown, depth, work)?;
            folder.remove_folder(name).map_err(failed)
        }
        Some(_) => folder.remove_file(name).map_err(failed),
        None => Ok(()),
    }
}

/// How much there is in `name`.
pub(crate) fn measure(folder: &Folder, name: Name<'_>, work: &Work) -> Result<Measure> {
    let mut measure = Measure::default();
    let mut pending = Vec::new();
    let failed = |error| FileError::io("measure", name.as_os_str().to_string_lossy(), error);
    match folder.stat(name).map_err(failed)? {
        stat if stat.kind == Kind::Directory => {
            pending.push(folder.folder(name, Reach::Any).map_err(failed)?);
        }
        stat => return Ok(Measure { entries: 1, bytes: stat.size_bytes, at_least: false }),
    }
    while let Some(folder) = pending.pop() {
        work.check()?;
        let done = folder.entries().map_err(failed)?.each(failed, |name, _| {
            measure.entries += 1;
            if measure.entries > MEASURED_ENTRIES_MAX || pending.len() >= DEPTH_MAX {
                return Err(FileError::TakesLonger);
            }
            let name = Name::of(name).map_err(failed)?;
            match folder.stat_if_there(name).map_err(failed)? {
                Some(stat) if stat.kind == Kind::Directory => {
                    pending.extend(folder.folder(name, Reach::Any).ok());
                }
                Some(stat) => measure.bytes += stat.size_bytes,
                None => {}
            }
            Ok(())
        });
        if matches!(done, Err(FileError::TakesLonger)) {
            return Ok(Measure { at_least: true, ..measure });
        }
        done?;
    }
    Ok(measure)
}

/// Copies a tree, leaving out what callers may not see or make.
pub(crate) struct Copy<'c> {
    pub(crate) roots: &'c Roots,
    pub(crate) shown: &'c str,
    pub(crate) work: &'c Work,
    /// Where it is and where it will be, from the root down: what is secret there, or may not be made here, is left
    /// out. `None` when nothing is.
    names: Option<(Vec<OsString>, Vec<OsString>)>,
    /// What was left out, as far as [`Copy::LEFT_OUT_MAX`].
    pub(crate) left_out: Vec<String>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl<'c> Copy<'c> {
    /// A copy of what is at `source` that will stand at `target`, both from their roots down.
    pub(crate) fn new(
        roots: &'c Roots,
        shown: &'c str,
        work: &'c Work,
        source: &[OsString],
        target: &[OsString],
    ) -> Self {
        let names = Some((source.to_vec(), target.to_vec()));
        Self { roots, shown, work, names, left_out: Vec::new(), files: 0, bytes: 0 }
    }

    /// A copy that takes the place of its original: nothing is refused by its name, as if it were only renamed.
    pub(crate) fn faithful(roots: &'c Roots, shown: &'c str, work: &'c Work) -> Self {
        Self { roots, shown, work, names: None, left_out: Vec::new(), files: 0, bytes: 0 }
    }

    /// How much of what was left out is told.
    pub(crate) const LEFT_OUT_MAX: usize = 20;

    /// Copies the entry `name` of `from` as `new` to `to`, where nothing is yet.
    pub(crate) fn entry(
        &mut self,
        (from, name): (&Folder, Name<'_>),
        (to, new): (&Folder, Name<'_>),
    ) -> Result<()> {
        let stat = from.stat(name).map_err(|error| self.failed(error))?;
        match stat.kind {
            Kind::Directory => {
                let from = from.folder(name, self.work.reach()).map_err(|error| self.failed(error))?;
                to.make_folder(new).map_err(|error| self.failed(error))?;
                let to = to.folder(new, Reach::Any).map_err(|error| self.failed(error))?;
                self.contents(&from, &to, DEPTH_MAX)?;
                take_mode(&to, &stat).map_err(|error| self.failed(error))
            }
            Kind::File => self.file((from, name), (to, new)),
            Kind::Symlink => {
                let target = from.link_target(name).map_err(|error| self.failed(error))?;
                to.make_link(new, Path::new(&target)).map_err(|error| self.failed(error))
            }
            Kind::Other => Err(FileError::NotRegular(self.shown.to_owned())),
        }
    }

    fn contents(&mut self, from: &Folder, to: &Folder, depth: usize) -> Result<()> {
        let depth = depth.checked_sub(1).ok_or_else(|| too_deep(self.shown))?;
        let mut entries = from.entries().map_err(|error| self.failed(error))?;
        let mut batch = Batch::new();
        loop {
            let mut names = Vec::new();
            let more = entries.next_batch(&mut batch, |name, _| names.push(name.to_owned()));
            let more = more.map_err(|error| self.failed(error))?;
            for name in names {
                self.work.check()?;
                self.named(&name, |copy| copy.inner(&name, from, to, depth))?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Copies one entry of a folder, unless it is to be left out.
    fn inner(&mut self, own: &OsString, from: &Folder, to: &Folder, depth: usize) -> Result<()> {
        let name = Name::of(own).map_err(|error| self.failed(error))?;
        let Some(stat) = from.stat_if_there(name).map_err(|error| self.failed(error))? else { return Ok(()) };
        if let Some(why) = self.refusal(&stat) {
            self.leave_out(own, why);
            return Ok(());
        }
        if stat.kind != Kind::Directory {
            return self.entry((from, name), (to, name));
        }
        let from = from.folder(name, self.work.reach()).map_err(|error| self.failed(error))?;
        to.make_folder(name).map_err(|error| self.failed(error))?;
        let to = to.folder(name, Reach::Any).map_err(|error| self.failed(error))?;
        self.contents(&from, &to, depth)?;
        take_mode(&to, &stat).map_err(|error| self.failed(error))
    }

    /// Does something below the entry `name`.
    fn named<T>(&mut self, name: &OsString, below: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if let Some((source, target)) = &mut self.names {
            source.push(name.clone());
            target.push(name.clone());
        }
        let done = below(self);
        if let Some((source, target)) = &mut self.names {
            source.pop();
            target.pop();
        }
        done
    }

    /// Why the entry that the names end with is left out.
    fn refusal(&self, stat: &Stat) -> Option<&'static str> {
        let denied = &self.roots.denied;
        let denial = self.names.as_ref().and_then(|(source, target)| {
            denied.check_last(source, Want::Read).or_else(|| denied.check_last(target, Want::Write))
        });
        match denial {
            Some(Denial::Protected) => Some("programs run it"),
            Some(Denial::Secret) => Some("secret"),
            None if self.roots.is_ours(stat) => Some("Drawbridge's own"),
            None if stat.kind == Kind::Other => Some("not a regular file"),
            None => None,
        }
    }

    fn leave_out(&mut self, name: &OsString, why: &str) {
        let name = name.to_string_lossy();
        if !name.starts_with(STAGED_PREFIX) && self.left_out.len() < Self::LEFT_OUT_MAX {
            self.left_out.push(format!("{name} ({why})"));
        }
    }

    fn file(&mut self, (from, name): (&Folder, Name<'_>), (to, new): (&Folder, Name<'_>)) -> Result<()> {
        let (mut source, stat) = from.file(name).map_err(|error| self.failed(error))?;
        if self.roots.is_ours(&stat) {
            return Err(FileError::Secret(self.shown.to_owned()));
        }
        let mut target = to.new_file(new, true).map_err(|error| self.failed(error))?;
        self.bytes += copy_contents(&mut source, &mut target, self.shown, self.work)?;
        self.files += 1;
        set_mode(&target, &stat).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> FileError {
        FileError::io("copy", self.shown, error)
    }
}

/// How much of a file is copied between two looks at whether to stop.
const COPY_STEP_BYTES: u64 = 64 * 1024 * 1024;

/// Copies what is left of `source`, in the kernel where it can.
pub(crate) fn copy_contents(
    source: &mut std::fs::File,
    target: &mut std::fs::File,
    shown: &str,
    work: &Work,
) -> Result<u64> {
    let mut total = 0;
    loop {
        work.check()?;
        let mut step = io::Read::take(&mut *source, COPY_STEP_BYTES);
        let copied = io::copy(&mut step, target).map_err(|error| FileError::io("copy", shown, error))?;
        total += copied;
        if copied < COPY_STEP_BYTES {
            return Ok(total);
        }
    }
}

#[cfg(unix)]
fn set_mode(file: &std::fs::File, stat: &Stat) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    // A copy does not run as somebody else.
    file.set_permissions(std::fs::Permissions::from_mode(stat.permissions() & 0o777))
}

#[cfg(not(unix))]
fn set_mode(_: &std::fs::File, _: &Stat) -> io::Result<()> {
    Ok(())
}

fn take_mode(folder: &Folder, stat: &Stat) -> io::Result<()> {
    folder.set_mode(stat.permissions() & 0o777)
}

fn too_deep(shown: &str) -> FileError {
    FileError::TooLarge(format!("{shown} has more than {DEPTH_MAX} folders within each other"))
}

/// Moves `name` as `new` to `to`, where nothing is yet; over disks by copying it and removing the original.
pub(crate) fn relocate(
    (from, name): (&Folder, Name<'_>),
    (to, new): (&Arc<Folder>, Name<'_>),
    mut copy: Copy<'_>,
) -> Result<()> {
    match from.rename(name, to, new) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        done => return done.map_err(|error| FileError::io("move", copy.shown, error)),
    }
    let (shown, work) = (copy.shown, copy.work);
    let copied = copy.entry((from, name), (to, new));
    if copied.is_err() || !copy.left_out.is_empty() {
        remove(to, new, shown, work)?;
        copied?;
        let what = copy.left_out.join(", ");
        return Err(FileError::Invalid(format!(
            "{shown} cannot be moved to another disk, because of {what}"
        )));
    }
    remove(from, name, shown, work)
}
