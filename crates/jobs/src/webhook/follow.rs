//! Hears of the jobs of another engine: reads its history on from where it was read before, and writes what is to be told
//! together with the new place. So nothing is left out, as long as that history holds it, and nothing is written twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::broadcast::error::RecvError;
use drawbridge_contract::{CancellationToken, RawValue, broadcast};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{Body, Facts, WebhookEvent, Webhooks};
use crate::bounds::PAGE_MAX;
use crate::{Change, Engine, EngineError, Failure, Happened, JobId, Progress, Remains, State};

/// Where we are in the other engine's history is kept under this name.
const READER: &str = "webhooks";
/// How long what happens is gathered before it is read.
const GATHER: Duration = Duration::from_millis(20);
/// How often the history is read, whatever was heard.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the place is written while there is nothing to tell.
const KEEP_EVERY: Duration = Duration::from_secs(30);
/// How long to wait when an engine cannot be read or written.
const PAUSE: Duration = Duration::from_secs(1);
/// A job's progress is told no more often than this.
const PROGRESS_PAUSE: Duration = Duration::from_secs(2);
/// Of how many jobs it is remembered when their progress was told last.
const PROGRESS_JOBS_MAX: usize = 10_000;

/// Something that happened to a job of another engine, with all that is told of it.
pub(crate) struct Heard {
    pub(crate) job: JobId,
    pub(crate) event: WebhookEvent,
    pub(crate) tool: Arc<str>,
    pub(crate) caller: Arc<str>,
    pub(crate) callback: Option<Arc<str>>,
    pub(crate) at_ms: i64,
    attempt: u32,
    attempts_max: u32,
    /// `None`: nobody knows them any more.
    arguments: Option<Box<RawValue>>,
    result: Option<Box<RawValue>>,
    failure: Option<Failure>,
    progress: Option<Progress>,
}

impl Heard {
    /// What is sent.
    pub(crate) fn body(&self) -> String {
        let facts = Facts {
            job: self.job.as_str(),
            tool: &self.tool,
            event: self.event,
            attempt: self.attempt,
            attempts_max: self.attempts_max,
            at_ms: self.at_ms,
            arguments: self.arguments.as_deref(),
            result: self.result.as_deref(),
            failure: self.failure.as_ref(),
            progress: self.progress.as_ref(),
        };
        Body::new(&facts).json()
    }
}

impl Webhooks {
    /// Tells what becomes of the jobs of another engine, too, until the token is cancelled. Standing receivers hear of what
    /// happens from the first start on.
    pub fn follow(self: &Arc<Self>, jobs: Arc<dyn Engine>, stop: CancellationToken) -> JoinHandle<()> {
        let follow = Follow {
            changes: jobs.changes(),
            webhooks: Arc::clone(self),
            jobs,
            place: None,
            receivers_from_ms: i64::MIN,
            kept_at: Instant::now(),
            told: HashMap::new(),
        };
        tokio::spawn(async move { stop.run_until_cancelled(follow.run()).await.unwrap_or_default() })
    }
}

struct Follow {
    webhooks: Arc<Webhooks>,
    jobs: Arc<dyn Engine>,
    changes: broadcast::Receiver<Change>,
    /// How far the history was read; `None` before the first look.
    place: Option<u64>,
    /// Standing receivers hear nothing that happened before.
    receivers_from_ms: i64,
    kept_at: Instant,
    /// When the progress of a job was told last.
    told: HashMap<JobId, Instant>,
}

impl Follow {
    async fn run(mut self) {
        loop {
            match self.read_on().await {
                Ok(true) => {}
                Ok(false) => self.wait().await,
                Err(error) => {
                    tracing::warn!(%error, "what is to be told by webhook could not be read or written; trying again");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Reads one page of the history. Says whether there may be more.
    async fn read_on(&mut self) -> Result<bool, EngineError> {
        let after = self.place().await?;
        let page = self.jobs.history(after, None, PAGE_MAX).await?;
        let Some(last) = page.last() else { return Ok(false) };
        let (seq, is_full) = (last.seq, page.len() == PAGE_MAX);
        let heard = self.heard(page).await?;
        if !heard.is_empty() || self.kept_at.elapsed() >= KEEP_EVERY {
            self.webhooks.engine.hear(heard, Some((READER, seq))).await?;
            self.kept_at = Instant::now();
        }
        self.place = Some(seq);
        Ok(is_full)
    }

    async fn place(&mut self) -> Result<u64, EngineError> {
        if let Some(place) = self.place {
            return Ok(place);
        }
        let engine = &self.webhooks.engine;
        let kept = engine.kept_since(READER.into()).await?;
        if kept == 0 {
            self.receivers_from_ms = engine.now().wall_ms;
        }
        self.place = Some(kept);
        Ok(kept)
    }

    /// What of a page somebody wants to hear.
    async fn heard(&self, page: Vec<Happened>) -> Result<Vec<Heard>, EngineError> {
        let told = |happened: Happened| Some((WebhookEvent::of(happened.what)?, happened));
        let told: Vec<(WebhookEvent, Happened)> = page.into_iter().filter_map(told).collect();
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let ids = told.iter().map(|(_, happened)| happened.job.clone()).collect();
        let callbacks = self.jobs.callbacks(ids).await?;
        let has_receivers = self.webhooks.engine.has_receivers()?;
        let (mut heard, mut forgotten) = (Vec::new(), Vec::new());
        for ((event, happened), callback) in told.into_iter().zip(callbacks) {
            if callback.is_none() && !(has_receivers && happened.at_ms >= self.receivers_from_ms) {
                continue;
            }
            match self.facts(event, &happened, callback).await {
                Ok(facts) => heard.push((happened.seq, facts)),
                Err(EngineError::NotFound { .. }) => forgotten.push((event, happened)),
                Err(error) => return Err(error),
            }
        }
        heard.extend(self.remains(forgotten).await?);
        heard.sort_by_key(|(seq, _)| *seq);
        Ok(heard.into_iter().map(|(_, heard)| heard).collect())
    }

    /// What is told of jobs that are not there any more, as far as the history still knows of them.
    async fn remains(
        &self,
        forgotten: Vec<(WebhookEvent, Happened)>,
    ) -> Result<Vec<(u64, Heard)>, EngineError> {
        if forgotten.is_empty() {
            return Ok(Vec::new());
        }
        let all = forgotten.iter().map(|(_, happened)| happened.clone()).collect();
        let remains = self.jobs.remains(all).await?;
        let told = forgotten.into_iter().zip(remains).filter_map(|((event, happened), remains)| {
            if remains.is_none() {
                let (job, event) = (&happened.job, event.word());
                tracing::warn!(%job, event, "a job was forgotten, and its history, before its webhook was written");
            }
            Some((happened.seq, of_remains(event, happened, remains?)))
        });
        Ok(told.collect())
    }

    async fn facts(
        &self,
        event: WebhookEvent,
        happened: &Happened,
        callback: Option<Arc<str>>,
    ) -> Result<Heard, EngineError> {
        let id = happened.job.clone();
        let job = self.jobs.get(id.clone()).await?;
        let (arguments, _) = self.jobs.arguments(id.clone()).await?;
        let outcome = if event.is_end() { self.jobs.outcome(id.clone()).await? } else { Default::default() };
        Ok(Heard {
            job: id,
            event,
            tool: job.tool,
            caller: job.caller,
            callback,
            at_ms: happened.at_ms,
            attempt: if happened.attempt > 0 { happened.attempt } else { job.attempt },
            attempts_max: job.attempts_max,
            arguments: Some(arguments),
            result: outcome.result,
            failure: outcome.failure,
            progress: None,
        })
    }

    /// Waits until something happened, or until it is time to look anyway.
    async fn wait(&mut self) {
        let until = Instant::now() + LOOK_EVERY;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                change = self.changes.recv() => match change {
                    Ok(Change::Progress { job, progress }) => self.progressed(job, progress).await,
                    Err(RecvError::Closed) => return sleep(LOOK_EVERY).await,
                    Ok(Change::Happened(happened)) if WebhookEvent::of(happened.what).is_none() => {}
                    Ok(Change::Happened(_)) | Err(RecvError::Lagged(_)) => return sleep(GATHER).await,
                },
            }
        }
    }

    /// Tells how far a job is, now and then. Nothing depends on it: what goes wrong here is left out.
    async fn progressed(&mut self, job: JobId, progress: Progress) {
        if self.told.get(&job).is_some_and(|told| told.elapsed() < PROGRESS_PAUSE) {
            return;
        }
        if self.told.len() >= PROGRESS_JOBS_MAX {
            self.told.retain(|_, told| told.elapsed() < PROGRESS_PAUSE);
        }
        if self.told.len() < PROGRESS_JOBS_MAX {
            self.told.insert(job.clone(), Instant::now());
        }
        if let Err(error) = self.tell_progress(job, progress).await {
            tracing::debug!(%error, "progress was not told");
        }
    }

    async fn tell_progress(&mut self, job: JobId, progress: Progress) -> Result<(), EngineError> {
        let callback = self.jobs.callbacks(vec![job.clone()]).await?.into_iter().next().flatten();
        let engine = &self.webhooks.engine;
        if callback.is_none() && !engine.has_receivers()? {
            return Ok(());
        }
        // What came before it goes first; and nothing is told of a job that has ended meanwhile.
        while self.read_on().await? {}
        if self.jobs.get(job.clone()).await?.state != State::Running {
            return Ok(());
        }
        let engine = &self.webhooks.engine;
        let now_ms = engine.now().wall_ms;
        let happened =
            Happened { seq: 0, at_ms: now_ms, job, what: crate::Happening::Started, attempt: 0, token: 0 };
        let mut heard = self.facts(WebhookEvent::Progress, &happened, callback).await?;
        heard.progress = Some(progress);
        engine.hear(vec![heard], None).await
    }
}

fn of_remains(event: WebhookEvent, happened: Happened, remains: Remains) -> Heard {
    let Remains { tool, caller, callback, attempts_max, result, failure } = remains;
    Heard {
        job: happened.job,
        event,
        tool,
        caller,
        callback,
        at_ms: happened.at_ms,
        attempt: happened.attempt.max(1),
        attempts_max: attempts_max.max(happened.attempt).max(1),
        arguments: None,
        result,
        failure,
        progress: None,
    }
}
