//! Which hub runs on this state folder, if any.
//!
//! The hub holds a lock on `hub.lock` for as long as it lives, and the file says where it listens. The kernel gives
//! the lock back however the hub ends, so what the file says counts only while the lock is held.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

const LOCK_FILE: &str = "hub.lock";

/// Where a running hub is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Its process.
    pub(crate) pid: u32,
    /// Where it listens.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Its unix socket, if it has one.
    #[serde(default)]
    pub(crate) socket: Option<PathBuf>,
}

impl Running {
    /// The address to use from this machine.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let mut address = *self.addresses.first()?;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        Some(address)
    }
}

/// The hub's hold on its state folder, until dropped.
pub(crate) struct Hold(File);

impl Hold {
    /// Takes the state folder for this process.
    pub(crate) fn take(state: &Path) -> Result<Self> {
        let path = state.join(LOCK_FILE);
        let file = open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => match find(state) {
                Some(hub) => {
                    bail!("a hub runs on {} already: process {}, {}", state.display(), hub.pid, places(&hub))
                }
                None => bail!("a hub is just starting on {}", state.display()),
            },
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// Says where this hub listens.
    pub(crate) fn announce(&mut self, addresses: Vec<SocketAddr>, socket: Option<PathBuf>) -> Result<()> {
        let text = serde_json::to_vec(&Running { pid: std::process::id(), addresses, socket })?;
        self.0.set_len(0)?;
        self.0.rewind()?;
        self.0.write_all(&text)?;
        Ok(self.0.sync_data()?)
    }
}

/// The hub that runs on this state folder.
pub(crate) fn find(state: &Path) -> Option<Running> {
    let mut file = File::open(state.join(LOCK_FILE)).ok()?;
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Where it listens, for people.
pub(crate) fn places(hub: &Running) -> String {
    hub.addresses.iter().map(|address| format!("http://{address}")).collect::<Vec<_>>().join(", ")
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("cannot open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_found_while_it_holds_the_folder_and_not_after() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(find(state.path()), None);
        let mut hold = Hold::take(state.path()).unwrap();
        hold.announce(vec![SocketAddr::from(([0, 0, 0, 0], 4747))], None).unwrap();
        let found = find(state.path()).unwrap();
        assert_eq!(found.address().unwrap().to_string(), "127.0.0.1:4747");
        assert!(Hold::take(state.path()).err().unwrap().to_string().contains("already"));
        drop(hold);
        assert_eq!(find(state.path()), None);
    }

    #[test]
    fn a_torn_announcement_is_no_hub() {
        let state = tempfile::tempdir().unwrap();
        let hold = Hold::take(state.path()).unwrap();
        std::fs::write(state.path().join(LOCK_FILE), "{\"pid\": 1").unwrap();
        assert_eq!(find(state.path()), None);
        drop(hold);
    }
}
