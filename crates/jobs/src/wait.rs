//! Waiting for a job, on any engine.

use std::time::Duration;

use drawbridge_contract::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use crate::{Change, Engine, EngineError, Job, JobId, State};

/// Waits until a job has ended, or asks something, but no longer than `time`; answers with the job as it is then.
///
/// # Errors
/// [`EngineError::NotFound`], also when it was forgotten meanwhile.
pub async fn wait(engine: &dyn Engine, id: &JobId, time: Duration) -> Result<Job, EngineError> {
    let until = Instant::now() + time;
    let mut changes = engine.changes(); // before looking, so that nothing is missed in between
    loop {
        let job = engine.get(id.clone()).await?;
        if job.state.has_ended() || job.state == State::WaitingForInput {
            return Ok(job);
        }
        let changed = async {
            loop {
                match changes.recv().await {
                    Ok(Change::Happened(happened)) if happened.job == *id => return true,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return true, // it may have been among them
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        match timeout_at(until, changed).await {
            Ok(true) => {}
            Ok(false) => return Err(EngineError::Closed),
            Err(_) => return engine.get(id.clone()).await,
        }
    }
}
