//! The one writer of this process: a thread, a bounded queue, and one commit for everything that waits.
//!
//! Whoever sends a command and waits is answered after the commit that holds it; while that commit runs, the next
//! commands gather, so the more wait, the more share one commit, and nobody waits for a timer. Records that nobody
//! waits for gather until the next commit, or for [`BATCH_DELAY`].

mod command;
#[cfg(test)]
mod failures;
mod run;
mod transaction;
mod wake;

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::{mpsc, mpsc::error::TrySendError, oneshot};

pub(crate) use command::{Command, Effect, Job, Reply};

use crate::{AuditRecord, StoreError, shared::Shared};
use wake::Wake;

/// How many commands may wait for the writer. Whoever sends more waits for room.
pub const QUEUE_MAX: usize = 8192;

/// How many commands one commit takes.
pub const BATCH_MAX: usize = 512;

/// How long a record that nobody waits for may wait for company.
pub const BATCH_DELAY: Duration = Duration::from_millis(100);

/// How many records are kept in memory while the database cannot be written. Beyond it, records are refused;
/// what senders had under way at that moment is kept, too (at most [`QUEUE_MAX`] more).
pub const KEPT_MAX: usize = 16_384;

/// How long the writer waits after a failed commit before it tries again by itself.
pub const RETRY_DELAY: Duration = Duration::from_millis(250);

/// A record that was not taken, given back with the reason.
#[derive(Debug, thiserror::Error)]
#[error("an audit record was not taken")]
pub struct Rejected {
    /// The record.
    pub record: AuditRecord,
    /// Why: [`StoreError::QueueFull`], [`StoreError::Failing`], [`StoreError::TooLarge`] or [`StoreError::Closed`].
    #[source]
    pub error: StoreError,
}

/// The sending end of the queue. Dropping it writes what is there, then ends the thread.
pub(crate) struct Writer {
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Command>>,
    wake: Arc<Wake>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl Writer {
    pub(crate) fn start(connection: rusqlite::Connection, shared: Arc<Shared>) -> Result<Self, StoreError> {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let wake = Arc::<Wake>::default();
        let run = run::Run::new(connection, receiver, Arc::clone(&wake), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("drawbridge-store".into())
            .spawn(move || run.until_closed())
            .map_err(StoreError::io("start the thread that writes", &shared.database))?;
        Ok(Self { queue: Some(queue), wake, thread: Some(thread), shared })
    }

    /// Sends a record that nobody waits for: no lock, no allocation, no system call while the writer is busy or
    /// other such records wait already. Gives the record back when it cannot be taken.
    pub(crate) fn try_record(&self, record: AuditRecord) -> Result<(), Box<Rejected>> {
        let rejected = |record, error| Err(Box::new(Rejected { record, error }));
        let Some(queue) = &self.queue else { return rejected(record, StoreError::Closed) };
        if let Err(error) = self.shared.health.admit() {
            return rejected(record, error);
        }
        match queue.try_send(Command::Record(record, None)) {
            Err(TrySendError::Full(Command::Record(record, _))) => {
                return rejected(record, StoreError::QueueFull);
            }
            Err(TrySendError::Closed(Command::Record(record, _))) => {
                return rejected(record, StoreError::Closed);
            }
            Ok(()) | Err(_) => self.wake.in_time(is_crowded(queue)),
        }
        Ok(())
    }

    /// As [`try_record`](Self::try_record), but waits for room in the queue.
    pub(crate) async fn record(&self, record: AuditRecord) -> Result<(), StoreError> {
        self.shared.health.admit()?;
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(Command::Record(record, None)).await.map_err(|_| StoreError::Closed)?;
        self.wake.in_time(is_crowded(queue));
        Ok(())
    }

    /// Sends a hint. When the queue is full it is lost, and that is fine.
    pub(crate) fn hint(&self, command: Command) {
        if let Some(queue) = &self.queue {
            let urgent = command.is_urgent();
            if queue.try_send(command).is_ok() {
                if urgent { self.wake.at_once() } else { self.wake.in_time(is_crowded(queue)) }
            }
        }
    }

    /// Sends a command and waits for its answer. Once sent, it is done even if the caller goes away.
    pub(crate) async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(command(reply)).await.map_err(|_| StoreError::Closed)?;
        self.wake.at_once();
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// The writer is woken before its delay is over when half the queue is taken.
fn is_crowded(queue: &mpsc::Sender<Command>) -> bool {
    queue.capacity() < QUEUE_MAX / 2
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        self.wake.at_once();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the database ended with a panic");
        }
    }
}
