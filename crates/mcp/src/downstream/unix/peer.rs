//! Who is at the other end of a unix socket, as the kernel says.

use tokio::net::UnixStream;

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// Runs as the owner of this process, and was not started by it.
    Owner,
    /// Runs as the owner of this process, and was started by it, by way of others perhaps: a command of a tool.
    Descendant,
    /// Another user.
    Other {
        /// Its user id.
        uid: u32,
    },
}

/// Looks at the other end of this connection.
pub(super) fn of(stream: &UnixStream) -> std::io::Result<Peer> {
    let credentials = stream.peer_cred()?;
    let uid = credentials.uid();
    if uid != rustix::process::geteuid().as_raw() {
        return Ok(Peer::Other { uid });
    }
    Ok(if descends_from_us(credentials.pid()) { Peer::Descendant } else { Peer::Owner })
}

/// Whether this process was started by ours, directly or not. One that cannot be followed counts as such: it is in
/// another namespace, or gone.
#[cfg(target_os = "linux")]
fn descends_from_us(pid: Option<i32>) -> bool {
    /// Deeper trees than this are somebody's trick.
    const ANCESTORS_MAX: usize = 256;
    let ours = std::process::id();
    let mut pid = pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
    if pid == ours {
        return false;
    }
    for _ in 0..ANCESTORS_MAX {
        match parent_of(pid) {
            Some(0) => return false,
            Some(parent) if parent != ours => pid = parent,
            _ => return true,
        }
    }
    true
}

/// Other systems do not say who started whom, and tools are not confined there either.
#[cfg(not(target_os = "linux"))]
fn descends_from_us(_: Option<i32>) -> bool {
    false
}

/// The parent of a process (`proc_pid_stat(5)`, field 4); 0 for the first one.
#[cfg(target_os = "linux")]
fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program stands in parentheses and may hold anything, parentheses too.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a6_our_own_children_are_told_from_others() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(descends_from_us(i32::try_from(child.id()).ok()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!descends_from_us(Some(1)));
        assert!(!descends_from_us(i32::try_from(std::process::id()).ok()));
        assert!(descends_from_us(Some(0)) && descends_from_us(None), "nobody knows who that is");
    }
}
