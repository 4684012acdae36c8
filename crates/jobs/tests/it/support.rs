//! What several tests need.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use drawbridge_contract::RawValue;
use drawbridge_jobs::machine::Now;
use drawbridge_jobs::{
    AttemptEnd, Backoff, Claim, Clock, Embedded, Engine, EngineError, Exchange, Failure, Lease, NewJob,
    Policy, Settings, State, Work,
};
use tempfile::TempDir;

pub(crate) const LEASE_MS: u32 = 30_000;

pub(crate) fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

pub(crate) fn job(tool: &str) -> NewJob {
    NewJob::new(tool, "owner", json("{}"))
}

/// A policy with pauses that a test can wait for.
pub(crate) fn quick(attempts_max: u32) -> Policy {
    Policy {
        attempts_max,
        backoff: Backoff { base_ms: 1, max_ms: 5, jitter_percent: 0 },
        deadline_after_ms: None,
    }
}

/// What is there now, up to `max`.
pub(crate) async fn claim(engine: &dyn Engine, worker: &str, max: usize) -> Vec<Work> {
    let message = Exchange::claim(worker, Claim::now(max, LEASE_MS));
    engine.exchange(message).await.unwrap().work
}

/// The next job, when there is one.
pub(crate) async fn claim_one(engine: &dyn Engine, worker: &str, lease_ms: u32) -> Work {
    let claim = Claim { wait_ms: 10_000, ..Claim::now(1, lease_ms) };
    let work = engine.exchange(Exchange::claim(worker, claim)).await.unwrap().work;
    work.into_iter().next().expect("there is a job within ten seconds")
}

pub(crate) async fn say(engine: &dyn Engine, lease: &Lease, end: AttemptEnd) -> Result<State, EngineError> {
    let told = engine.exchange(Exchange::say("teller", lease.clone(), end)).await.unwrap();
    told.said.into_iter().next().unwrap()
}

pub(crate) async fn complete(engine: &dyn Engine, lease: &Lease, result: &str) -> Result<State, EngineError> {
    say(engine, lease, AttemptEnd::Completed(json(result))).await
}

pub(crate) fn broken() -> AttemptEnd {
    AttemptEnd::Failed(Failure::retryable("tool", "it broke"))
}

pub(crate) async fn sleep_ms(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// An engine in a folder of its own.
pub(crate) fn embedded() -> (TempDir, Embedded) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Embedded::open(folder.path(), Settings::default()).unwrap();
    (folder, engine)
}

/// A clock that stands still until it is set.
pub(crate) struct SetClock(Mutex<Now>);

impl SetClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Now { wall_ms: 1_800_000_000_000, steady_ms: 0 })))
    }

    /// Time passes, on both clocks.
    pub(crate) fn pass(&self, ms: i64) {
        let mut now = self.0.lock().unwrap();
        (now.wall_ms, now.steady_ms) = (now.wall_ms + ms, now.steady_ms + ms);
    }

    /// Somebody sets the clock on the wall.
    pub(crate) fn jump(&self, ms: i64) {
        self.0.lock().unwrap().wall_ms += ms;
    }
}

impl Clock for SetClock {
    fn now(&self) -> Now {
        *self.0.lock().unwrap()
    }
}
