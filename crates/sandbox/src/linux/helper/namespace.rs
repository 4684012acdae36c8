//! A mount namespace in which everything but `write` is read-only: it holds what Landlock does not, the modes, owners,
//! times and attributes of files.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, Stat, fstat, open};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, move_mount,
    open_tree,
};
use rustix::process::{DumpableBehavior, fchdir, getegid, geteuid, set_dumpable_behavior};
use rustix::thread::UnshareFlags;

use super::super::kernel;
use crate::Namespaces;

/// Where programs share memory by name. In a namespace of its own each launch has an empty one.
pub(super) const SHARED_MEMORY: &str = "/dev/shm";

/// As much as containers usually have.
const SHARED_MEMORY_OPTIONS: &CStr = c"size=64m,mode=1777";

/// Enters namespaces of our own in which only what is below `write` can be changed.
pub(super) fn enter(kind: Namespaces, write: &[PathBuf]) -> io::Result<()> {
    match kind {
        Namespaces::None => return Ok(()),
        Namespaces::User => enter_user()?,
        Namespaces::Privileged => kernel::unshare(UnshareFlags::NEWNS)?,
    }
    // Nothing of what follows may be seen outside.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let writable = write.iter().map(|path| mount_over_itself(path)).collect::<io::Result<Vec<_>>>()?;
    kernel::mount_read_only(look_at(Path::new("/"))?.as_fd(), true, true)?;
    writable.into_iter().flatten().try_for_each(make_writable)?;
    private_memory(write)
}

/// Memory that programs share among themselves, which many expect, without what others share.
fn private_memory(write: &[PathBuf]) -> io::Result<()> {
    let place = Path::new(SHARED_MEMORY);
    if !place.is_dir() || write.iter().any(|path| path.starts_with(place)) {
        return Ok(());
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount("tmpfs", place, "tmpfs", flags, Some(SHARED_MEMORY_OPTIONS))?)
}

/// A user namespace in which we are who we were, and nobody else is anybody.
fn enter_user() -> io::Result<()> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    // The kernel lets only a process that may be looked into write its maps. Our program's memory is replaced soon.
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    kernel::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// A mount of its own for a path, so that it can be writable while what is around it is not. `None` if the path is gone,
/// and then it is not writable either.
fn mount_over_itself(path: &Path) -> io::Result<Option<OwnedFd>> {
    let Ok(place) = look_at(path) else { return Ok(None) };
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(&place, "", flags)?;
    let whole = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(&tree, "", &place, "", whole)?;
    Ok(Some(tree))
}

/// Makes a mount writable again, with what is mounted below it where that was writable before.
fn make_writable(mount: OwnedFd) -> io::Result<()> {
    kernel::mount_read_only(mount.as_fd(), false, true)
        .or_else(|_| kernel::mount_read_only(mount.as_fd(), false, false))
}

/// Goes to the folder of this handle. In a new mount namespace the handle itself leads to the old, read-only mount, so the
/// folder is looked for by its path, and has to be the same.
pub(super) fn change_directory(handle: &OwnedFd, kind: Namespaces) -> io::Result<()> {
    if kind == Namespaces::None {
        return Ok(fchdir(handle)?);
    }
    let path = fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(handle)))?;
    let found = look_at(&path)?;
    if identity(&fstat(&found)?) != identity(&fstat(handle)?) {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(fchdir(&found)?)
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

fn look_at(path: &Path) -> io::Result<OwnedFd> {
    Ok(open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}
