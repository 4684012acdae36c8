//! What time brings: lost workers, deadlines, delays. Each process looks after all jobs; the scripts see to it that
//! nothing happens twice.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_jobs::{EngineError, JobId, Lease};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::events::Ears;
use crate::link::Link;
use crate::scripts;

/// The longest time between two looks: for jobs of processes that are gone.
const LOOK: Duration = Duration::from_secs(5);

/// When to look next.
pub(crate) struct Keeper {
    next: Mutex<Instant>,
    earlier: Notify,
}

impl Keeper {
    pub(crate) fn new() -> Self {
        Self { next: Mutex::new(Instant::now()), earlier: Notify::new() }
    }

    /// Something is due in this time.
    pub(crate) fn expect(&self, after: Duration) {
        // A moment later, so that it is due when we look.
        let at = Instant::now() + after + Duration::from_millis(2);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if at < *next {
            *next = at;
            drop(next);
            self.earlier.notify_one();
        }
    }

    fn plan(&self, after: Duration) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + after;
    }

    /// Looks, again and again. Never ends.
    pub(crate) async fn run(&self, link: Arc<Link>, ears: Arc<Ears>) {
        loop {
            let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.earlier.notified() => continue,
            }
            self.plan(LOOK);
            match look(&link).await {
                Ok((taken, due)) => {
                    if !taken.is_empty() {
                        ears.wake.notify_waiters();
                    }
                    // Nobody may be listening; a worker elsewhere hears it with its next sign of life.
                    taken.into_iter().for_each(|lease| drop(ears.stops.send(lease)));
                    due.into_iter().for_each(|due| self.expect(due));
                }
                Err(error) => tracing::warn!(%error, "nobody looks after jobs that are due; trying again"),
            }
        }
    }
}

/// Looks once: what was taken from its workers, and when the next thing is due.
async fn look(link: &Link) -> Result<(Vec<Lease>, Option<Duration>), EngineError> {
    let script = link.script(&scripts::SWEEP);
    let (taken, due_ms): (Vec<String>, u64) = link.run(&script, "look after jobs").await?;
    let lost = taken.chunks_exact(2).map(|two| {
        tracing::warn!(job = %two[0], "a job lost its worker or its time");
        Lease { id: JobId::new(&two[0]), token: two[1].parse().unwrap_or(0) }
    });
    Ok((lost.collect(), (due_ms > 0).then(|| Duration::from_millis(due_ms))))
}
