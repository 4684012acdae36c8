//! A group that was delegated to us, as systemd does it for each user: played by root, who gives one to an ordinary user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::again::NOBODY;
use crate::subject::WORD;
use crate::tools::{FAMILY, GONE_WITHIN, PATIENCE, mark, marked, program, until};

/// Where the second version's tree is, if root can make groups there.
fn tree() -> Option<PathBuf> {
    let places = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
    let is_root = rustix::process::geteuid().is_root();
    places.into_iter().find(|place| {
        is_root && place.join("cgroup.procs").exists() && place.join("cgroup.controllers").exists()
    })
}

/// A group that belongs to the ordinary user.
struct Delegated(PathBuf);

impl Delegated {
    fn new(tree: &Path) -> Self {
        let path = tree.join(format!("sandbox-test-{}", mark()));
        fs::create_dir(&path).unwrap();
        for name in ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"] {
            chown(path.join(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Self(path)
    }

    /// A hub with one family in it.
    fn hub(&self, copy: &Path, mark: &str) -> Child {
        let line = format!(
            "echo 0 > {}/cgroup.procs; exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups \"$0\" \"$@\"",
            self.0.display()
        );
        let mut hub = Command::new("sh");
        hub.args(["-c", &line])
            .arg(copy)
            .args([WORD, "hub", "1", mark])
            .stdout(Stdio::null())
            .process_group(0);
        hub.spawn().unwrap()
    }

    /// The groups of keepers.
    fn groups(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        std::thread::sleep(Duration::from_millis(100));
        for group in self.groups() {
            let _ = fs::remove_dir(group);
        }
        let _ = fs::remove_dir(&self.0);
    }
}

fn is_helper(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("sandbox-"))
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

#[tokio::test]
async fn what_even_the_guards_cannot_hold_ends_with_the_group() {
    // Without root, or where the tree is of the first version only, nobody can give us one.
    let Some(tree) = tree() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("hub");
    fs::copy(program(), &copy).unwrap();
    let delegated = Delegated::new(&tree);

    let lost = mark();
    let mut hub = delegated.hub(&copy, &lost);
    until("the family is there", PATIENCE, || marked(&lost).len() == FAMILY + 1).await;
    let [group] = delegated.groups().try_into().unwrap();
    let members = fs::read_to_string(group.join("cgroup.procs")).unwrap();
    // The keeper, a guard, and the family.
    assert_eq!(members.lines().count(), 2 + FAMILY, "{members}");

    // All that look after the family are halted and then killed, so that none sees the others go: it is left alone.
    let pids = members.lines().map(|line| line.parse().unwrap());
    let helpers: Vec<u32> = pids.filter(|pid| is_helper(*pid)).collect();
    helpers.iter().for_each(|pid| signal(*pid, Signal::STOP));
    hub.kill().unwrap();
    hub.wait().unwrap();
    helpers.iter().for_each(|pid| signal(*pid, Signal::KILL));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!marked(&lost).is_empty(), "nothing was left to be swept");

    // The next hub that starts something sweeps it up, and leaves nothing when it ends in turn.
    let second = mark();
    let mut hub = delegated.hub(&copy, &second);
    until("the lost family is gone", PATIENCE, || marked(&lost).is_empty()).await;
    until("the second family is there", PATIENCE, || marked(&second).len() == FAMILY + 1).await;
    hub.kill().unwrap();
    hub.wait().unwrap();
    until("no process and no group is left", GONE_WITHIN, || {
        marked(&second).is_empty() && delegated.groups().is_empty()
    })
    .await;
}
