//! System calls that no confined program needs, and sockets that Landlock does not know: seccomp.
//!
//! It lists what is refused, not what is allowed, because any program has to run. Each line stands for a way out, or for
//! a part of the kernel that has led out before.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, sock_filter,
};

use crate::{Confinement, Network};

/// Refused with EPERM, whatever the arguments.
const REFUSED: &[c_long] = &[
    // Other processes: their memory, their files, their execution.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    // The kernel itself and the machine.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    // Keys of the user and the session.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
];

/// As if the kernel were older, so that programs take another way: `clone3` hides its flags from us, and `io_uring` makes
/// system calls that no filter sees.
const ABSENT: &[c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// Namespaces give back privileges that were given up.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Typing on a terminal in its user's place.
const TERMINAL_REQUESTS: [u64; 2] = [libc::TIOCSTI, libc::TIOCLINUX];

/// Sockets' types are the lowest four bits; flags are above.
const TYPE_MASK: u64 = 0xf;

/// Kinds of Internet sockets that are not streams.
const NO_STREAMS: [libc::c_int; 6] =
    [libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_RDM, libc::SOCK_SEQPACKET, libc::SOCK_DCCP, SOCK_PACKET];

/// The old way to packets, which the kernel still knows.
const SOCK_PACKET: libc::c_int = 10;

const INTERNET: [libc::c_int; 2] = [libc::AF_INET, libc::AF_INET6];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filters of a confinement, to be installed in this order.
pub(super) fn prepare(declared: &Confinement) -> Result<Vec<BpfProgram>, BackendError> {
    let refused = refused(declared)?;
    let absent: Rules = ABSENT.iter().map(|call| (*call, Vec::new())).collect();
    let mut filters = vec![filter(absent, libc::ENOSYS)?, filter(refused, libc::EPERM)?];
    if cfg!(target_arch = "x86_64") {
        filters.push(no_x32());
    }
    Ok(filters)
}

fn filter(rules: Rules, errno: libc::c_int) -> Result<BpfProgram, BackendError> {
    let answer = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, answer, TargetArch::try_from(ARCH)?)?.try_into()
}

/// Refuses the x32 calls of 64-bit kernels: they have other numbers for the same calls, so that no list would fit. (Calls
/// of 32-bit programs are another architecture, and end the program.)
fn no_x32() -> BpfProgram {
    const X32_BIT: u32 = 0x4000_0000;
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_GREATER_OR_EQUAL: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let one = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        one(LOAD_NUMBER, 0, 0, 0),
        one(JUMP_IF_GREATER_OR_EQUAL, 0, 1, X32_BIT),
        one(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs()),
        one(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn refused(declared: &Confinement) -> Result<Rules, BackendError> {
    let mut rules: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_clone, each(&NAMESPACES, |flag| vec![has(0, flag)])?);
    let requests = TERMINAL_REQUESTS.iter().map(|request| rule(vec![is(1, *request)]));
    rules.insert(libc::SYS_ioctl, requests.collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_socket, sockets(declared)?);
    rules.insert(libc::SYS_socketpair, socket_pairs(declared)?);
    if let Network::Tcp { bind, .. } = &declared.network {
        // Data in the opening packet connects without being asked whether it may.
        for (call, flags_at) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
            rules.insert(call, vec![rule(vec![has(flags_at, libc::MSG_FASTOPEN)])?]);
        }
        if bind.is_empty() {
            // Listening without binding takes any free port.
            rules.insert(libc::SYS_listen, Vec::new());
        }
    }
    Ok(rules)
}

/// Sockets that may not be made.
fn sockets(declared: &Confinement) -> Result<Vec<SeccompRule>, BackendError> {
    let mut families: Vec<u64> = Vec::new();
    if declared.unix_sockets {
        families.push(number(libc::AF_UNIX));
    }
    if declared.network != Network::None {
        families.extend(INTERNET.map(number));
    }
    if declared.network == Network::All {
        families.push(number(libc::AF_NETLINK));
    }
    if families.is_empty() {
        return Ok(Vec::new());
    }
    let others = rule(families.iter().map(|family| is_not(0, *family)).collect())?;
    let mut rules = vec![others];
    match &declared.network {
        Network::None => {}
        Network::Tcp { .. } => rules.extend(internet_but_tcp()?),
        Network::All => rules.extend(privileged_sockets()?),
    }
    Ok(rules)
}

fn internet_but_tcp() -> Result<Vec<SeccompRule>, BackendError> {
    let mut rules = Vec::new();
    for family in INTERNET.map(number) {
        rules.extend(each(&NO_STREAMS, |kind| vec![is(0, family), is_type(1, kind)])?);
        // Multipath TCP and SCTP are streams too, which Landlock does not look at.
        let tcp = number(libc::IPPROTO_TCP);
        rules.push(rule(vec![is(0, family), is_not(2, 0), is_not(2, tcp)])?);
    }
    Ok(rules)
}

fn privileged_sockets() -> Result<Vec<SeccompRule>, BackendError> {
    let mut rules =
        vec![rule(vec![is(0, number(libc::AF_NETLINK)), is_not(2, number(libc::NETLINK_ROUTE))])?];
    for family in INTERNET.map(number) {
        rules.extend(each(&[libc::SOCK_RAW, SOCK_PACKET], |kind| vec![is(0, family), is_type(1, kind)])?);
    }
    Ok(rules)
}

/// Pairs of connected sockets are pipes; those of datagrams could be sent elsewhere all the same.
fn socket_pairs(declared: &Confinement) -> Result<Vec<SeccompRule>, BackendError> {
    let mut rules = vec![rule(vec![is_not(0, number(libc::AF_UNIX))])?];
    if !declared.unix_sockets {
        rules.extend(each(&[libc::SOCK_DGRAM, libc::SOCK_RAW], |kind| vec![is_type(1, kind)])?);
    }
    Ok(rules)
}

/// One rule for each of these values.
fn each(
    values: &[libc::c_int],
    conditions: impl Fn(libc::c_int) -> Vec<Result<SeccompCondition, BackendError>>,
) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| rule(conditions(*value))).collect()
}

/// Fits when all of these conditions do.
fn rule(conditions: Vec<Result<SeccompCondition, BackendError>>) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

fn is(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Ne, value)
}

fn has(argument: u8, flag: libc::c_int) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(number(flag)), number(flag))
}

fn is_type(argument: u8, kind: libc::c_int) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(TYPE_MASK), number(kind))
}

/// Constants are positive numbers or bits.
fn number(value: libc::c_int) -> u64 {
    u64::from(value.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_for_every_kind_of_network_can_be_made_and_are_short_enough_for_the_kernel() {
        const INSTRUCTIONS_MAX: usize = 4096;
        let tcp = Network::Tcp { connect: vec![], bind: vec![] };
        for network in [Network::None, tcp, Network::All] {
            for unix_sockets in [false, true] {
                let declared =
                    Confinement { network: network.clone(), unix_sockets, ..Confinement::default() };
                for filter in prepare(&declared).unwrap() {
                    assert!(filter.len() < INSTRUCTIONS_MAX, "{declared:?}: {}", filter.len());
                }
            }
        }
    }
}
