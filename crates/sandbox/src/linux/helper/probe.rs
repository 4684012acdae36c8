//! What the kernel lets us do, found by doing it.

use std::env::consts::ARCH;
use std::process::exit;

use rustix::process::{WaitOptions, geteuid, waitpid};
use rustix::thread::{CapabilitySet, capabilities, secure_computing_mode};
use seccompiler::TargetArch;

use super::super::kernel::{self, Side};
use super::namespace;
use crate::{Namespaces, Support};

/// Looks once, when the keeper starts; `group` says whether it has one.
pub(super) fn support(group: bool) -> Support {
    Support {
        landlock_abi: kernel::landlock_abi(),
        seccomp: secure_computing_mode().is_ok() && TargetArch::try_from(ARCH).is_ok(),
        namespaces: namespaces(),
        root: geteuid().is_root(),
        group,
    }
}

/// The first kind that a child of ours can enter.
fn namespaces() -> Namespaces {
    let privileged = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN));
    let preferred = if privileged { Namespaces::Privileged } else { Namespaces::User };
    [preferred, Namespaces::User].into_iter().find(|kind| can_enter(*kind)).unwrap_or_default()
}

fn can_enter(kind: Namespaces) -> bool {
    match kernel::fork() {
        // The child tries, and its exit code is the answer.
        Ok(Side::Child) => exit(i32::from(namespace::enter(kind, &[]).is_err())),
        Ok(Side::Parent(pid)) => {
            let ended = waitpid(Some(pid), WaitOptions::empty());
            matches!(ended, Ok(Some((_, status))) if status.exit_status() == Some(0))
        }
        Err(_) => false,
    }
}
