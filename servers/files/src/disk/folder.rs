//! A handle to a folder. Every operation takes a single name in it, never a path, and never follows a link:
//! whatever is renamed or exchanged around us, it happens in this folder.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;

use cap_fs_ext::{DirExt as _, FollowSymlinks, MetadataExt as _, OpenOptionsFollowExt as _};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::entries::Entries;
#[cfg(fast)]
use super::fast;
use super::known::Version;
use super::name::Name;
use super::stat::{Identity, Kind, Stat};

/// How far a step may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Not onto another mounted file system, which may be slow: such a step fails with `CrossesDevices`.
    SameDisk,
    /// Anywhere below.
    Any,
}

/// A handle to a folder.
pub(crate) struct Folder(Dir);

impl Folder {
    /// Opens the folder of a root: the only place where a path is opened by name, and it is the owner's.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn open_root(path: &Path) -> io::Result<Self> {
        Dir::open_ambient_dir(path, ambient_authority()).map(Self)
    }

    /// Which folder this is.
    pub(crate) fn stat_self(&self) -> io::Result<Stat> {
        #[cfg(fast)]
        return fast::stat_self(&self.0);
        #[cfg(not(fast))]
        Ok(stat_of(&self.0.dir_metadata()?))
    }

    /// Which folder this is, as of when: `None` where that cannot be told.
    pub(super) fn version(&self) -> io::Result<Option<Version>> {
        #[cfg(fast)]
        return fast::version(&self.0).map(Some);
        #[cfg(not(fast))]
        Ok(None)
    }

    /// Opens the folder `name`; a link is not one.
    pub(crate) fn folder(&self, name: Name<'_>, reach: Reach) -> io::Result<Self> {
        #[cfg(fast)]
        return fast::folder(&self.0, name, reach).map(Self);
        #[cfg(not(fast))]
        match reach {
            Reach::SameDisk => Err(io::ErrorKind::CrossesDevices.into()),
            Reach::Any => self.0.open_dir_nofollow(name).map(Self),
        }
    }

    /// A second handle to this folder.
    pub(crate) fn folder_again(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// What `name` is; a link is itself.
    pub(crate) fn stat(&self, name: Name<'_>) -> io::Result<Stat> {
        #[cfg(fast)]
        return fast::stat(&self.0, name);
        #[cfg(not(fast))]
        Ok(stat_of(&self.0.symlink_metadata(name)?))
    }

    /// What `name` is, if there is such an entry.
    pub(crate) fn stat_if_there(&self, name: Name<'_>) -> io::Result<Option<Stat>> {
        match self.stat(name) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a regular file for reading. A pipe or device that took its place is never waited for, and is refused.
    pub(crate) fn file(&self, name: Name<'_>) -> io::Result<(File, Stat)> {
        let mut options = OpenOptions::new();
        self.regular(name, options.read(true))
    }

    /// Opens a regular file to write at its end.
    pub(crate) fn file_to_append(&self, name: Name<'_>) -> io::Result<(File, Stat)> {
        let mut options = OpenOptions::new();
        self.regular(name, options.append(true))
    }

    /// Makes a file that was not there, readable by its owner alone when `private`.
    pub(crate) fn new_file(&self, name: Name<'_>, private: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).follow(FollowSymlinks::No);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::mode(&mut options, if private { 0o600 } else { 0o666 });
        Ok(self.0.open_with(name, &options)?.into_std())
    }

    /// The entries, read in batches.
    pub(crate) fn entries(&self) -> io::Result<Entries> {
        Entries::of(&self.0)
    }

    /// Where the link `name` points.
    pub(crate) fn link_target(&self, name: Name<'_>) -> io::Result<OsString> {
        Ok(self.0.read_link_contents(name)?.into_os_string())
    }

    /// Makes a link with this text, which is not looked at.
    pub(crate) fn make_link(&self, name: Name<'_>, target: &Path) -> io::Result<()> {
        self.0.symlink_contents(target, name)
    }

    /// Makes a folder.
    pub(crate) fn make_folder(&self, name: Name<'_>) -> io::Result<()> {
        self.0.create_dir(name)
    }

    /// Makes a folder that only its owner can look into.
    pub(crate) fn make_private_folder(&self, name: Name<'_>) -> io::Result<()> {
        #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
        let mut builder = cap_std::fs::DirBuilder::new();
        #[cfg(unix)]
        cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
        self.0.create_dir_with(name, &builder)
    }

    /// Sets the permissions of this folder; nothing where there are none.
    #[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix has modes"))]
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        #[cfg(unix)]
        {
            let permissions = cap_std::fs::PermissionsExt::from_mode(mode);
            self.0.open(Component::CURRENT)?.set_permissions(permissions)?;
        }
        Ok(())
    }

    /// Removes a file or a link, for good.
    pub(crate) fn remove_file(&self, name: Name<'_>) -> io::Result<()> {
        self.0.remove_file_or_symlink(name)
    }

    /// Removes an empty folder, for good.
    pub(crate) fn remove_folder(&self, name: Name<'_>) -> io::Result<()> {
        self.0.remove_dir(name)
    }

    /// Gives `name` another name, in this or another folder, in place of what is there.
    pub(crate) fn rename_over(&self, name: Name<'_>, to: &Folder, new: Name<'_>) -> io::Result<()> {
        self.0.rename(name, &to.0, new)
    }

    /// Gives `name` another name that nothing has yet.
    pub(crate) fn rename(&self, name: Name<'_>, to: &Folder, new: Name<'_>) -> io::Result<()> {
        #[cfg(fast)]
        if let Some(done) = fast::rename_new(&self.0, name, &to.0, new) {
            return done;
        }
        // Where the system cannot do both in one step, a rename of another program in between can be lost.
        if to.stat_if_there(new)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename_over(name, to, new)
    }

    /// Gives the file `name` a second name that nothing has yet.
    pub(crate) fn hard_link(&self, name: Name<'_>, to: &Folder, new: Name<'_>) -> io::Result<()> {
        self.0.hard_link(name, &to.0, new)
    }

    /// The magic number of its file system.
    #[cfg(fast)]
    pub(crate) fn file_system(&self) -> io::Result<i64> {
        fast::file_system(&self.0)
    }

    /// Waits until the names in this folder are on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if cfg!(windows) {
            return Ok(()); // A folder cannot be flushed there; NTFS journals names.
        }
        self.as_file()?.sync_all()
    }

    /// A path that leads to this very folder for as long as it is open (`proc(5)`).
    #[cfg(fast)]
    pub(crate) fn handle_path(&self) -> std::path::PathBuf {
        use std::os::fd::AsRawFd as _;
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }

    /// The folder as a file: to flush and to lock it.
    pub(crate) fn as_file(&self) -> io::Result<File> {
        Ok(self.0.open(Component::CURRENT)?.into_std())
    }

    /// Opens without waiting, then refuses what is not a regular file.
    fn regular(&self, name: Name<'_>, options: &mut OpenOptions) -> io::Result<(File, Stat)> {
        options.follow(FollowSymlinks::No);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::custom_flags(options, never_wait());
        let file = self.0.open_with(name, options)?;
        let stat = stat_of(&file.metadata()?);
        match stat.kind {
            Kind::File => Ok((file.into_std(), stat)),
            Kind::Directory => Err(io::ErrorKind::IsADirectory.into()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, socket or device")),
        }
    }
}

/// The name of a folder in itself.
struct Component;

impl Component {
    const CURRENT: &'static str = ".";
}

#[cfg(unix)]
fn never_wait() -> i32 {
    use rustix::fs::OFlags;
    (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()
}

/// What is known of an open file.
pub(crate) fn stat_of_file(file: &File) -> io::Result<Stat> {
    #[cfg(fast)]
    return fast::stat_self(file);
    #[cfg(not(fast))]
    Ok(stat_of(&cap_std::fs::Metadata::from_file(file)?))
}

fn stat_of(metadata: &cap_std::fs::Metadata) -> Stat {
    let file_type = metadata.file_type();
    let kind = match () {
        () if file_type.is_file() => Kind::File,
        () if file_type.is_dir() => Kind::Directory,
        () if file_type.is_symlink() => Kind::Symlink,
        () => Kind::Other,
    };
    let (mode, owner, group) = ownership(metadata);
    let identity = Identity { device: metadata.dev(), inode: metadata.ino() };
    let (size_bytes, modified_ns, links) = (metadata.len(), modified_ns(metadata), metadata.nlink());
    Stat { kind, identity, size_bytes, modified_ns, links, mode, owner, group }
}

fn modified_ns(metadata: &cap_std::fs::Metadata) -> i128 {
    let Ok(time) = metadata.modified() else { return 0 };
    match time.into_std().duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => after.as_nanos().cast_signed(),
        Err(before) => -before.duration().as_nanos().cast_signed(),
    }
}

#[cfg(unix)]
fn ownership(metadata: &cap_std::fs::Metadata) -> (u32, u32, u32) {
    use cap_std::fs::MetadataExt as _;
    (metadata.mode(), metadata.uid(), metadata.gid())
}

#[cfg(not(unix))]
fn ownership(_: &cap_std::fs::Metadata) -> (u32, u32, u32) {
    (0, 0, 0)
}
