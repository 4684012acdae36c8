//! The queue to the writer's thread: many senders, who may have to wait for room, and one taker, who sleeps.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::command::Command;
use crate::EngineError;

/// How many commands may wait. Whoever sends more waits for room.
const WAITING_MAX: usize = 8_192;

pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    /// Wakes the taker.
    wake: Condvar,
    /// One permit per command that may still come in.
    room: Semaphore,
}

#[derive(Default)]
struct Waiting {
    commands: VecDeque<Command>,
    closed: bool,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), wake: Condvar::new(), room: Semaphore::new(WAITING_MAX) }
    }

    /// Sends a command, when there is room.
    pub(super) async fn send(&self, command: Command) -> Result<(), EngineError> {
        self.room.acquire().await.map_err(|_| EngineError::Closed)?.forget();
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(EngineError::Closed);
        }
        waiting.commands.push_back(command);
        drop(waiting);
        self.wake.notify_one();
        Ok(())
    }

    /// Moves up to `count_max` commands to `into`. Says whether no more will come.
    pub(super) fn take(&self, into: &mut Vec<Command>, count_max: usize) -> bool {
        let mut waiting = self.lock();
        let count = waiting.commands.len().min(count_max);
        into.extend(waiting.commands.drain(..count));
        let ended = waiting.closed && waiting.commands.is_empty();
        drop(waiting);
        self.room.add_permits(count);
        ended
    }

    /// Waits until there is something, or the time is over. `None`: there is no such time.
    pub(super) fn sleep(&self, time: Option<Duration>) {
        let nothing = |waiting: &mut Waiting| waiting.commands.is_empty() && !waiting.closed;
        let waiting = self.lock();
        match time {
            Some(time) => {
                drop(
                    self.wake
                        .wait_timeout_while(waiting, time, nothing)
                        .unwrap_or_else(PoisonError::into_inner),
                );
            }
            None => drop(self.wake.wait_while(waiting, nothing).unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Takes no more commands.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
