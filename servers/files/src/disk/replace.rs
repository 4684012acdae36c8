//! Making and replacing files so that, whenever the power or the process goes, a name stands for the whole old
//! contents or the whole new: write elsewhere on the same disk, flush, rename, flush the folder.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};

use std::time::{Duration, Instant};

use drawbridge_contract::CancellationToken;
use uuid::Uuid;

use super::denied::STAGED_PREFIX;
use super::folder::{Folder, Reach, stat_of_file};
use super::locate::Place;
use super::name::Name;
use super::root::Root;
use super::stat::Stat;
use super::tree;
use crate::error::{FileError, Result};
use crate::work::Work;

/// Where in the trash folder files are until they are whole.
const STAGING_NAME: &str = "staging";

/// How long the start removes one half-filled folder.
const LEFT_OVER_TIME_MAX: Duration = Duration::from_secs(2);

/// A file that is being written and has no name of its own yet.
pub(crate) struct Staged<'p> {
    file: File,
    name: OsString,
    folder: Folder,
    place: &'p Place<'p>,
    /// Whether it was given its name; else it is removed again.
    done: bool,
}

impl<'p> Staged<'p> {
    /// Begins a file that is to be at `place`, with the permissions of what is there now.
    pub(crate) fn begin(place: &'p Place<'p>) -> Result<Self> {
        let failed = |error| FileError::io("write", place.show(), error);
        let folder = staging(place).map_err(failed)?;
        let name = OsString::from(format!("{STAGED_PREFIX}{}", Uuid::now_v7().simple()));
        let file =
            Name::of(&name).and_then(|name| folder.new_file(name, place.stat.is_some())).map_err(failed)?;
        let staged = Self { file, name, folder, place, done: false };
        // The kernel lets go of this lock when we die, however we die: what is not locked is left over.
        staged.file.try_lock().map_err(|error| failed(error.into()))?;
        staged.take_permissions().map_err(failed)?;
        Ok(staged)
    }

    /// Where the contents are written.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Writes all of `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| FileError::io("write", self.place.show(), error))
    }

    /// Gives it its name, which nothing has yet.
    pub(crate) fn create(self) -> Result<Stat> {
        self.finish(Folder::rename)
    }

    /// Gives it its name, in place of what is there.
    pub(crate) fn replace(self) -> Result<Stat> {
        self.finish(Folder::rename_over)
    }

    fn finish(mut self, rename: fn(&Folder, Name<'_>, &Folder, Name<'_>) -> io::Result<()>) -> Result<Stat> {
        let name = self.place.name()?;
        let failed = |error| FileError::io("write", self.place.show(), error);
        self.file.sync_all().map_err(failed)?;
        Name::of(&self.name)
            .and_then(|own| rename(&self.folder, own, &self.place.parent, name))
            .map_err(failed)?;
        self.done = true;
        self.place.parent.sync().map_err(failed)?;
        stat_of_file(&self.file).map_err(failed)
    }

    /// Takes over what the file that it replaces has, or what a new file in that folder would get.
    #[cfg(unix)]
    fn take_permissions(&self) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        const SET_GROUP_ID: u32 = 0o2000;
        let group = |id| rustix::fs::fchown(&self.file, None, Some(rustix::fs::Gid::from_raw(id)));
        if let Some(stat) = self.place.stat {
            // Only root can give files away, and only members can give them to a group: as far as we may.
            let owner = rustix::fs::Uid::from_raw(stat.owner);
            let _ = rustix::fs::fchown(&self.file, Some(owner), None);
            let _ = group(stat.group);
            return self.file.set_permissions(std::fs::Permissions::from_mode(stat.permissions()));
        }
        let folder = self.place.parent.stat_self()?;
        if folder.mode & SET_GROUP_ID != 0 {
            group(folder.group)?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn take_permissions(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.done
            && let Ok(name) = Name::of(&self.name)
        {
            // If this fails, the next start removes it.
            let _ = self.folder.remove_file(name);
        }
    }
}

/// A folder that is being filled and has no name of its own yet. It is filled inside a folder of its own, which is
/// locked for as long as we live.
pub(crate) struct StagedFolder<'p> {
    folder: Folder,
    name: OsString,
    staging: Folder,
    place: &'p Place<'p>,
    work: &'p Work,
    _lock: File,
}

impl<'p> StagedFolder<'p> {
    /// Begins a folder that is to be at `place`.
    pub(crate) fn begin(place: &'p Place<'p>, work: &'p Work) -> Result<Self> {
        let failed = |error| FileError::io("write", place.show(), error);
        let staging = staging(place).map_err(failed)?;
        let name = OsString::from(format!("{STAGED_PREFIX}{}", Uuid::now_v7().simple()));
        let begin = || -> io::Result<(Folder, File)> {
            let own = Name::of(&name)?;
            staging.make_private_folder(own)?;
            let folder = staging.folder(own, Reach::Any)?;
            let lock = folder.as_file()?;
            lock.try_lock()?;
            Ok((folder, lock))
        };
        let (folder, lock) = begin().map_err(failed)?;
        Ok(Self { folder, name, staging, place, work, _lock: lock })
    }

    /// The folder in which it is filled.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What it is called there: as it will be.
    pub(crate) fn inner(&self) -> Result<Name<'_>> {
        self.place.name()
    }

    /// Gives it its name, which nothing has yet.
    pub(crate) fn create(self) -> Result<()> {
        let failed = |error| FileError::io("write", self.place.show(), error);
        let name = self.place.name()?;
        self.folder.rename(name, &self.place.parent, name).map_err(failed)?;
        self.place.parent.sync().map_err(failed)
    }
}

impl Drop for StagedFolder<'_> {
    fn drop(&mut self) {
        if let Ok(name) = Name::of(&self.name) {
            // If this fails, the next start removes it.
            let shown = self.place.show();
            let _ = tree::remove(&self.staging, name, &shown, &self.work.regardless());
        }
    }
}

/// The folder for half-written files: in the root's trash folder when that is on the same disk, else beside the place.
fn staging(place: &Place<'_>) -> io::Result<Folder> {
    let trash = place.root.trash_folder()?;
    let staging = inner(&trash, STAGING_NAME)?;
    let same = staging.stat_self()?.identity.device == place.parent.stat_self()?.identity.device;
    if same {
        return Ok(staging);
    }
    let beside = place.parent.folder_again()?;
    remove_left_over_in(&beside)?;
    Ok(beside)
}

/// The folder `name` of ours in `folder`, made when it is not there.
pub(crate) fn inner(folder: &Folder, name: &str) -> io::Result<Folder> {
    let name = Name::of(OsStr::new(name))?;
    match folder.folder(name, Reach::Any) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    match folder.make_private_folder(name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => folder.folder(name, Reach::Any),
    }
}

/// Removes half-written files of processes that are gone.
pub(crate) fn remove_left_over(root: &Root) -> io::Result<()> {
    let Some(trash) = root.trash_folder_if_there()? else { return Ok(()) };
    let staging = match trash.folder(Name::of(OsStr::new(STAGING_NAME))?, Reach::Any) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    remove_left_over_in(&staging)
}

fn remove_left_over_in(folder: &Folder) -> io::Result<()> {
    let mut names = Vec::new();
    folder.entries()?.each(
        |error| error,
        |name, _| {
            if name.as_encoded_bytes().starts_with(STAGED_PREFIX.as_bytes()) {
                names.push(name.to_owned());
            }
            Ok(())
        },
    )?;
    for name in &names {
        let name = Name::of(name)?;
        let lock = match folder.folder(name, Reach::Any) {
            Ok(inner) => inner.as_file(),
            Err(_) => folder.file(name).map(|(file, _)| file),
        };
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let work = Work::patient(CancellationToken::new(), Instant::now() + LEFT_OVER_TIME_MAX);
            // What cannot be removed now is tried again at the next start.
            let _ = tree::remove(folder, name, "what was left over", &work);
        }
    }
    Ok(())
}
