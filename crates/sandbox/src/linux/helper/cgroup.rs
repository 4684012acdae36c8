//! A last net: where systemd or a container manager delegated a part of the cgroup v2 tree to us, the keeper and all that
//! it ever starts are one group, which the kernel can end as a whole, whoever its processes have become.
//!
//! It is one group for the hub and not one for each launch, because moving a process costs milliseconds.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{geteuid, getpid};

/// Our groups are called so, with the number of the keeper behind it.
const PREFIX: &str = "drawbridge-";

/// How systemd marks what it delegated: root could write everywhere, but should only write there.
const MARKS: [&str; 2] = ["trusted.delegate", "user.delegate"];

/// How long the kernel may take to end a group.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// The keeper's group.
pub(super) struct Group {
    path: PathBuf,
}

impl Group {
    /// Moves this process into a new group, if we may; also removes the groups of keepers that are no more, with whatever
    /// is left in them.
    pub(super) fn enter() -> Option<Self> {
        Self::enter_below(&delegated()?).ok()
    }

    fn enter_below(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let group = Self { path: parent.join(format!("{PREFIX}{}", getpid().as_raw_nonzero())) };
        fs::create_dir(&group.path)?;
        let entered = fs::write(group.path.join("cgroup.procs"), "0");
        entered.inspect_err(|_| group.remove())?;
        Ok(group)
    }

    /// Leaves the group and ends what is left in it.
    pub(super) fn end(self) {
        let left =
            self.path.parent().is_some_and(|parent| fs::write(parent.join("cgroup.procs"), "0").is_ok());
        if left {
            self.kill();
        }
    }

    /// Ends everything in the group, and removes it.
    fn kill(&self) {
        // Before Linux 5.14 there is no such file; the guards have done what they can.
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
        let deadline = Instant::now() + END_TIMEOUT;
        while self.is_populated() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.remove();
    }

    fn is_populated(&self) -> bool {
        fs::read_to_string(self.path.join("cgroup.events")).is_ok_and(|events| events.contains("populated 1"))
    }

    /// A group that is not empty stays; the next keeper tries again.
    fn remove(&self) {
        let _ = fs::remove_dir(&self.path);
    }
}

/// Ends the groups whose keeper is no more.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_str().and_then(keeper_of).is_some_and(|keeper| !has(&entry.path(), keeper)) {
            Group { path: entry.path() }.kill();
        }
    }
}

fn keeper_of(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// Whether a process is in a group. Its number alone could be another's by now.
fn has(group: &Path, process: u32) -> bool {
    let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    members.lines().any(|line| line.parse() == Ok(process))
}

/// Our own group's folder, if it was given to us.
fn delegated() -> Option<PathBuf> {
    let path = own_group(&fs::read_to_string("/proc/self/cgroup").ok()?)?;
    let folder = mounted_at(&fs::read_to_string("/proc/self/mountinfo").ok()?)?.join(path);
    is_ours(&folder).then_some(folder)
}

fn is_ours(folder: &Path) -> bool {
    let user = geteuid();
    let owned = fs::metadata(folder).is_ok_and(|about| about.uid() == user.as_raw());
    owned && (!user.is_root() || MARKS.iter().any(|mark| is_marked(folder, mark)))
}

fn is_marked(folder: &Path, mark: &str) -> bool {
    let mut value = [0; 1];
    rustix::fs::getxattr(folder, mark, &mut value).is_ok_and(|length| length == 1) && value == *b"1"
}

/// The path of our group below the tree's root, from `/proc/self/cgroup`.
fn own_group(groups: &str) -> Option<PathBuf> {
    groups.lines().find_map(|line| line.strip_prefix("0::/")).map(PathBuf::from)
}

/// Where the tree is mounted, from `/proc/self/mountinfo`: only if that shows the tree's root.
fn mounted_at(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let shows_root = fields.next()? == "/";
        let place = fields.next()?;
        (shows_root && kind.starts_with("cgroup2 ")).then(|| place.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_group_is_found_among_older_ones() {
        let group = |text| own_group(text).map(|path| path.display().to_string());
        assert_eq!(group("0::/user.slice/a.scope\n").as_deref(), Some("user.slice/a.scope"));
        assert_eq!(group("4:memory:/x\n1:cpu:/\n0::/\n").as_deref(), Some(""));
        assert_eq!(group("4:memory:/x\n"), None);
    }

    #[test]
    fn the_tree_is_found_where_it_is_mounted_whole() {
        let line = |root, place, kind| format!("30 23 0:26 {root} {place} rw shared:4 - {kind} none rw\n");
        let at = |mounts: &str| mounted_at(mounts).map(|path| path.display().to_string());
        let proc = line("/", "/proc", "proc");
        assert_eq!(
            at(&(proc.clone() + &line("/", "/sys/fs/cgroup", "cgroup2"))).as_deref(),
            Some("/sys/fs/cgroup")
        );
        assert_eq!(at(&(proc.clone() + &line("/part", "/mnt", "cgroup2"))), None);
        assert_eq!(at(&proc), None);
    }

    #[test]
    fn only_our_names_are_swept() {
        assert!(keeper_of("drawbridge-12").is_some());
        for name in ["drawbridge-", "drawbridge-x", "other-12", "drawbridge--1"] {
            assert!(keeper_of(name).is_none(), "{name}");
        }
    }
}
