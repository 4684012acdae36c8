//! What the writer's thread and everybody else look at.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast};

use super::names::Names;
use crate::{Change, Clock, EngineError, Lease, Progress};

/// How many changes a slow reader may be behind before it misses some.
const CHANGES_KEPT: usize = 4_096;

/// How many requests to stop a slow worker may be behind; the heartbeat brings what it missed.
const STOPS_KEPT: usize = 1_024;

pub(super) struct Shared {
    pub(super) names: Names,
    pub(super) live: Live,
    pub(super) changes: broadcast::Sender<Change>,
    pub(super) stops: broadcast::Sender<Lease>,
    pub(super) clock: Arc<dyn Clock>,
    /// There are webhooks to be sent.
    pub(super) news: Notify,
    /// Why the latest transaction failed, if it did.
    failing: Mutex<Option<EngineError>>,
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            names: Names::default(),
            live: Live::default(),
            changes: broadcast::channel(CHANGES_KEPT).0,
            stops: broadcast::channel(STOPS_KEPT).0,
            clock,
            news: Notify::new(),
            failing: Mutex::default(),
        }
    }
}

impl Shared {
    /// Why the latest transaction failed, if it did.
    pub(super) fn failing(&self) -> MutexGuard<'_, Option<EngineError>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is only known of jobs that run.
#[derive(Default)]
pub(super) struct Live(Mutex<HashMap<i64, LiveJob>>);

#[derive(Debug, Clone)]
pub(super) struct LiveJob {
    pub(super) token: u64,
    /// Not known of one that had it before a restart.
    pub(super) worker: Option<Arc<str>>,
    pub(super) progress: Option<Progress>,
    /// Somebody wants webhooks of it.
    pub(super) is_heard: bool,
    /// On the steady clock: when its progress was told by webhook last.
    pub(super) told_ms: Option<i64>,
}

impl Live {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<i64, LiveJob>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how far a job is. `false`: whoever says it does not have the job.
    pub(super) fn set_progress(&self, id: i64, token: u64, progress: &Progress) -> bool {
        let mut jobs = self.lock();
        let Some(live) = jobs.get_mut(&id).filter(|live| live.token == token) else { return false };
        live.progress = Some(progress.clone());
        true
    }

    /// Whether a job's progress is to be told by webhook now, and notes that it is. Not more often than every
    /// `pause_ms`.
    pub(super) fn is_to_be_told(&self, id: i64, now_ms: i64, pause_ms: i64) -> bool {
        let mut jobs = self.lock();
        let heard = jobs.get_mut(&id).filter(|live| live.is_heard);
        let due = heard.filter(|live| live.told_ms.is_none_or(|told_ms| told_ms + pause_ms <= now_ms));
        due.map(|live| live.told_ms = Some(now_ms)).is_some()
    }
}
