//! Jobs behind the door: takes what the door has authorized, runs it through the same door, and tells callers what
//! came of it. Start at `runner.rs`.
//!
//! ```text
//! enqueue     a call that passed the door becomes a job; whether it may be tried again
//! runner      a job whose turn has come enters the door again, as who asked for it
//! end         what came of that call, in the engine's words
//! question    what a job asks, and the answers
//! decisions   jobs that wait for the owner's yes go on when it was given
//! limits      what may run at once, as it is configured
//! look        what callers see of their jobs, and how they steer them
//! view        one job, as its caller sees it
//! webhooks    who is told what becomes of jobs
//! schedules   what is begun again and again, by a call through the door
//! timetable   when, in the words of callers
//! watch       what happens to a job, as it happens
//! ```
//!
//! **Invariant:** it decides nothing. Who may do what is asked of the door, at submission and again at every attempt.
//! **Invariant:** a caller sees its own jobs and no others; the owner sees all.

mod attributes;
mod beside;
mod decisions;
mod end;
mod enqueue;
mod error;
mod limits;
mod look;
mod question;
mod runner;
mod schedules;
mod stored;
mod timetable;
mod view;
mod watch;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use drawbridge_contract::Handler;
use drawbridge_jobs::worker::{Worker, WorkerSettings};
use drawbridge_jobs::{Engine, LimitRow, Policies, Retention};
use tokio::task::JoinHandle;

pub use enqueue::ATTEMPT_TIME_MAX;
pub use runner::DoorRunner;
pub use timetable::next_times;

/// How jobs are to be treated.
#[derive(Debug, Clone)]
pub struct BackgroundSettings {
    /// Which engine keeps them, for people.
    pub engine: &'static str,
    /// How those tools are tried that may be tried again.
    pub policies: Policies,
    /// How long one attempt may take whose caller does not say.
    pub attempt_time: Duration,
    /// How long the engine remembers jobs that ended, for those who ask.
    pub retention: Retention,
}

impl Default for BackgroundSettings {
    /// On the embedded engine; an hour for an attempt.
    fn default() -> Self {
        Self {
            engine: "embedded",
            policies: Policies::default(),
            attempt_time: Duration::from_secs(3600),
            retention: Retention::default(),
        }
    }
}

/// The jobs of a hub. Clones share them.
#[derive(Clone)]
pub struct Background(Arc<Inner>);

struct Inner {
    engine: Arc<dyn Engine>,
    settings: BackgroundSettings,
    at_work: Mutex<Option<AtWork>>,
    /// Lets jobs go on that waited for the owner's decision.
    decisions: Mutex<Option<JoinHandle<()>>>,
    beside: OnceLock<beside::Beside>,
    /// How the engine was, where it cannot say so at once, and what looks at it.
    seen: Mutex<look::Seen>,
    watching: Mutex<Option<JoinHandle<()>>>,
    /// What sets the limits.
    limiting: Mutex<Option<JoinHandle<()>>>,
    /// Held while an answer is written.
    answering: tokio::sync::Mutex<()>,
}

/// What runs jobs in this process.
struct AtWork {
    worker: Worker,
    concurrency: usize,
}

impl Background {
    /// Jobs that are kept by `engine`. Nothing runs them yet.
    pub fn new(engine: Arc<dyn Engine>, settings: BackgroundSettings) -> Self {
        Self(Arc::new(Inner {
            engine,
            settings,
            at_work: Mutex::new(None),
            decisions: Mutex::new(None),
            beside: OnceLock::new(),
            seen: Mutex::default(),
            watching: Mutex::new(None),
            limiting: Mutex::new(None),
            answering: tokio::sync::Mutex::default(),
        }))
    }

    /// What keeps the jobs.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.0.engine
    }

    /// Runs jobs in this process, through `door`, and [`decides`](Self::decide). Needs a tokio runtime. Once: a second
    /// worker replaces the first, whose jobs are then tried again where they may.
    pub fn start(&self, door: &Arc<dyn Handler>, worker: WorkerSettings) {
        self.decide(door);
        self.work(door, worker);
    }

    /// Runs jobs in this process, and leaves it to others to let those go on that waited for the owner.
    pub fn work(&self, door: &Arc<dyn Handler>, worker: WorkerSettings) {
        let runner = Arc::new(DoorRunner::new(door.clone(), self.0.settings.attempt_time));
        let concurrency = worker.concurrency;
        let worker = Worker::start(self.0.engine.clone(), runner, worker);
        *self.at_work() = Some(AtWork { worker, concurrency });
    }

    /// Gives the engine these limits, and takes away all others, as soon as it can be reached. Needs a tokio runtime; once.
    pub fn keep_limits(&self, limits: Vec<LimitRow>) {
        let engine = self.0.engine.clone();
        let setting = tokio::spawn(async move {
            while let Err(error) = limits::keep(&*engine, &limits).await {
                tracing::warn!(%error, "the limits of jobs could not be set; trying again");
                tokio::time::sleep(limits::AGAIN_AFTER).await;
            }
        });
        lock(&self.0.limiting).replace(setting).inspect(JoinHandle::abort);
    }

    /// Lets jobs go on that wait for the owner's decision, when it was made. Needs a tokio runtime.
    pub fn decide(&self, door: &Arc<dyn Handler>) {
        let following = tokio::spawn(decisions::follow(self.0.engine.clone(), door.clone()));
        let before = lock(&self.0.decisions).replace(following);
        before.inspect(JoinHandle::abort);
    }

    /// Starts no more jobs, waits for those that run, and interrupts them after `grace`. Everything that was done is
    /// written when this returns.
    pub async fn close(&self, grace: Duration) {
        if let Some(beside) = self.0.beside.get() {
            beside.close().await;
        }
        for task in [&self.0.decisions, &self.0.watching, &self.0.limiting] {
            lock(task).take().inspect(JoinHandle::abort);
        }
        let at_work = self.at_work().take();
        if let Some(AtWork { worker, .. }) = at_work {
            worker.drain(grace).await;
        }
        if let Err(error) = self.0.engine.close().await {
            tracing::error!(%error, "the jobs could not be closed");
        }
    }

    /// How many jobs may run here at once, and how many do.
    fn load_here(&self) -> (usize, usize) {
        self.at_work().as_ref().map_or((0, 0), |at_work| (at_work.concurrency, at_work.worker.running()))
    }

    fn at_work(&self) -> MutexGuard<'_, Option<AtWork>> {
        lock(&self.0.at_work)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
