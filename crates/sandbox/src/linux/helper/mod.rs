//! Our own program, started again: the keeper, and the guards that it forks.
//!
//! ```text
//! keeper     waits for the hub's requests, forks guards, ends what a killed guard left behind
//! guard      looks after one launch: starts it, obeys, and ends everything of it
//! start      what happens in the child between fork and the program's first instruction
//! landlock, seccomp, namespace, privileges, resources   the steps of that
//! cgroup     one group for everything, where the system gives us one
//! tree       finds and ends the descendants of a process
//! probe      what the kernel lets us do, tried
//! ```
//!
//! **Invariant:** each of these processes has one thread, so that forking is safe.
//! **Invariant:** nothing here waits without a bound, but for the hub or for the program.

mod cgroup;
mod guard;
mod keeper;
mod landlock;
mod namespace;
mod privileges;
mod probe;
mod resources;
mod seccomp;
mod start;
mod tree;

use std::io;
use std::os::fd::OwnedFd;
use std::process::exit;

use super::kernel;
use super::sandbox::is_helper;

/// What the helper takes over from the kernel's default: children that ended, and requests to end.
const SIGNALS: [libc::c_int; 4] = [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP];

/// Becomes the sandbox's helper if this process was started as that, and then never returns. Call it as the first
/// thing in `main`, before any thread exists.
pub fn helper_main() {
    if is_helper(std::env::args_os()) {
        exit(i32::from(run().is_err()))
    }
}

fn run() -> io::Result<()> {
    kernel::close_from_3()?;
    let hub = take_connection()?;
    // What comes next belongs to no terminal, no folder, and nobody of our user may look into it.
    rustix::process::setsid()?;
    rustix::process::chdir("/")?;
    super::protect()?;
    kernel::reset_signals();
    keeper::run(hub)
}

/// The hub's socket arrives as our input, which is replaced by nothing.
fn take_connection() -> io::Result<OwnedFd> {
    let hub = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    rustix::net::sockopt::socket_type(&hub)?;
    let null = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(hub)
}

/// Makes orphans below us our children.
fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

fn name(name: &std::ffi::CStr) {
    // Only for who looks at a list of processes: nothing depends on it.
    let _ = rustix::thread::set_name(name);
}
