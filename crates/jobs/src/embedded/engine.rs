//! The engine's front: checks what it is given, and sends it to the writer, or reads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use drawbridge_contract::{RawValue, broadcast};
use drawbridge_store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::change::{Part, check_filter};
use super::command::{Command, Reply, change};
use super::convert::{ask_of, bounded_lease, exchanged, keys_of, submitted};
use super::desk::{Desk, key_of};
use super::file::{self, Readers};
use super::inbox::Inbox;
use super::listing;
use super::read;
use super::settings::Settings;
use super::shared::Shared;
use super::submit::Prepared;
use super::writer;
use crate::bounds::{
    ARGUMENTS_BYTES_MAX, CHECKPOINT_BYTES_MAX, KEY_BYTES_MAX, LINES_MAX, NAME_BYTES_MAX, PAGE_MAX, SUBMIT_MAX,
};
use crate::engine::Answered;
use crate::error::at_most;
use crate::{
    Beat, Change, Engine, EngineError, Exchange, Exchanged, Family, Filter, Happened, Heartbeat, Job, JobId,
    Lease, Limit, LimitRow, Line, NewJob, Outcome, Page, Policies, Progress, QueueCounts, Scope, State,
    Submitted,
};

/// A job's progress is told by webhook no more often than this, in milliseconds.
const PROGRESS_PAUSE_MS: i64 = 2_000;

/// The embedded engine. Clones share it; when the last one is dropped, what was sent is written first.
#[derive(Clone)]
pub struct Embedded {
    inner: Arc<Inner>,
}

struct Inner {
    inbox: Arc<Inbox>,
    shared: Arc<Shared>,
    readers: Readers,
    policies: Policies,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Embedded {
    /// Opens the jobs in `folder`; makes the folder (mode 0700) and the files (mode 0600) where they are missing.
    /// Blocks for milliseconds. Jobs that a worker in the process before had are free again at once; those of other
    /// workers when these are silent for half a minute.
    ///
    /// # Errors
    /// [`EngineError::InUse`] while another process has them open; [`EngineError::Open`] when the file is not ours, or
    /// others could touch it.
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, EngineError> {
        let (connection, path, lock) = file::open(folder, &settings)?;
        let shared = Arc::new(Shared::new(Arc::clone(&settings.clock)));
        let inbox = Arc::new(Inbox::new());
        let policies = settings.policies.clone();
        let mut desk = Desk::new(connection, Arc::clone(&shared), settings);
        desk.reload()?;
        desk.find_orphans()?;
        let thread = writer::start(desk, Arc::clone(&inbox), lock).map_err(|source| StoreError::Io {
            doing: "start the thread that writes",
            path: path.clone(),
            source: source.into(),
        })?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { inner: Arc::new(Inner { inbox, shared, readers: Readers::new(path), policies, thread }) })
    }

    /// Looks at the clock and does what is due, now. It is done without being asked, too; this is for whoever set the
    /// clock.
    ///
    /// # Errors
    /// Whatever keeps the engine from writing.
    pub async fn tick(&self) -> Result<(), EngineError> {
        self.ask(Command::Tick).await
    }

    /// The time, as the engine has it.
    pub(crate) fn now(&self) -> crate::machine::Now {
        self.inner.shared.clock.now()
    }

    /// Waits until there are webhooks to be sent that were not there before.
    pub(crate) async fn news(&self) {
        self.inner.shared.news.notified().await;
    }

    /// Sends a command and waits for its answer. Once sent, it is done even if the caller goes away.
    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.inner.inbox.send(command(reply)).await?;
        answer.await.unwrap_or(Err(EngineError::Closed))
    }

    /// Has something done on the writer's desk.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.ask(|reply| change(work, reply)).await
    }

    /// Reads a little, here and now.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.inner.readers.read(work)
    }

    /// Reads something that may take its time, on a thread that may block.
    async fn read_long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Shared) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let inner = Arc::clone(&self.inner);
        let read = tokio::task::spawn_blocking(move || {
            inner.readers.read(|connection| work(connection, &inner.shared))
        });
        read.await.unwrap_or(Err(EngineError::Closed))
    }

    fn prepare(&self, jobs: Vec<NewJob>) -> Result<Vec<Prepared>, EngineError> {
        at_most("a submission", jobs.len(), SUBMIT_MAX)?;
        jobs.into_iter().map(|job| Prepared::new(job, &self.inner.policies)).collect()
    }

    /// Does a change that goes through many jobs, a part at a time.
    async fn in_parts(
        &self,
        filter: Filter,
        part: fn(&mut Desk, &Filter, i64) -> Result<Part, EngineError>,
    ) -> Result<u64, EngineError> {
        check_filter(&filter)?;
        let filter = Arc::new(filter);
        let (mut count, mut after) = (0, 0);
        loop {
            let filter = Arc::clone(&filter);
            let done = self.change(move |desk| part(desk, &filter, after)).await?;
            count += done.count;
            match done.next {
                Some(next) => after = next,
                None => return Ok(count),
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.inbox.close();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the jobs ended with a panic");
        }
    }
}

impl Engine for Embedded {
    fn submit(&self, job: NewJob) -> Answered<'_, Submitted> {
        Box::pin(async move {
            let prepared = vec![Prepared::new(job, &self.inner.policies)?];
            let taken = self.change(|desk| desk.submit(prepared)).await?;
            taken.into_iter().next().map(submitted).ok_or(EngineError::Closed)
        })
    }

    fn submit_many(&self, jobs: Vec<NewJob>) -> Answered<'_, Vec<Submitted>> {
        Box::pin(async move {
            let prepared = self.prepare(jobs)?;
            let taken = self.change(|desk| desk.submit(prepared)).await?;
            Ok(taken.into_iter().map(submitted).collect())
        })
    }

    fn submit_family(&self, parent: NewJob, children: Vec<NewJob>) -> Answered<'_, Family> {
        Box::pin(async move {
            let parent = Prepared::new(parent, &self.inner.policies)?;
            let children = self.prepare(children)?;
            let (parent, children) = self.change(|desk| desk.submit_family(parent, children)).await?;
            Ok(Family { parent: submitted(parent), children: children.into_iter().map(submitted).collect() })
        })
    }

    fn exchange(&self, message: Exchange) -> Answered<'_, Exchanged> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let ask = ask_of(message, reply)?;
            self.inner.inbox.send(Command::exchange(ask)).await?;
            exchanged(answer.await.unwrap_or(Err(EngineError::Closed))?, &self.inner.shared)
        })
    }

    fn withdraw(&self, worker: Arc<str>) -> Answered<'_, ()> {
        Box::pin(self.ask(|reply| Command::Withdraw { worker, reply }))
    }

    fn heartbeat(&self, beats: Heartbeat) -> Answered<'_, Vec<Beat>> {
        let (leases, lease_ms) = (keys_of(&beats.leases), bounded_lease(beats.lease_ms));
        Box::pin(self.ask(move |reply| Command::Beat { leases, lease_ms, reply }))
    }

    fn progress(&self, lease: Lease, progress: Progress) -> Answered<'_, ()> {
        Box::pin(async move {
            let key = key_of(&lease.id)?;
            let progress = progress.fitted();
            if !self.inner.shared.live.set_progress(key.id, lease.token, &progress) {
                let state = self.get(lease.id.clone()).await?.state;
                let misfit = crate::machine::Misfit::Stale { state };
                return Err(EngineError::Misfit { id: lease.id, misfit });
            }
            let shared = &self.inner.shared;
            let now_ms = shared.clock.now().steady_ms;
            let is_to_be_told = shared.live.is_to_be_told(key.id, now_ms, PROGRESS_PAUSE_MS);
            if shared.changes.receiver_count() > 0 {
                let (job, progress) = (lease.id.clone(), progress.clone());
                drop(shared.changes.send(Change::Progress { job, progress }));
            }
            if is_to_be_told {
                self.change(move |desk| desk.tell_progress(key, lease.token, progress)).await?;
            }
            Ok(())
        })
    }

    fn log(&self, lease: Lease, lines: Vec<Line>) -> Answered<'_, ()> {
        Box::pin(async move {
            let key = key_of(&lease.id)?;
            at_most("a message's lines", lines.len(), usize::try_from(LINES_MAX).unwrap_or(usize::MAX))?;
            for line in &lines {
                at_most("a line's level", line.level.len(), NAME_BYTES_MAX)?;
            }
            self.change(move |desk| desk.log(key, lease.token, &lines)).await
        })
    }

    fn checkpoint(&self, lease: Lease, value: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            let key = key_of(&lease.id)?;
            at_most("a checkpoint", value.get().len(), CHECKPOINT_BYTES_MAX)?;
            self.change(move |desk| desk.checkpoint(key, lease.token, value.get())).await
        })
    }

    fn cancel(&self, id: JobId) -> Answered<'_, State> {
        Box::pin(async move {
            let key = key_of(&id)?;
            self.change(move |desk| desk.cancel(key)).await
        })
    }

    fn answer(&self, id: JobId, answer: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            let key = key_of(&id)?;
            at_most("an answer", answer.get().len(), CHECKPOINT_BYTES_MAX)?;
            self.change(move |desk| desk.answer(key, answer.get())).await
        })
    }

    fn ask_rest(&self, id: JobId, rest: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            let key = key_of(&id)?;
            at_most("a question", rest.get().len(), CHECKPOINT_BYTES_MAX)?;
            self.change(move |desk| desk.ask_rest(key, rest.get())).await
        })
    }

    fn retry(&self, id: JobId) -> Answered<'_, ()> {
        Box::pin(async move {
            let key = key_of(&id)?;
            self.change(move |desk| desk.retry(key)).await
        })
    }

    fn retry_all(&self, filter: Filter) -> Answered<'_, u64> {
        Box::pin(self.in_parts(filter, Desk::retry_some))
    }

    fn edit(&self, id: JobId, arguments: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            let key = key_of(&id)?;
            at_most("the arguments", arguments.get().len(), ARGUMENTS_BYTES_MAX)?;
            self.change(move |desk| desk.edit(key, arguments.get())).await
        })
    }

    fn discard(&self, id: JobId) -> Answered<'_, ()> {
        Box::pin(async move {
            let key = key_of(&id)?;
            self.change(move |desk| desk.discard(key)).await
        })
    }

    fn discard_all(&self, filter: Filter) -> Answered<'_, u64> {
        Box::pin(self.in_parts(filter, Desk::discard_some))
    }

    fn pause(&self, queue: Arc<str>) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("the queue's name", queue.len(), NAME_BYTES_MAX)?;
            self.change(move |desk| desk.pause(&queue, true)).await
        })
    }

    fn resume(&self, queue: Arc<str>) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("the queue's name", queue.len(), NAME_BYTES_MAX)?;
            self.change(move |desk| desk.pause(&queue, false)).await
        })
    }

    fn limit(&self, scope: Scope, limit: Limit) -> Answered<'_, ()> {
        Box::pin(async move {
            limit.check()?;
            let (Scope::Queue(name) | Scope::Tool(name) | Scope::Caller(name)) = &scope;
            at_most("a name", name.as_ref().map_or(0, |name| name.len()), KEY_BYTES_MAX)?;
            self.change(move |desk| desk.limit(&scope, limit)).await
        })
    }

    fn limits(&self) -> Answered<'_, Vec<LimitRow>> {
        Box::pin(async { self.read(|connection| read::limits(connection, &self.inner.shared.names)) })
    }

    fn get(&self, id: JobId) -> Answered<'_, Job> {
        Box::pin(async move {
            let key = key_of(&id)?;
            self.read(|connection| read::job(connection, &self.inner.shared, key))
        })
    }

    fn arguments(&self, id: JobId) -> Answered<'_, (Box<RawValue>, Option<Box<RawValue>>)> {
        Box::pin(async move {
            let key = key_of(&id)?;
            self.read(|connection| read::arguments(connection, key))
        })
    }

    fn outcome(&self, id: JobId) -> Answered<'_, Outcome> {
        Box::pin(async move {
            let key = key_of(&id)?;
            self.read(|connection| read::outcome(connection, key))
        })
    }

    fn lines(&self, id: JobId, after: u64, limit: usize) -> Answered<'_, Vec<Line>> {
        Box::pin(async move {
            let (key, limit) = (key_of(&id)?, limit.clamp(1, PAGE_MAX));
            self.read_long(move |connection, _| read::lines(connection, key, after, limit)).await
        })
    }

    fn list(&self, filter: Filter, after: Option<JobId>, limit: usize) -> Answered<'_, Page> {
        Box::pin(async move {
            check_filter(&filter)?;
            let after = after.as_ref().map(key_of).transpose()?;
            let limit = limit.clamp(1, PAGE_MAX);
            self.read_long(move |connection, shared| listing::list(connection, shared, &filter, after, limit))
                .await
        })
    }

    fn counts(&self) -> Answered<'_, Vec<QueueCounts>> {
        Box::pin(async { self.read(|connection| read::counts(connection, &self.inner.shared.names)) })
    }

    fn history(&self, after: u64, job: Option<JobId>, limit: usize) -> Answered<'_, Vec<Happened>> {
        Box::pin(async move {
            let key = job.as_ref().map(key_of).transpose()?;
            let limit = limit.clamp(1, PAGE_MAX);
            self.read_long(move |connection, _| read::history(connection, after, key, limit)).await
        })
    }

    fn keep_since(&self, reader: Arc<str>, seq: u64) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("a reader's name", reader.len(), NAME_BYTES_MAX)?;
            self.change(move |desk| desk.keep_since(&reader, seq)).await
        })
    }

    fn kept_since(&self, reader: Arc<str>) -> Answered<'_, u64> {
        Box::pin(async move { self.read(|connection| read::kept_since(connection, &reader)) })
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.shared.changes.subscribe()
    }

    fn stops(&self) -> broadcast::Receiver<Lease> {
        self.inner.shared.stops.subscribe()
    }

    fn check_health(&self) -> Answered<'_, ()> {
        Box::pin(async {
            let failing = self.inner.shared.failing().clone();
            match failing {
                // It may have passed, and nobody else may have tried since.
                Some(_) => self.change(Desk::probe).await,
                None => self.change(|_| Ok(())).await,
            }
        })
    }

    fn close(&self) -> Answered<'_, ()> {
        Box::pin(async move {
            match self.ask(Command::Close).await {
                Err(EngineError::Closed) => Ok(()),
                other => other,
            }
        })
    }
}
