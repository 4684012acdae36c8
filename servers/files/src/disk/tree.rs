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
    /// Where it will be, from the root down: names are refused by this.
    pub(crate) target: Vec<OsString>,
    /// What was left out, as far as [`Copy::LEFT_OUT_MAX`].
    pub(crate) left_out: Vec<String>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl<'c> Copy<'c> {
    /// A copy that will stand at `target`.
    pub(crate) fn new(roots: &'c Roots, shown: &'c str, work: &'c Work, target: Vec<OsString>) -> Self {
        Self { roots, shown, work, target, left_out: Vec::new(), files: 0, bytes: 0 }
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
                self.target.push(name);
                self.inner(from, to, depth)?;
                self.target.pop();
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Copies the entry that `target` ends with.
    fn inner(&mut self, from: &Folder, to: &Folder, depth: usize) -> Result<()> {
        let Some((own, above)) = self.target.split_last() else { return Ok(()) };
        let own = own.clone();
        let name = Name::of(&own).map_err(|error| self.failed(error))?;
        let denial = self.roots.denied.check_entry(above, &own, Want::Write);
        let Some(stat) = from.stat_if_there(name).map_err(|error| self.failed(error))? else { return Ok(()) };
        if denial.is_some() || self.roots.is_ours(&stat) || stat.kind == Kind::Other {
            self.leave_out(denial);
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

    fn leave_out(&mut self, denial: Option<Denial>) {
        let name = self.target.last().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let ours = name.starts_with(STAGED_PREFIX);
        if !ours && self.left_out.len() < Self::LEFT_OUT_MAX {
            let why = match denial {
                Some(Denial::Protected) => "programs run it",
                Some(Denial::Secret) => "secret",
                None => "not a regular file",
            };
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
