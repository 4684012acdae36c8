//! What can be asked of the writer.

use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{AuditRecord, Calls, StoreError};

/// Where an answer goes. Whoever asked may have gone away; that is fine.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

pub(crate) enum Command {
    /// A record of the audit; with a reply, somebody waits until the disk has it.
    Record(AuditRecord, Option<Reply<i64>>),
    /// A change of the tables, with its own record.
    Change(Box<dyn Change>),
    /// A key was used. Nobody waits.
    KeyUsed { id: Arc<str>, at_us: i64 },
    /// An account called. Nobody waits.
    Called { account: Arc<str>, calls: Calls, forget_us: i64 },
    /// Answers when everything sent before is on disk.
    Flush(Reply<()>),
    /// Makes the file `generation` say what the database says. Nobody waits.
    Settle,
    /// Takes no more commands, writes what is there, answers, ends.
    Close(Reply<()>),
}

impl Command {
    /// Whether somebody waits for it.
    pub(super) fn is_urgent(&self) -> bool {
        !matches!(self, Self::Record(_, None) | Self::KeyUsed { .. } | Self::Called { .. })
    }

    /// Whether it is kept and tried again when a commit fails.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::Record(_, None))
    }

    /// Tells who waits, if anybody, that the commit failed.
    pub(super) fn fail(self, error: &StoreError) {
        match self {
            Self::Record(_, Some(reply)) => drop(reply.send(Err(error.clone()))),
            Self::Change(change) => change.answer(Err(error.clone())),
            Self::Flush(reply) | Self::Close(reply) => drop(reply.send(Err(error.clone()))),
            Self::Record(_, None) | Self::KeyUsed { .. } | Self::Called { .. } | Self::Settle => {}
        }
    }
}

/// What a change did, apart from its own tables.
#[derive(Default)]
pub(crate) struct Effect {
    /// The records that the same transaction writes.
    pub(crate) acts: Vec<AuditRecord>,
    /// Whether policy changed, so that the generation does.
    pub(crate) policy: bool,
}

impl Effect {
    /// Policy changed, and this record says so.
    pub(crate) fn policy(act: AuditRecord) -> Self {
        Self { acts: vec![act], policy: true }
    }

    /// Something changed that is no policy, and this record says so.
    pub(crate) fn noted(act: AuditRecord) -> Self {
        Self { acts: vec![act], policy: false }
    }
}

/// A change, with its answer's type hidden.
pub(crate) trait Change: Send {
    /// Does it, inside a savepoint: after an error nothing of it stays.
    fn run(&mut self, connection: &Connection) -> Result<Effect, StoreError>;
    /// Answers: with what `run` gave, or with the error of the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A change made of a closure.
pub(crate) struct Job<T, F> {
    work: Option<F>,
    found: Option<Result<T, StoreError>>,
    reply: Reply<T>,
}

impl<T, F> Job<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<(T, Effect), StoreError> + Send + 'static,
{
    pub(crate) fn boxed(work: F, reply: Reply<T>) -> Box<dyn Change> {
        Box::new(Self { work: Some(work), found: None, reply })
    }
}

impl<T, F> Change for Job<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<(T, Effect), StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<Effect, StoreError> {
        let Some(work) = self.work.take() else { return Ok(Effect::default()) };
        match work(connection) {
            Ok((found, effect)) => {
                self.found = Some(Ok(found));
                Ok(effect)
            }
            Err(error) => {
                self.found = Some(Err(error.clone()));
                Err(error)
            }
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match self.found {
            Some(Err(own)) => Err(own), // says more than the commit's
            Some(Ok(found)) => committed.map(|()| found),
            None => Err(committed.err().unwrap_or(StoreError::Closed)),
        };
        drop(self.reply.send(answer));
    }
}
