//! The keeper: one process for the whole life of the hub. It forks a guard for each launch, which is quicker and
//! smaller than starting our program anew each time, and it ends what a guard leaves behind that somebody killed.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitOptions};

use super::super::descriptors::{self, Received};
use super::super::kernel::{self, Side, Signals};
use super::cgroup::Group;
use super::{SIGNALS, adopt_orphans, guard, name, probe, tree};

/// How long guards have to end everything once the hub is gone; what is left then is ended without them.
const GUARDS_END: Duration = Duration::from_secs(6);

struct Keeper {
    hub: OwnedFd,
    signals: Signals,
    guards: HashSet<Pid>,
    /// The group of everything, where we have one.
    group: Option<Group>,
}

/// What comes after something happened.
enum Next {
    Wait,
    /// The hub is gone.
    End,
    /// We are a new guard, and these are its files.
    Guard([OwnedFd; descriptors::COUNT]),
}

/// Serves the hub until it is gone, and then until everything has ended.
pub(super) fn run(hub: OwnedFd) -> io::Result<()> {
    name(c"sandbox-keeper");
    adopt_orphans()?;
    let group = Group::enter();
    let support = probe::support(group.is_some());
    let signals = Signals::take(&SIGNALS)?;
    let mut keeper = Keeper { hub, signals, guards: HashSet::new(), group };
    loop {
        match keeper.turn()? {
            Next::Wait => {}
            Next::End => return keeper.end(),
            Next::Guard(files) => {
                // The copy of the keeper's connection has to go: while a guard held it, the hub's end would be hidden.
                drop(keeper);
                return guard::run(files, &support);
            }
        }
    }
}

impl Keeper {
    fn turn(&mut self) -> io::Result<Next> {
        let [asked, signalled] = self.wait()?;
        if signalled {
            // To be asked to end is not enough: the hub would lose what looks after its children.
            self.signals.drain();
            self.reap();
        }
        if asked { self.serve() } else { Ok(Next::Wait) }
    }

    /// Waits for the hub, or for a signal.
    fn wait(&self) -> io::Result<[bool; 2]> {
        let mut wake = [
            PollFd::new(&self.hub, PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN),
        ];
        retry_on_intr(|| poll(&mut wake, None))?;
        Ok(wake.map(|one| !one.revents().is_empty()))
    }

    fn serve(&mut self) -> io::Result<Next> {
        match descriptors::receive(&self.hub)? {
            Received::Closed => Ok(Next::End),
            Received::Guard(files) => Ok(self.fork_guard(files)),
            // Dropping what came tells the hub: the connection for its guard closes.
            Received::Incomplete => Ok(Next::Wait),
        }
    }

    fn fork_guard(&mut self, files: [OwnedFd; descriptors::COUNT]) -> Next {
        match kernel::fork() {
            Ok(Side::Child) => Next::Guard(files),
            Ok(Side::Parent(guard)) => {
                self.guards.insert(guard);
                Next::Wait
            }
            // No room for another process: again the hub sees its connection close.
            Err(_) => Next::Wait,
        }
    }

    /// Waits for those that ended. What is our child and no guard has lost its guard, and is ended; when it is, we
    /// are called again, until there is none.
    fn reap(&mut self) {
        while let Ok(Some((pid, _))) = rustix::process::wait(WaitOptions::NOHANG) {
            self.guards.remove(&pid);
        }
        tree::kill(&self.guards);
    }

    /// The hub is gone. Guards notice by themselves.
    fn end(mut self) -> io::Result<()> {
        const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let deadline = Instant::now() + GUARDS_END;
        while !self.guards.is_empty() && Instant::now() < deadline {
            // Being interrupted only makes the round shorter.
            let _ = poll(&mut [PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN)], Some(&PAUSE));
            self.signals.drain();
            self.reap();
        }
        tree::kill(&HashSet::new());
        if let Some(group) = self.group {
            group.end();
        }
        Ok(())
    }
}
