//! Waking the writer no more often than needed: a record that nobody waits for must not cost a system call.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU8, Ordering, fence},
    },
    thread::{self, Thread},
    time::Instant,
};

/// The writer works, and will look at its queue before it sleeps.
const AWAKE: u8 = 0;
/// It sleeps until records that nobody waits for are due.
const DELAYING: u8 = 1;
/// It sleeps until there is anything at all.
const IDLE: u8 = 2;

/// How the queue's senders and the writer agree on who has to wake whom.
///
/// Each side writes, passes a `SeqCst` fence, then reads what the other writes: the sender puts a command (or sets
/// `urgent`) and reads `state`; the writer sets `state` and reads `urgent` and the queue. So at least one of the
/// two sees the other, and no command is left lying. `unpark` before `park` is not lost either.
#[derive(Default)]
pub(crate) struct Wake {
    state: AtomicU8,
    urgent: AtomicBool,
    writer: OnceLock<Thread>,
}

impl Wake {
    /// Somebody waits for the command that was just sent.
    pub(crate) fn at_once(&self) {
        self.urgent.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.state.load(Ordering::Relaxed) != AWAKE {
            self.wake();
        }
    }

    /// Nobody waits for the command that was just sent; `crowded`: the queue has little room left.
    pub(crate) fn in_time(&self, crowded: bool) {
        fence(Ordering::SeqCst);
        match self.state.load(Ordering::Relaxed) {
            IDLE => self.wake(),
            DELAYING if crowded => self.wake(),
            _ => {}
        }
    }

    /// Only the first of many senders pays for waking.
    fn wake(&self) {
        if self.state.swap(AWAKE, Ordering::AcqRel) != AWAKE
            && let Some(writer) = self.writer.get()
        {
            writer.unpark();
        }
    }

    /// The writer introduces itself.
    pub(super) fn here_i_am(&self) {
        self.writer.get_or_init(thread::current);
    }

    /// The writer is about to look at its queue. Answers whether somebody waits.
    pub(super) fn take_urgent(&self) -> bool {
        self.urgent.swap(false, Ordering::AcqRel)
    }

    /// The writer sleeps until `until` (or for good), unless `stay` says after all that there is something to do.
    pub(super) fn sleep(&self, until: Option<Instant>, stay: impl FnOnce() -> bool) {
        self.state.store(if until.is_some() { DELAYING } else { IDLE }, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !self.urgent.load(Ordering::Relaxed) && !stay() {
            match until {
                Some(until) => thread::park_timeout(until.saturating_duration_since(Instant::now())),
                None => thread::park(),
            }
        }
        self.state.store(AWAKE, Ordering::Relaxed);
    }
}
