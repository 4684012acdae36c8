//! A root: a named folder that callers may use.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::denied::TRASH_NAME;
use super::folder::{Folder, Reach};
use super::name::Name;
use super::replace;
use super::trash::Since;
use crate::settings::{Access, FilesError, RootSettings};

/// A root, open for as long as the server lives.
pub(crate) struct Root {
    pub(crate) name: String,
    pub(crate) access: Access,
    pub(crate) folder: Arc<Folder>,
    /// As the owner wrote it, and without links: what absolute paths are compared with.
    given: PathBuf,
    pub(crate) real: PathBuf,
    /// Whether its file system answers without a network.
    pub(crate) local: bool,
    /// What was put into its trash since the bounds were looked at.
    pub(crate) since: Since,
}

impl Root {
    pub(crate) fn open(settings: &RootSettings) -> Result<Self, FilesError> {
        let path = &settings.folder;
        let failed = |source| FilesError::Open { path: path.clone(), source };
        let folder = Folder::open_root(path).map_err(failed)?;
        let real = path.canonicalize().map_err(failed)?;
        let local = is_local(&folder);
        let given = std::path::absolute(path).map_err(failed)?;
        let (name, access) = (settings.name.clone(), settings.access);
        Ok(Self { name, access, folder: Arc::new(folder), given, real, local, since: Since::default() })
    }

    /// The part of an absolute path below this root; `None` when it is not below.
    pub(crate) fn below<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.strip_prefix(&self.real).or_else(|_| path.strip_prefix(&self.given)).ok()
    }

    /// The folder in which this root keeps what was removed; made when it is not there.
    pub(crate) fn trash_folder(&self) -> io::Result<Folder> {
        replace::inner(&self.folder, TRASH_NAME)
    }

    /// The same, if it is there.
    pub(crate) fn trash_folder_if_there(&self) -> io::Result<Option<Folder>> {
        match self.folder.folder(Name::of(OsStr::new(TRASH_NAME))?, Reach::Any) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The path that callers use for `parts` of this root.
    pub(crate) fn show<P: AsRef<OsStr>>(&self, parts: &[P]) -> String {
        let mut shown = self.name.clone();
        for part in parts {
            shown.push('/');
            shown.push_str(&part.as_ref().to_string_lossy());
        }
        shown
    }
}

/// File systems of Linux that live on a disk or in memory of this machine (`statfs(2)`).
#[cfg(fast)]
fn is_local(folder: &Folder) -> bool {
    const LOCAL: &[i64] = &[
        0xEF53,      // ext2, ext3, ext4
        0x5846_5342, // XFS
        0x9123_683E, // Btrfs
        0x0102_1994, // tmpfs
        0xF2F5_2010, // F2FS
        0x794C_7630, // overlayfs
        0x2FC1_2FC1, // ZFS
        0xCA45_1A4E, // bcachefs
    ];
    folder.file_system().is_ok_and(|kind| LOCAL.contains(&kind))
}

/// Elsewhere we do not know, and do not wait on the caller's thread.
#[cfg(not(fast))]
fn is_local(_: &Folder) -> bool {
    false
}
