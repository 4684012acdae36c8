//! What happens to a job, as it happens. What is in the history is told completely and in order, from there; what is
//! only announced (progress) may be missed by who is slow.

use std::collections::VecDeque;
use std::sync::Arc;

use drawbridge_contract::JobEvent;
use drawbridge_contract::broadcast::{self, error::RecvError};
use drawbridge_jobs::{Change, Happened, JobId};
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::Inner;

/// How many entries of the history are read at once.
const READ_AT_ONCE: usize = 100;

/// Everything after the number `after`, until the job has ended or is forgotten.
pub(crate) fn of(inner: Arc<Inner>, id: JobId, after: u64) -> BoxStream<'static, JobEvent> {
    // Before reading, so that nothing is missed in between.
    let changes = inner.engine.changes();
    let watch = Watch { inner, id, after, changes, told: VecDeque::new(), is_behind: true, has_ended: false };
    stream::unfold(watch, |mut watch| async move { watch.next().await.map(|event| (event, watch)) }).boxed()
}

struct Watch {
    inner: Arc<Inner>,
    id: JobId,
    /// The number of the last entry that was told.
    after: u64,
    changes: broadcast::Receiver<Change>,
    told: VecDeque<Change>,
    /// There may be entries in the history that were not told.
    is_behind: bool,
    has_ended: bool,
}

impl Watch {
    async fn next(&mut self) -> Option<JobEvent> {
        loop {
            if let Some(change) = self.told.pop_front() {
                return self.event(change).await;
            }
            if self.has_ended {
                return None;
            }
            if self.is_behind {
                self.read().await?;
            } else {
                self.wait().await?;
            }
        }
    }

    async fn event(&mut self, change: Change) -> Option<JobEvent> {
        if let Change::Happened(happened) = &change {
            self.after = happened.seq;
        }
        let job = self.inner.engine.get(self.id.clone()).await.ok()?;
        let view = self.inner.view(job).await.ok()?;
        Some(self.inner.event(&change, view))
    }

    async fn read(&mut self) -> Option<()> {
        let mut entries = self.entries().await?;
        if entries.is_empty() && self.is_over().await? {
            // It may have ended since we looked; else its end is older than what is remembered.
            entries = self.entries().await?;
            self.has_ended = entries.is_empty();
        }
        self.is_behind = entries.len() == READ_AT_ONCE;
        // One that ended and is retried later goes on: only an end that is the last entry is one.
        self.has_ended |= entries.last().is_some_and(|last| last.what.is_end()) && !self.is_behind;
        self.told.extend(entries.into_iter().map(Change::Happened));
        Some(())
    }

    async fn entries(&self) -> Option<Vec<Happened>> {
        self.inner.engine.history(self.after, Some(self.id.clone()), READ_AT_ONCE).await.ok()
    }

    async fn is_over(&self) -> Option<bool> {
        Some(self.inner.engine.get(self.id.clone()).await.ok()?.state.has_ended())
    }

    /// Waits for something of this job.
    async fn wait(&mut self) -> Option<()> {
        loop {
            match self.changes.recv().await {
                Ok(Change::Happened(happened)) if happened.job == self.id => {
                    self.is_behind = true;
                    return Some(());
                }
                Ok(Change::Progress { job, progress }) if job == self.id => {
                    self.told.push_back(Change::Progress { job, progress });
                    return Some(());
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    self.is_behind = true;
                    return Some(());
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
