//! What a runner gets besides its work.

use std::sync::Arc;

use drawbridge_contract::{CancellationToken, RawValue};

use super::reports::Reports;
use crate::bounds::PAGE_MAX;
use crate::{Engine, EngineError, Filter, Job, Lease, Line, NewJob, Outcome, Progress, Submitted};

/// The live side of an attempt: telling how it goes, keeping what the next attempt needs, having children, stopping.
#[derive(Clone)]
pub struct RunContext {
    pub(super) lease: Lease,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) reports: Arc<Reports>,
    pub(super) cancellation: CancellationToken,
}

/// A child and what came of it.
#[derive(Debug, Clone)]
pub struct Child {
    /// The child.
    pub job: Job,
    /// What came of it.
    pub outcome: Outcome,
}

impl RunContext {
    /// The job, and the right to speak for it.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Cancelled when the job is to stop, was lost, or its worker has to end.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// Tells how far the work is. Never waits.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        self.reports.progress(Progress { progress, total, message: message.map(str::to_owned) });
    }

    /// Writes a line to the job's log; `level` is a word of RFC 5424, such as `info`. Never waits.
    pub fn log(&self, level: &str, text: impl Into<String>) {
        self.reports.line(Line { number: 0, at_ms: 0, level: level.into(), text: text.into() });
    }

    /// Keeps a value that the next attempt will see, if there has to be one. When this returns it is on disk.
    ///
    /// # Errors
    /// [`EngineError::Misfit`] when the job was lost: drop the work.
    pub async fn checkpoint(&self, value: Box<RawValue>) -> Result<(), EngineError> {
        self.engine.checkpoint(self.lease.clone(), value).await
    }

    /// Starts jobs that are parts of this one. To go on when they have ended, answer
    /// [`AttemptEnd::AwaitsChildren`](crate::AttemptEnd::AwaitsChildren), and find them in
    /// [`children`](Self::children) then. Give each an idempotency key: this may run twice.
    ///
    /// # Errors
    /// As [`Engine::submit_many`].
    pub async fn submit_children(&self, children: Vec<NewJob>) -> Result<Vec<Submitted>, EngineError> {
        let ours = |child| NewJob { parent: Some(self.lease.id.clone()), ..child };
        self.engine.submit_many(children.into_iter().map(ours).collect()).await
    }

    /// The parts of this job, in the order of their submission, and what came of them.
    ///
    /// # Errors
    /// As [`Engine::list`].
    pub async fn children(&self) -> Result<Vec<Child>, EngineError> {
        let filter = Filter { parent: Some(self.lease.id.clone()), ..Filter::default() };
        let (mut children, mut after) = (Vec::new(), None);
        loop {
            let page = self.engine.list(filter.clone(), after, PAGE_MAX).await?;
            for job in page.jobs {
                let outcome = self.engine.outcome(job.id.clone()).await?;
                children.push(Child { job, outcome });
            }
            after = page.next;
            if after.is_none() {
                children.reverse();
                return Ok(children);
            }
        }
    }
}
