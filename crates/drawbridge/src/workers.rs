//! Workers in processes of their own: the hub hands out its jobs to them, and knows how many are there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;

/// Those that are connected. Clones share the count.
#[derive(Clone, Default)]
pub(crate) struct Workers(Arc<AtomicUsize>);

impl Workers {
    /// Where `drawbridge worker` gets its jobs.
    pub(crate) fn entrance(&self, hub: &Hub, shutdown: &CancellationToken) -> Router {
        let (workers, jobs) = (self.clone(), hub.jobs.clone());
        drawbridge_web::worker(shutdown.clone(), move |_, pipe, end| {
            let engine = jobs.get().map(|jobs| jobs.engine().clone());
            let connected = workers.connect();
            async move {
                let _connected = connected;
                let Some(engine) = engine else {
                    return tracing::warn!("a worker came before the jobs were open; it comes again");
                };
                if let Err(error) = drawbridge_jobs::remote::serve(engine, pipe, end).await {
                    tracing::debug!(%error, "the pipe of a worker ended badly");
                }
            }
        })
    }

    /// Puts into the status of the jobs who else runs them. On Redis workers do not come to us: nothing is said of them.
    pub(crate) fn tell(&self, jobs: &mut Value) {
        if jobs["engine"] != "embedded" {
            return;
        }
        let running = running_elsewhere(jobs);
        jobs["workers"] = json!({"connected": self.0.load(Ordering::Relaxed), "running": running});
    }

    fn connect(&self) -> Connected {
        self.0.fetch_add(1, Ordering::Relaxed);
        Connected(self.0.clone())
    }
}

/// One of them, until it is dropped.
struct Connected(Arc<AtomicUsize>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many jobs run that we do not run ourselves. A worker that was lost has its own until their leases end.
fn running_elsewhere(jobs: &Value) -> u64 {
    let queues = jobs["queues"].as_array().into_iter().flatten();
    let states = queues.flat_map(|queue| queue["states"].as_array().into_iter().flatten());
    let running: u64 = states.filter(|pair| pair[0] == "running").filter_map(|pair| pair[1].as_u64()).sum();
    running.saturating_sub(jobs["running"].as_u64().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(engine: &str) -> Value {
        let queues = json!([
            {"queue": "default", "states": [["queued", 7], ["running", 3]]},
            {"queue": "night", "states": [["running", 2]]},
        ]);
        json!({"engine": engine, "queues": queues, "concurrency": 4, "running": 1})
    }

    #[test]
    fn those_who_are_connected_are_told_with_what_they_run() {
        let workers = Workers::default();
        let (first, second) = (workers.connect(), workers.connect());
        let mut told = jobs("embedded");
        workers.tell(&mut told);
        assert_eq!(told["workers"], json!({"connected": 2, "running": 4}));
        drop(first);
        drop(second);
        workers.tell(&mut told);
        assert_eq!(told["workers"]["connected"], 0);
    }

    #[test]
    fn of_workers_on_redis_and_of_jobs_that_are_not_open_nothing_is_said() {
        for mut jobs in [jobs("bullmq"), Value::Null] {
            let before = jobs.clone();
            Workers::default().tell(&mut jobs);
            assert_eq!(jobs, before);
        }
    }

    #[test]
    fn more_of_ours_than_are_counted_is_none_elsewhere() {
        // The count and ours are looked at one after the other.
        assert_eq!(running_elsewhere(&json!({"running": 2, "queues": []})), 0);
    }
}
