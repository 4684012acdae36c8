//! Running jobs: claims as many as it may, runs them, keeps them alive, says how they ended, and says it again until
//! it is heard.
//!
//! One task leads; each attempt runs in a task of its own. What one message says and what it asks for travel
//! together, so a busy worker costs one commit for many jobs.

mod attempt;
mod context;
mod lead;
mod reports;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use drawbridge_contract::{BoxFuture, CancellationToken};
use tokio::task::JoinHandle;

pub use context::{Child, RunContext};

use crate::{AttemptEnd, Engine, ToolPattern, Work};

/// Runs one job. Through the door, as the caller who asked for it: what that means is not known here.
pub trait Runner: Send + Sync + 'static {
    /// Runs it once. May be called for the same job again, when a worker was lost: `work.lease.id` tells that it is the
    /// same. Dropped when it does not end in time after a cancellation.
    fn run(&self, work: Work, context: RunContext) -> BoxFuture<'_, AttemptEnd>;
}

/// How a worker is to work.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Its name, for people. Unique among the workers of an engine.
    pub name: Arc<str>,
    /// How many jobs it runs at once.
    pub concurrency: usize,
    /// From which queues; empty for all.
    pub queues: Vec<Arc<str>>,
    /// Of which tools; empty for all.
    pub tools: Vec<ToolPattern>,
    /// After how much silence the engine takes its jobs away, in milliseconds. It gives a sign of life three times
    /// as often.
    pub lease_ms: u32,
    /// How long a runner has to end after its cancellation, before it is dropped.
    pub stop_grace: Duration,
    /// Whether it ends with the engine; see [`Exchange::in_process`](crate::Exchange::in_process).
    pub in_process: bool,
}

impl WorkerSettings {
    /// A worker in the engine's process.
    pub fn new(name: &str, concurrency: usize) -> Self {
        Self {
            name: name.into(),
            concurrency: concurrency.max(1),
            queues: Vec::new(),
            tools: Vec::new(),
            lease_ms: 30_000,
            stop_grace: Duration::from_secs(5),
            in_process: true,
        }
    }
}

/// A worker that runs. Dropped, it ends at once, and its jobs are tried again when their leases are over.
pub struct Worker {
    drain: CancellationToken,
    give_up: CancellationToken,
    running: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Worker {
    /// Starts one. Needs a tokio runtime.
    pub fn start(engine: Arc<dyn Engine>, runner: Arc<dyn Runner>, settings: WorkerSettings) -> Self {
        let (drain, give_up) = (CancellationToken::new(), CancellationToken::new());
        let running = Arc::<AtomicUsize>::default();
        let lead = lead::Lead::new(
            engine,
            runner,
            settings,
            lead::Signals { drain: drain.clone(), give_up: give_up.clone(), running: Arc::clone(&running) },
        );
        Self { drain, give_up, running, task: tokio::spawn(lead.run()) }
    }

    /// How many jobs it runs now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Takes no more jobs, and waits for those that run; after `grace` these are cancelled, and tried again by another
    /// worker where their policy allows it. Returns when everything that was done is acknowledged.
    pub async fn drain(mut self, grace: Duration) {
        self.drain.cancel();
        if tokio::time::timeout(grace, &mut self.task).await.is_err() {
            self.give_up.cancel();
            if let Err(error) = (&mut self.task).await {
                tracing::error!(%error, "a worker ended badly");
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}
