//! The calls to the kernel that no safe library offers: each one small, with its proof.
#![expect(unsafe_code, reason = "fork, signal masks, and system calls that rustix does not have")]

use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use rustix::process::Pid;
use tokio::io::unix::AsyncFd;

/// Which side of a fork we are on.
pub(super) enum Side {
    Parent(Pid),
    Child,
}

/// Forks. Only for a process with one thread, as keeper and guards are: then the child may do whatever it likes.
pub(super) fn fork() -> io::Result<Side> {
    debug_assert_eq!(threads(), 1, "only a process with one thread may fork and go on");
    // SAFETY: fork has no precondition; that the child is usable afterwards follows from there being one thread.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        pid => Ok(Pid::from_raw(pid).map_or(Side::Child, Side::Parent)),
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// Runs `prepare` in the child between fork and exec.
pub(super) fn before_exec(
    command: &mut Command,
    prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the guard has one thread, so no lock can be held by a thread that the fork left behind, and the closure
    // may allocate.
    unsafe { command.pre_exec(prepare) };
}

/// Signals as something to poll and read.
pub(super) struct Signals(File);

impl Signals {
    /// Takes these signals from now on, instead of what they do by default.
    pub(super) fn take(signals: &[libc::c_int]) -> io::Result<Self> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set before anything reads it; the numbers are signals. signalfd returns
        // a descriptor that nobody else owns.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in signals {
                libc::sigaddset(set.as_mut_ptr(), *signal);
            }
            check(libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut()))?;
            let fd = check(libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
            Ok(Self(File::from(OwnedFd::from_raw_fd(fd))))
        }
    }

    /// Forgets pending SIGCHLD; returns whether one of the others came.
    pub(super) fn drain(&self) -> bool {
        let mut asked_to_end = false;
        let mut record = [0; size_of::<libc::signalfd_siginfo>()];
        while (&self.0).read(&mut record).is_ok_and(|count| count == record.len()) {
            // The number of the signal is the record's first field.
            let number = u32::from_ne_bytes([record[0], record[1], record[2], record[3]]);
            asked_to_end |= number != libc::SIGCHLD.unsigned_abs();
        }
        asked_to_end
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Lets every signal through again: the program must not inherit what the guard holds back.
pub(super) fn let_signals_through() -> io::Result<()> {
    let mut none = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set before anything reads it.
    check(unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
    })?;
    Ok(())
}

/// Makes every signal do what it does by default, but for SIGPIPE, which is ignored. What our parent ignored (such as
/// SIGHUP, under `nohup`) would otherwise be ignored by every child.
pub(super) fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        let action = if signal == libc::SIGPIPE { libc::SIG_IGN } else { libc::SIG_DFL };
        // SAFETY: neither action is a function that could run. SIGKILL and SIGSTOP refuse, which is fine.
        unsafe { libc::signal(signal, action) };
    }
}

/// Closes every descriptor from 3 on when the next program starts.
pub(super) fn close_on_exec_from_3() -> io::Result<()> {
    close_range(libc::CLOSE_RANGE_CLOEXEC)
}

/// Closes every descriptor from 3 on, now. Only for a process that owns none of them.
pub(super) fn close_from_3() -> io::Result<()> {
    close_range(0)
}

fn close_range(flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: marking descriptors is harmless; closing is only asked for at the start of the helper, which owns none.
    check_long(unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags) })?;
    Ok(())
}

/// The version of Landlock's interface; 0 for none.
pub(super) fn landlock_abi() -> u32 {
    const VERSION: libc::c_uint = 1;
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the call takes no memory and makes nothing.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, VERSION) };
    u32::try_from(abi).unwrap_or(0)
}

/// Makes a mount, and all below it if `recursive`, read-only or writable again.
pub(super) fn mount_read_only(mount: BorrowedFd<'_>, read_only: bool, recursive: bool) -> io::Result<()> {
    let bit = libc::MOUNT_ATTR_RDONLY;
    let (attr_set, attr_clr) = if read_only { (bit, 0) } else { (0, bit) };
    let attributes = libc::mount_attr { attr_set, attr_clr, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, and the size is that of the structure.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of_val(&attributes),
        )
    })?;
    Ok(())
}

/// Gives this process namespaces of its own.
pub(super) fn unshare(flags: rustix::thread::UnshareFlags) -> io::Result<()> {
    // SAFETY: only mount and user namespaces are asked for, in a process with one thread; no descriptor table is split.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Lets tokio watch a file.
pub(super) fn watch(file: File) -> io::Result<AsyncFd<File>> {
    // SAFETY: a File is an open descriptor, the same for its whole life, which ends with the AsyncFd.
    Ok(unsafe { AsyncFd::register(file) }?)
}

/// What the children that were waited for have used, theirs included.
pub(super) struct Usage {
    pub(super) cpu: Duration,
    pub(super) memory_bytes: u64,
}

pub(super) fn usage_of_children() -> Usage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: all zeroes is a valid rusage, and the kernel writes into it.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |value: libc::timeval| {
        let micros = value.tv_sec * 1_000_000 + value.tv_usec;
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    let kilobytes = u64::try_from(usage.ru_maxrss).unwrap_or(0);
    Usage { cpu: time(usage.ru_utime) + time(usage.ru_stime), memory_bytes: kilobytes * 1024 }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_long(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
