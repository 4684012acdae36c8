//! The writer's thread: what to do next, and what happens when a commit fails.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use rusqlite::Connection;
use tokio::sync::mpsc::{Receiver, error::TryRecvError};

use super::{
    BATCH_DELAY, BATCH_MAX, Command, QUEUE_MAX, RETRY_DELAY, Reply, transaction::Transactions, wake::Wake,
};
use crate::{StoreError, shared::Shared};

pub(super) struct Run {
    queue: Receiver<Command>,
    wake: Arc<Wake>,
    shared: Arc<Shared>,
    transactions: Transactions,
    /// Taken from the queue, not yet committed, in order. While commits fail, the records to try again.
    pending: VecDeque<Command>,
    /// Used again and again for the commands of one commit.
    batch: Vec<Command>,
    /// When the pending commands that nobody waits for are due.
    due: Option<Instant>,
    /// Whether somebody waits for one of the pending commands.
    urgent: bool,
    /// Whether no more commands will come.
    ended: bool,
}

enum Step {
    Commit,
    Sleep(Option<Instant>),
    End,
}

impl Run {
    pub(super) fn new(
        connection: Connection,
        queue: Receiver<Command>,
        wake: Arc<Wake>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            queue,
            wake,
            transactions: Transactions::new(connection, Arc::clone(&shared)),
            shared,
            pending: VecDeque::new(),
            batch: Vec::with_capacity(BATCH_MAX),
            due: None,
            urgent: false,
            ended: false,
        }
    }

    pub(super) fn until_closed(mut self) {
        self.wake.here_i_am();
        loop {
            self.wake.take_urgent();
            self.collect();
            match self.next() {
                Step::Commit => self.commit(),
                Step::Sleep(until) => self.sleep(until),
                Step::End => return,
            }
        }
    }

    /// Takes what one commit takes. While commits fail it takes all that is there, so that whoever waits hears of it
    /// soon; what nobody waits for is bounded then by [`admit`](crate::health::Monitor::admit), which must know the
    /// count before the queue has room again.
    fn collect(&mut self) {
        if self.shared.health.is_failing() {
            self.shared.health.keeps(self.count_here());
            self.collect_until(self.count_here());
        } else {
            self.collect_until(BATCH_MAX);
        }
    }

    /// Everything taken and queued as of now. What comes later is not waited for: senders may be faster than we are.
    fn count_here(&self) -> usize {
        self.pending.len() + self.queue.len()
    }

    fn collect_until(&mut self, count_max: usize) {
        while self.pending.len() < count_max && !self.ended {
            match self.queue.try_recv() {
                Ok(command) => self.take(command),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.ended = true,
            }
        }
    }

    fn take(&mut self, command: Command) {
        self.urgent |= command.is_urgent();
        if self.due.is_none() {
            self.due = Some(Instant::now() + BATCH_DELAY);
        }
        if matches!(command, Command::Close(_)) {
            self.queue.close(); // what is in the queue already can still be taken out
        }
        self.pending.push_back(command);
    }

    fn next(&self) -> Step {
        match self.due {
            _ if self.urgent => Step::Commit,
            None if self.ended => Step::End,
            None => Step::Sleep(None),
            Some(due) if self.ended || Instant::now() >= due => Step::Commit,
            Some(_) if self.pending.len() >= BATCH_MAX && !self.shared.health.is_failing() => Step::Commit,
            Some(due) => Step::Sleep(Some(due)),
        }
    }

    fn sleep(&self, until: Option<Instant>) {
        let crowded = QUEUE_MAX / 2;
        self.wake.sleep(until, || match until {
            Some(_) => self.queue.len() > crowded,
            None => !self.queue.is_empty() || self.queue.is_closed(),
        });
    }

    /// Commits the oldest pending commands, and answers who waits for them.
    fn commit(&mut self) {
        let count = self.pending.len().min(BATCH_MAX);
        self.batch.extend(self.pending.drain(..count));
        let followed = self.count_here() >= BATCH_MAX;
        match self.transactions.commit(&mut self.batch, followed) {
            Ok(records) => self.committed(records),
            Err(error) => self.failed(&error),
        }
    }

    fn committed(&mut self, records: u64) {
        self.shared.health.committed(records, self.pending.len());
        self.batch.clear();
        self.urgent = self.pending.iter().any(Command::is_urgent);
        self.due = (!self.pending.is_empty()).then(|| self.due.unwrap_or_else(Instant::now));
    }

    /// Everybody who waits hears of it now, also those who came meanwhile: nobody queues for a disk that is full.
    /// Records that nobody waits for are kept, in order, and tried again.
    fn failed(&mut self, error: &StoreError) {
        self.batch.drain(..).rev().for_each(|command| self.pending.push_front(command));
        self.collect_until(self.count_here());
        let (kept, told): (VecDeque<_>, VecDeque<_>) = self.pending.drain(..).partition(Command::is_kept);
        self.pending = kept;
        self.urgent = false;
        self.due = (!self.pending.is_empty()).then(|| Instant::now() + RETRY_DELAY);
        self.shared.health.failed(error, self.pending.len());
        told.into_iter().for_each(|command| command.fail(error));
        self.give_up_if_ended();
    }

    /// At the end there is no later: records that still cannot be written are lost, and the log says so.
    fn give_up_if_ended(&mut self) {
        if self.ended && !self.pending.is_empty() {
            tracing::error!(
                records = self.pending.len(),
                "records of the audit could not be written, and are lost"
            );
            self.pending.clear();
            self.due = None;
        }
    }
}

/// Answers that all is well.
pub(super) fn done(reply: Reply<()>) {
    drop(reply.send(Ok(())));
}
