//! What can be asked of the writer's thread.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::claim::{Ask, Parked};
use super::desk::Desk;
use super::key::Key;
use crate::{Beat, EngineError};

/// Where an answer goes. Whoever asked may have gone away.
pub(super) type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

pub(super) enum Command {
    /// A change of the file.
    Task(Box<dyn Task>),
    /// A worker's message.
    Exchange(Box<Parked>),
    /// A worker's sign of life. Touches no file.
    Beat { leases: Vec<(Key, u64)>, lease_ms: i64, reply: Reply<Vec<Beat>> },
    /// A worker wants its waiting message back.
    Withdraw { worker: Arc<str>, reply: Reply<()> },
    /// Looks at the clock now. For tests that set it, and for whoever knows that it was set.
    Tick(Reply<()>),
    /// Writes what is there, and takes no more.
    Close(Reply<()>),
}

/// A change, with its answer's type hidden.
pub(super) trait Task: Send {
    /// Does it. An error is one that spoils the whole transaction; others are kept for the answer.
    fn run(&mut self, desk: &mut Desk) -> Result<(), EngineError>;
    /// Answers: with what `run` found, or with why the transaction failed.
    fn answer(self: Box<Self>, committed: Result<(), EngineError>);
}

/// A change made of a closure.
struct Change<T, F> {
    work: Option<F>,
    found: Option<Result<T, EngineError>>,
    reply: Reply<T>,
}

/// A command that does `work`, and answers after the commit. `work` either refuses before it writes anything, or
/// fails in a way that spoils the transaction.
pub(super) fn change<T, F>(work: F, reply: Reply<T>) -> Command
where
    T: Send + 'static,
    F: FnOnce(&mut Desk) -> Result<T, EngineError> + Send + 'static,
{
    Command::Task(Box::new(Change { work: Some(work), found: None, reply }))
}

impl<T, F> Task for Change<T, F>
where
    T: Send,
    F: FnOnce(&mut Desk) -> Result<T, EngineError> + Send,
{
    fn run(&mut self, desk: &mut Desk) -> Result<(), EngineError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        match work(desk) {
            Err(error) if error.spoils_transaction() => Err(error),
            found => {
                self.found = Some(found);
                Ok(())
            }
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), EngineError>) {
        let Self { found, reply, .. } = *self;
        drop(reply.send(committed.and_then(|()| found.unwrap_or(Err(EngineError::Closed)))));
    }
}

impl Command {
    /// A worker's message.
    pub(super) fn exchange(ask: Ask) -> Self {
        Self::Exchange(Box::new(Parked::new(ask)))
    }
}
