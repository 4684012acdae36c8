//! One attempt at one job, in a task of its own.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use drawbridge_contract::CancellationToken;

use super::Runner;
use super::context::RunContext;
use super::reports::Reports;
use crate::{AttemptEnd, Engine, Failure, Lease, Work, codes};

/// Why an attempt is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It is not.
    Not = 0,
    /// The engine wants the job to stop.
    Stop = 1,
    /// The job is not ours any more.
    Lost = 2,
    /// The worker has to end.
    Drain = 3,
}

/// Stops an attempt, with the reason.
#[derive(Clone, Default)]
pub(super) struct Brake {
    why: Arc<AtomicU8>,
    pub(super) cancellation: CancellationToken,
}

impl Brake {
    /// The first reason counts.
    pub(super) fn pull(&self, why: Why) {
        let not = Why::Not as u8;
        let _ = self.why.compare_exchange(not, why as u8, Ordering::AcqRel, Ordering::Acquire);
        self.cancellation.cancel();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.why.load(Ordering::Acquire) == Why::Lost as u8
    }

    fn is_draining(&self) -> bool {
        self.why.load(Ordering::Acquire) == Why::Drain as u8
    }
}

/// Runs a job once, forwards what it tells meanwhile, and drops it if it does not stop when it should.
pub(super) async fn run(
    engine: Arc<dyn Engine>,
    runner: Arc<dyn Runner>,
    work: Work,
    brake: Brake,
    grace: Duration,
) -> AttemptEnd {
    let lease = work.lease.clone();
    let reports = Arc::<Reports>::default();
    let context = RunContext {
        lease: lease.clone(),
        engine: Arc::clone(&engine),
        reports: Arc::clone(&reports),
        cancellation: brake.cancellation.clone(),
    };
    let mut running = pin!(runner.run(work, context));
    let mut overdue = pin!(overdue(&brake, grace));
    let end = loop {
        tokio::select! {
            biased;
            end = &mut running => break end,
            () = &mut overdue => break cut_off(&brake),
            () = reports.news() => reports.forward(&*engine, &lease).await,
        }
    };
    reports.forward(&*engine, &lease).await;
    interrupted_if_drained(end, &brake, &lease)
}

async fn overdue(brake: &Brake, grace: Duration) {
    brake.cancellation.cancelled().await;
    tokio::time::sleep(grace).await;
}

fn cut_off(brake: &Brake) -> AttemptEnd {
    if brake.is_draining() { interrupted() } else { AttemptEnd::Stopped }
}

/// A runner that was cancelled because its worker ends says that it failed, or was stopped. It was neither.
fn interrupted_if_drained(end: AttemptEnd, brake: &Brake, lease: &Lease) -> AttemptEnd {
    match end {
        AttemptEnd::Failed(failure) if brake.is_draining() && failure.retryable => interrupted(),
        AttemptEnd::Stopped if brake.is_draining() => interrupted(),
        AttemptEnd::Stopped if !brake.cancellation.is_cancelled() => {
            tracing::warn!(job = %lease.id, "a runner stopped without being asked to");
            AttemptEnd::Failed(Failure::retryable(codes::INTERRUPTED, "the tool stopped by itself"))
        }
        end => end,
    }
}

/// The next worker may try at once: the job did nothing wrong.
fn interrupted() -> AttemptEnd {
    let message = "its worker had to end before the work was done";
    AttemptEnd::Failed(Failure { retry_after_ms: Some(0), ..Failure::retryable(codes::INTERRUPTED, message) })
}
