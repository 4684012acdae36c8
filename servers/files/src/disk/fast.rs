//! What Linux does in one step and the portable layer in several. Same rules: one name, no link followed.

use std::io;
use std::os::fd::AsFd;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;

use super::folder::Reach;
use super::known::Version;
use super::name::Name;
use super::stat::{Identity, Kind, Stat};

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

pub(super) fn folder(dir: &Dir, name: Name<'_>, reach: Reach) -> io::Result<Dir> {
    let opened = match reach {
        Reach::Any => fs::openat(dir, name.as_os_str(), FOLDER, Mode::empty())?,
        Reach::SameDisk => same_disk(dir, name)?,
    };
    Ok(Dir::from_std_file(opened.into()))
}

/// `EXDEV` is what the caller knows; a kernel or a sandbox without `openat2` gives the same answer: ask again, slowly.
fn same_disk(dir: &Dir, name: Name<'_>) -> io::Result<rustix::fd::OwnedFd> {
    let rules = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV | ResolveFlags::NO_MAGICLINKS;
    match fs::openat2(dir, name.as_os_str(), FOLDER, Mode::empty(), rules) {
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => Err(Errno::XDEV.into()),
        other => Ok(other?),
    }
}

pub(super) fn stat(dir: &Dir, name: Name<'_>) -> io::Result<Stat> {
    Ok(convert(&fs::statat(dir, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW)?))
}

pub(super) fn stat_self(file: impl AsFd) -> io::Result<Stat> {
    Ok(convert(&fs::fstat(file)?))
}

pub(super) fn version(dir: &Dir) -> io::Result<Version> {
    let stat = fs::fstat(dir)?;
    let changed_ns = i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec);
    Ok(Version { identity: convert(&stat).identity, changed_ns })
}

/// `None` when the file system cannot do it in one step.
pub(super) fn rename_new(dir: &Dir, name: Name<'_>, to: &Dir, new: Name<'_>) -> Option<io::Result<()>> {
    match fs::renameat_with(dir, name.as_os_str(), to, new.as_os_str(), RenameFlags::NOREPLACE) {
        // Also what moving a folder into itself gives; the slower way says so again.
        Err(Errno::INVAL | Errno::NOSYS) => None,
        done => Some(done.map_err(io::Error::from)),
    }
}

pub(super) fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Other,
    }
}

#[expect(clippy::useless_conversion, reason = "the widths of these fields differ between architectures")]
fn convert(stat: &fs::Stat) -> Stat {
    Stat {
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)),
        identity: Identity { device: stat.st_dev.into(), inode: stat.st_ino.into() },
        size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
        modified_ns: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
        links: stat.st_nlink.into(),
        mode: stat.st_mode,
        owner: stat.st_uid,
        group: stat.st_gid,
    }
}

/// The magic number of its file system (`statfs(2)`).
pub(super) fn file_system(dir: &Dir) -> io::Result<i64> {
    #[expect(clippy::useless_conversion, reason = "the width of this field differs between architectures")]
    Ok(i64::from(fs::fstatfs(dir)?.f_type))
}
