//! A guard: looks after one launch. Whatever the program starts and abandons becomes the guard's child, so that it
//! knows when nothing is left.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::super::descriptors::COUNT;
use super::super::kernel::{self, Signals};
use super::super::message::{ORDER_BYTES, Order, Reply, Request, encode_ended};
use super::super::wire::{LENGTH_BYTES, Malformed, length};
use super::{SIGNALS, adopt_orphans, name, start, tree};
use crate::{Cause, Ended, Exit, Report, Signal, Support};

/// How long the hub may take to send its request, and to take our answer.
const HUB_TIMEOUT: Duration = Duration::from_secs(10);

/// How long we try to end everything: processes that hang in the kernel are then left, and counted.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How long we wait between two rounds of ending processes, if none ends meanwhile.
const ROUND: Duration = Duration::from_millis(10);

/// Looks after what the hub asks for, until nothing of it is left.
pub(super) fn run(files: [OwnedFd; COUNT], support: &Support) -> io::Result<()> {
    name(c"sandbox-guard");
    adopt_orphans()?;
    let signals = Signals::take(&SIGNALS)?;
    let [hub, directory, input, output, errors] = files;
    let mut hub = UnixStream::from(hub);
    // The hub does not wait for what it has made; we do.
    hub.set_nonblocking(false)?;
    hub.set_read_timeout(Some(HUB_TIMEOUT))?;
    hub.set_write_timeout(Some(HUB_TIMEOUT))?;
    let asked = match read_request(&mut hub)? {
        Request::Probe => return answer(&mut hub, &Reply::Support(*support)),
        Request::Start(asked) => asked,
    };
    let (limits, began) = (asked.limits.clone(), Instant::now());
    match start::start(*asked, directory, [input, output, errors], support) {
        Err(failure) => answer(&mut hub, &Reply::Failed(failure)),
        Ok((program, report)) => {
            let guard = Guard {
                hub,
                signals,
                program,
                began,
                exit: None,
                cause: Cause::Itself,
                timeout: limits.timeout.and_then(|timeout| began.checked_add(timeout)),
                grace: limits.grace,
                end: None,
            };
            guard.watch(report)
        }
    }
}

fn read_request(hub: &mut UnixStream) -> io::Result<Request> {
    let malformed = |Malformed| io::ErrorKind::InvalidData;
    let mut before = [0; LENGTH_BYTES];
    hub.read_exact(&mut before)?;
    let mut request = vec![0; length(before).map_err(malformed)?];
    hub.read_exact(&mut request)?;
    Ok(Request::decode(&request).map_err(malformed)?)
}

fn answer(hub: &mut UnixStream, reply: &Reply) -> io::Result<()> {
    hub.write_all(&reply.encode().ok_or(io::ErrorKind::InvalidData)?)
}

struct Guard {
    hub: UnixStream,
    signals: Signals,
    /// The program's process, and the group that it began with.
    program: Pid,
    began: Instant,
    /// How the program ended, when it was, and what everything used until then.
    exit: Option<(Exit, Duration)>,
    cause: Cause,
    /// When the program has run long enough.
    timeout: Option<Instant>,
    grace: Duration,
    /// When everything is ended, after a request to end that may be ignored.
    end: Option<Instant>,
}

impl Guard {
    fn watch(mut self, report: Report) -> io::Result<()> {
        let pid = self.program.as_raw_nonzero().get().unsigned_abs();
        if answer(&mut self.hub, &Reply::Started { pid, report }).is_ok() {
            // Whatever fails while we watch, all is ended below.
            while self.exit.is_none() && self.turn().unwrap_or(false) {}
        }
        let (strays, left) = self.end_all();
        let (exit, duration) = self.exit.unwrap_or((Exit::Signal(libc::SIGKILL), self.began.elapsed()));
        let usage = kernel::usage_of_children();
        let ended = Ended {
            exit,
            cause: self.cause,
            duration,
            cpu: usage.cpu,
            memory_bytes: usage.memory_bytes,
            strays,
            left,
        };
        self.hub.write_all(&encode_ended(&ended).ok_or(io::ErrorKind::InvalidData)?)
    }

    /// Waits for something and does it; returns whether the program goes on.
    fn turn(&mut self) -> io::Result<bool> {
        let [told, signalled] = self.wait()?;
        if signalled {
            let asked_to_end = self.signals.drain();
            self.reap();
            if asked_to_end {
                return Ok(self.stopped());
            }
        }
        if told && !self.obey() {
            return Ok(self.stopped());
        }
        Ok(!self.is_over())
    }

    /// Waits for the hub, a signal, or the next deadline.
    fn wait(&self) -> io::Result<[bool; 2]> {
        let timeout = self.next_deadline().map(|at| timespec(at.saturating_duration_since(Instant::now())));
        let mut wake = [
            PollFd::new(&self.hub, PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN),
        ];
        retry_on_intr(|| poll(&mut wake, timeout.as_ref()))?;
        Ok(wake.map(|one| !one.revents().is_empty()))
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.end.into_iter().chain(self.timeout).min()
    }

    /// Whether the time is up: first for the program, which is asked to end, then for everything.
    fn is_over(&mut self) -> bool {
        let now = Instant::now();
        if self.timeout.is_some_and(|timeout| timeout <= now) {
            self.timeout = None;
            self.cause = Cause::TimedOut;
            self.ask_to_end(Signal::Terminate, self.grace);
        }
        self.end.is_some_and(|end| end <= now)
    }

    /// Does what the hub says; returns false when the hub is gone.
    fn obey(&mut self) -> bool {
        let mut order = [0; ORDER_BYTES];
        if self.hub.read_exact(&mut order).is_err() {
            return false;
        }
        match Order::decode(order) {
            Ok(Order::Signal(signal)) => self.signal(signal),
            Ok(Order::Stop(signal, grace)) => {
                self.stopped();
                self.ask_to_end(signal, grace);
            }
            Err(Malformed) => return false,
        }
        true
    }

    fn ask_to_end(&mut self, signal: Signal, grace: Duration) {
        self.signal(signal);
        // What halts would never notice that it was asked.
        self.signal(Signal::Continue);
        let end = Instant::now().checked_add(grace);
        self.end = self.end.into_iter().chain(end).min();
    }

    /// Only while the program has not been waited for: until then its number, and its group's, is nobody else's.
    fn signal(&self, signal: Signal) {
        if self.exit.is_none() {
            // It fails when all of the group have become another user, whom we cannot reach.
            let _ = rustix::process::kill_process_group(self.program, signal.to_kernel());
        }
    }

    /// Remembers that it was us who ended it, unless there was a reason before.
    fn stopped(&mut self) -> bool {
        if self.cause == Cause::Itself && self.exit.is_none() {
            self.cause = Cause::Stopped;
        }
        false
    }

    /// Waits for all that ended; returns whether we have children left.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.program => {
                    self.exit = Some((exit(status), self.began.elapsed()));
                }
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Ends everything that is left. Returns how many there were besides the program, and how many are left still.
    fn end_all(&mut self) -> (u32, u32) {
        let deadline = Instant::now() + END_TIMEOUT;
        let (mut strays, nobody) = (HashSet::new(), HashSet::new());
        while self.reap() {
            let found = tree::kill(&nobody);
            let left = found.len();
            strays.extend(found.into_iter().filter(|pid| *pid != self.program));
            if Instant::now() >= deadline {
                return (count(strays.len()), count(left));
            }
            let mut wake = [PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN)];
            // Being interrupted only makes the round shorter.
            let _ = poll(&mut wake, Some(&timespec(ROUND)));
            self.signals.drain();
        }
        (count(strays.len()), 0)
    }
}

fn exit(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(libc::SIGKILL)),
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn timespec(duration: Duration) -> Timespec {
    // Rounded up to a microsecond, so that a deadline has passed when we wake.
    let nanos = i64::from(duration.subsec_nanos()) + 1_000;
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX >> 1);
    Timespec { tv_sec: seconds + nanos / 1_000_000_000, tv_nsec: nanos % 1_000_000_000 }
}
