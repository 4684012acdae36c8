//! Ends the descendants of this process, however they were forked.

use std::collections::HashSet;
use std::fs;
use std::io;

use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open, pidfd_send_signal};

/// Ends every descendant but the spared children (and what is below those), once: each is halted before its children
/// are listed, so that it makes no more of them meanwhile, and at last all are killed. Returns who was found. What
/// still slipped away is an orphan by then, thus our child, and found the next time.
pub(super) fn kill(spare: &HashSet<Pid>) -> HashSet<Pid> {
    let found = halt_all(spare);
    for pid in &found {
        // A process that has been halted by us and not been waited for still has its number.
        send(*pid, Signal::KILL);
    }
    found
}

fn halt_all(spare: &HashSet<Pid>) -> HashSet<Pid> {
    let me = getpid();
    let (mut found, mut look_at) = (HashSet::new(), vec![me]);
    while let Some(parent) = look_at.pop() {
        for child in children(parent) {
            if !spare.contains(&child) && !found.contains(&child) && halt(child, parent, me) {
                found.insert(child);
                look_at.push(child);
            }
        }
    }
    found
}

/// Halts a process if it still is what we found: the child of that parent, or ours since that parent ended. Its number
/// could have become another's meanwhile.
fn halt(pid: Pid, parent: Pid, me: Pid) -> bool {
    if parent == me {
        // Only we wait for our children, so their numbers stay theirs.
        return kill_process(pid, Signal::STOP).is_ok();
    }
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    parent_of(pid).is_some_and(|now| now == parent || now == me)
        && pidfd_send_signal(process, Signal::STOP).is_ok()
}

/// It may have ended by itself.
fn send(pid: Pid, signal: Signal) {
    let _ = kill_process(pid, signal);
}

/// The children of a process, of all its threads.
fn children(parent: Pid) -> Vec<Pid> {
    listed_children(parent).unwrap_or_else(|_| searched_children(parent))
}

/// As the kernel lists them, if it was built to.
fn listed_children(parent: Pid) -> io::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for thread in fs::read_dir(format!("/proc/{parent}/task"))? {
        let list = fs::read_to_string(thread?.path().join("children"))?;
        children.extend(list.split_ascii_whitespace().filter_map(pid_of));
    }
    Ok(children)
}

/// By asking every process who its parent is.
fn searched_children(parent: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| pid_of(entry.file_name().to_str()?));
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: Pid) -> Option<Pid> {
    parent_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The fourth field; the second is the program's name, which may hold anything, in parentheses.
fn parent_in(stat: &str) -> Option<Pid> {
    let (_, after_name) = stat.rsplit_once(')')?;
    pid_of(after_name.split_ascii_whitespace().nth(1)?)
}

fn pid_of(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_cannot_forge_the_parent() {
        let parent = |stat| parent_in(stat).map(|pid| pid.as_raw_nonzero().get());
        assert_eq!(parent("7 (sh) S 3 7 7 0"), Some(3));
        assert_eq!(parent("7 (a) S 99 (b) S 3 7 7 0"), Some(3));
        assert_eq!(parent("7 (a"), None);
        assert_eq!(parent("7 (a) S x"), None);
    }

    #[test]
    fn both_ways_find_the_same_children() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let me = getpid();
        assert!(searched_children(me).contains(&pid));
        assert!(children(me).contains(&pid));
        assert_eq!(parent_of(pid), Some(me));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!searched_children(me).contains(&pid));
    }
}
