//! What this kernel can hold, and what of a declaration it cannot. Pure: tests ask it about every kernel.

use std::fmt;

use crate::{Confinement, Network, ProcessLimits};

/// Whether a launch can have namespaces of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Namespaces {
    /// No: a container or the distribution forbids them.
    #[default]
    None,
    /// In a user namespace, as an ordinary user may.
    User,
    /// With our own privileges.
    Privileged,
}

/// What the running kernel lets us do, tried rather than assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Support {
    /// The version of Landlock's interface; 0 for none.
    pub landlock_abi: u32,
    /// Filters for system calls, on a processor that we have a list for.
    pub seccomp: bool,
    /// Mount namespaces.
    pub namespaces: Namespaces,
    /// Whether we are root, whom the kernel does not hold to a number of processes.
    pub root: bool,
    /// Whether all that is started is in one cgroup, which the kernel can end as a whole: somebody delegated one to us.
    pub group: bool,
}

/// Something that was declared and that the kernel cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Files.
    Files,
    /// Cutting files short.
    Truncation,
    /// TCP ports.
    Ports,
    /// Signals to processes outside.
    Signals,
    /// Dangerous system calls, and sockets other than TCP.
    SystemCalls,
    /// Modes, owners, times and attributes of files.
    Metadata,
    /// The number of processes.
    Processes,
}

impl Gap {
    /// Every gap there can be.
    pub const ALL: [Self; 7] = [
        Self::Files,
        Self::Truncation,
        Self::Ports,
        Self::Signals,
        Self::SystemCalls,
        Self::Metadata,
        Self::Processes,
    ];
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files => "files are not confined (Landlock is missing: Linux 5.13 with lsm=landlock)",
            Self::Truncation => "files outside can be cut short (Landlock 3, Linux 6.2, is missing)",
            Self::Ports => "TCP ports are not confined (Landlock 4, Linux 6.7, is missing)",
            Self::Signals => "processes outside can be signalled (Landlock 6, Linux 6.12, is missing)",
            Self::SystemCalls => "system calls are not filtered (seccomp is missing)",
            Self::Metadata => {
                "modes, owners and times of files outside can be changed (no mount namespace: user namespaces \
                 are forbidden here); `metadata = false` accepts that"
            }
            Self::Processes => "root is not held to a number of processes",
        })
    }
}

/// What of a declaration the kernel cannot hold. Without a confinement only limits are asked about.
pub fn gaps(confinement: Option<&Confinement>, limits: &ProcessLimits, support: &Support) -> Vec<Gap> {
    let lacks = |gap: Gap| match gap {
        Gap::Processes => limits.processes.is_some() && support.root,
        _ => confinement.is_some_and(|declared| lacks(gap, declared, support)),
    };
    Gap::ALL.into_iter().filter(|gap| lacks(*gap)).collect()
}

fn lacks(gap: Gap, declared: &Confinement, support: &Support) -> bool {
    let landlock_below = |abi| support.landlock_abi < abi;
    match gap {
        Gap::Files => landlock_below(1),
        Gap::Truncation => landlock_below(3),
        Gap::Ports => landlock_below(4) && matches!(declared.network, Network::Tcp { .. }),
        Gap::Signals => landlock_below(6),
        Gap::SystemCalls => !support.seccomp,
        Gap::Metadata => declared.metadata && support.namespaces == Namespaces::None,
        Gap::Processes => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(landlock_abi: u32) -> Support {
        Support { landlock_abi, seccomp: true, namespaces: Namespaces::User, ..Support::default() }
    }

    fn check(confinement: &Confinement, support: Support, expected: &[Gap]) {
        assert_eq!(gaps(Some(confinement), &ProcessLimits::default(), &support), expected, "{support:?}");
    }

    #[test]
    fn each_version_of_landlock_closes_its_gap() {
        let declared = Confinement {
            network: Network::Tcp { connect: vec![443], bind: vec![] },
            ..Confinement::folder("/work")
        };
        let all = [Gap::Files, Gap::Truncation, Gap::Ports, Gap::Signals];
        for (abi, left) in [(0, &all[..]), (1, &all[1..]), (2, &all[1..]), (3, &all[2..]), (4, &all[3..])] {
            check(&declared, full(abi), left);
        }
        check(&declared, full(5), &all[3..]);
        check(&declared, full(6), &[]);
    }

    #[test]
    fn only_what_was_declared_can_be_missing() {
        let declared = Confinement { metadata: false, ..Confinement::folder("/work") };
        check(&declared, Support { namespaces: Namespaces::None, ..full(6) }, &[]);
        check(
            &Confinement::folder("/work"),
            Support { namespaces: Namespaces::None, ..full(6) },
            &[Gap::Metadata],
        );
        // Without a network no port matters: sockets themselves are refused.
        check(&declared, full(3), &[Gap::Signals]);
    }

    #[test]
    fn without_seccomp_system_calls_are_a_gap() {
        check(&Confinement::folder("/work"), Support { seccomp: false, ..full(6) }, &[Gap::SystemCalls]);
    }

    #[test]
    fn roots_processes_are_not_counted_and_that_is_said_even_without_a_confinement() {
        let limits = ProcessLimits { processes: Some(10), ..ProcessLimits::default() };
        let root = Support { root: true, ..Support::default() };
        assert_eq!(gaps(None, &limits, &root), [Gap::Processes]);
        assert_eq!(gaps(None, &limits, &Support::default()), []);
        assert_eq!(gaps(None, &ProcessLimits::default(), &root), []);
    }
}
