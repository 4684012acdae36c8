//! The end that is an engine, as far as others can tell: passes every question on, and waits for its answer.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drawbridge_contract::{BoxFuture, CancellationToken, RawValue, broadcast};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, BufWriter, split};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::message::{Ask, Down, Refused, Up};
use super::{FRAME_BYTES_MAX, QUESTIONS_MAX, frame};
use crate::engine::Answered;
use crate::{
    Beat, Change, Engine, EngineError, Exchange, Exchanged, Family, Filter, Happened, Heartbeat, Job, JobId,
    Lease, Limit, LimitRow, Line, NewJob, Outcome, Page, Progress, QueueCounts, Scope, State, Submitted,
    Work,
};

/// How many changes, and requests to stop, a slow reader may be behind.
const NEWS_KEPT: usize = 4_096;
/// How long to wait before the pipe is opened again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// What cannot be done without the pipe.
const DOING: &str = "reach the hub";

/// A pipe to the process that has the jobs.
pub trait Link: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Link for T {}

/// Opens pipes to the process that has the jobs.
pub trait Connect: Send + Sync + 'static {
    /// Opens one, and proves who we are. `Err` says why it could not, for people.
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Link>, String>>;
}

/// The engine of another process. Clones share its pipe, which is opened again whenever it breaks; what is asked
/// meanwhile is answered with [`EngineError::Away`].
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    wire: Mutex<Wire>,
    next_number: AtomicU64,
    room: Semaphore,
    /// Somebody wants to hear what happens.
    listens: AtomicBool,
    stops: broadcast::Sender<Lease>,
    end: CancellationToken,
}

/// What belongs to one pipe.
struct Wire {
    /// Why there is none, or where messages go.
    open: Result<mpsc::UnboundedSender<Vec<u8>>, String>,
    waiting: HashMap<u64, Waiting>,
    changes: broadcast::Sender<Change>,
}

impl Wire {
    /// Says something that has no answer.
    fn tell(&self, message: &Up) {
        if let (Ok(sender), Ok(bytes)) = (&self.open, frame::encode(message)) {
            let _ = sender.send(bytes); // a pipe that has ended hears nothing more
        }
    }
}

/// The answer to a question, and the jobs that came with it.
type Reply = (Result<Box<RawValue>, Refused>, Vec<Work>);

/// A question without an answer.
struct Waiting {
    work: Vec<Work>,
    reply: oneshot::Sender<Reply>,
}

impl Remote {
    /// Begins to open a pipe, and keeps one open until [`Engine::close`]. Needs a tokio runtime.
    pub fn start(connect: impl Connect) -> Self {
        let inner = Arc::new(Inner {
            wire: Mutex::new(Wire {
                open: Err("not connected yet".to_owned()),
                waiting: HashMap::new(),
                changes: broadcast::channel(NEWS_KEPT).0,
            }),
            next_number: AtomicU64::new(1),
            room: Semaphore::new(QUESTIONS_MAX),
            listens: AtomicBool::new(false),
            stops: broadcast::channel(NEWS_KEPT).0,
            end: CancellationToken::new(),
        });
        tokio::spawn(keep_open(inner.clone(), connect));
        Self(inner)
    }

    /// Asks, and waits for the answer.
    async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, EngineError> {
        read(&self.send(Vec::new(), ask).await?.0)
    }

    /// Sends what was said and a question; gives the answer, and the jobs that came with it.
    async fn send(
        &self,
        said: Vec<crate::Said>,
        ask: Ask,
    ) -> Result<(Box<RawValue>, Vec<Work>), EngineError> {
        let _room = self.0.room.acquire().await.map_err(|_| EngineError::Closed)?;
        let number = self.0.next_number.fetch_add(1, Ordering::Relaxed);
        let mut frames = Vec::with_capacity(said.len() + 1);
        for said in said {
            frames.push(encoded(&Up::Said(number, said))?);
        }
        frames.push(encoded(&Up::Ask(number, ask))?);
        let (reply, answer) = oneshot::channel();
        let _forget = Forget { inner: &self.0, number };
        self.0.send(number, frames, reply)?;
        let (answer, work) = answer.await.map_err(|_| away("the pipe to the hub broke"))?;
        Ok((answer.map_err(EngineError::from)?, work))
    }
}

impl Inner {
    /// Hands everything to the pipe, in one piece, or refuses.
    fn send(
        &self,
        number: u64,
        frames: Vec<Vec<u8>>,
        reply: oneshot::Sender<Reply>,
    ) -> Result<(), EngineError> {
        let mut wire = self.wire();
        let sender = wire.open.as_ref().map_err(|why| away(why))?.clone();
        wire.waiting.insert(number, Waiting { work: Vec::new(), reply });
        for bytes in frames {
            sender.send(bytes).map_err(|_| away("the pipe to the hub broke"))?;
        }
        Ok(())
    }

    /// Gives jobs back that nobody waits for any more. Without a pipe they are free when their leases are over.
    fn release(&self, wire: &Wire, work: Vec<Work>) {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let said = work.into_iter().map(|work| {
            let (lease, end) = (work.lease, crate::AttemptEnd::Released);
            Up::Said(number, crate::Said { lease, end, progress: None })
        });
        let ask = Up::Ask(number, Ask::Exchange { worker: "".into(), claim: None });
        for message in said.chain([ask]) {
            wire.tell(&message);
        }
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> mpsc::UnboundedReceiver<Vec<u8>> {
        let (sender, frames) = mpsc::unbounded_channel();
        if self.listens.load(Ordering::Acquire)
            && let Ok(bytes) = frame::encode(&Up::Listen)
        {
            let _ = sender.send(bytes);
        }
        self.wire().open = Ok(sender);
        frames
    }

    /// Whoever waits for an answer hears that there is none, and whoever listens that something may be missing.
    fn broken(&self, why: String) {
        let mut wire = self.wire();
        wire.open = Err(why);
        wire.waiting.clear();
        wire.changes = broadcast::channel(NEWS_KEPT).0;
    }

    fn heard(&self, message: Down) {
        match message {
            Down::Work(number, work) => {
                let mut wire = self.wire();
                match wire.waiting.get_mut(&number) {
                    Some(waiting) => waiting.work.push(work),
                    None => self.release(&wire, vec![work]),
                }
            }
            Down::Answer(number, answer) => {
                let mut wire = self.wire();
                let Some(Waiting { work, reply }) = wire.waiting.remove(&number) else { return };
                if let Err((_, work)) = reply.send((answer, work))
                    && !work.is_empty()
                {
                    self.release(&wire, work);
                }
            }
            Down::Stop(lease) => drop(self.stops.send(lease)),
            Down::Change(change) => drop(self.wire().changes.send(change)),
        }
    }
}

/// Nobody waits for an answer any more.
struct Forget<'a> {
    inner: &'a Inner,
    number: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let mut wire = self.inner.wire();
        if let Some(Waiting { work, .. }) = wire.waiting.remove(&self.number) {
            wire.tell(&Up::Forget(self.number));
            if !work.is_empty() {
                self.inner.release(&wire, work);
            }
        }
    }
}

async fn keep_open(inner: Arc<Inner>, connect: impl Connect) {
    let end = inner.end.clone();
    let work = async {
        loop {
            let why = match connect.connect().await {
                Ok(pipe) => pass_on(&inner, pipe).await.err().map(|error| error.to_string()),
                Err(why) => Some(why),
            };
            inner.broken(why.unwrap_or_else(|| "the hub ended the pipe".to_owned()));
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = end.cancelled() => inner.broken("this worker ends".to_owned()),
    }
}

/// Until the pipe breaks.
async fn pass_on(inner: &Inner, pipe: Box<dyn Link>) -> io::Result<()> {
    let (from_hub, to_hub) = split(pipe);
    let mut frames = inner.opened();
    let (mut from_hub, mut to_hub) = (BufReader::new(from_hub), BufWriter::new(to_hub));
    let up = async {
        while let Some(bytes) = frames.recv().await {
            frame::write(&mut to_hub, &bytes).await?;
            while let Ok(bytes) = frames.try_recv() {
                frame::write(&mut to_hub, &bytes).await?;
            }
            to_hub.flush().await?;
        }
        Ok(())
    };
    let down = async {
        while let Some(message) = frame::read(&mut from_hub).await? {
            inner.heard(message);
        }
        Ok(())
    };
    tokio::select! {
        ended = up => ended,
        ended = down => ended,
    }
}

fn encoded(message: &Up) -> Result<Vec<u8>, EngineError> {
    let too_large =
        |size| EngineError::TooLarge { what: "a message to the hub", size, size_max: FRAME_BYTES_MAX };
    frame::encode(message).map_err(too_large)
}

fn read<T: DeserializeOwned>(answer: &RawValue) -> Result<T, EngineError> {
    serde_json::from_str(answer.get())
        .map_err(|error| away(&format!("the hub's answer makes no sense: {error}")))
}

fn away(reason: &str) -> EngineError {
    EngineError::Away { doing: DOING, reason: reason.to_owned() }
}

/// JSON has no numbers that are none.
fn finite(progress: Progress) -> Progress {
    let Progress { progress, total, message } = progress.fitted();
    let progress = if progress.is_finite() { progress } else { 0.0 };
    Progress { progress, total: total.filter(|total| total.is_finite()), message }
}

impl Engine for Remote {
    fn submit(&self, job: NewJob) -> Answered<'_, Submitted> {
        Box::pin(self.ask(Ask::Submit(job)))
    }

    fn submit_many(&self, jobs: Vec<NewJob>) -> Answered<'_, Vec<Submitted>> {
        Box::pin(self.ask(Ask::SubmitMany(jobs)))
    }

    fn submit_family(&self, parent: NewJob, children: Vec<NewJob>) -> Answered<'_, Family> {
        Box::pin(self.ask(Ask::SubmitFamily(parent, children)))
    }

    fn exchange(&self, message: Exchange) -> Answered<'_, Exchanged> {
        Box::pin(async move {
            let Exchange { worker, said, claim, .. } = message;
            let fitted = |said: crate::Said| crate::Said {
                end: said.end.fitted(),
                progress: said.progress.map(finite),
                ..said
            };
            let said = said.into_iter().map(fitted).collect();
            let (answer, work) = self.send(said, Ask::Exchange { worker, claim }).await?;
            let heard: Vec<Result<State, Refused>> = read(&answer)?;
            let said = heard.into_iter().map(|heard| heard.map_err(EngineError::from)).collect();
            Ok(Exchanged { said, work })
        })
    }

    fn withdraw(&self, worker: Arc<str>) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Withdraw(worker)))
    }

    fn heartbeat(&self, beats: Heartbeat) -> Answered<'_, Vec<Beat>> {
        Box::pin(self.ask(Ask::Heartbeat(beats)))
    }

    fn progress(&self, lease: Lease, progress: Progress) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Progress(lease, finite(progress))))
    }

    fn log(&self, lease: Lease, lines: Vec<Line>) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Log(lease, lines)))
    }

    fn checkpoint(&self, lease: Lease, value: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Checkpoint(lease, value)))
    }

    fn cancel(&self, id: JobId) -> Answered<'_, State> {
        Box::pin(self.ask(Ask::Cancel(id)))
    }

    fn answer(&self, id: JobId, answer: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Answer(id, answer)))
    }

    fn ask_rest(&self, id: JobId, rest: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Rest(id, rest)))
    }

    fn retry(&self, id: JobId) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Retry(id)))
    }

    fn retry_all(&self, filter: Filter) -> Answered<'_, u64> {
        Box::pin(self.ask(Ask::RetryAll(filter)))
    }

    fn edit(&self, id: JobId, arguments: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Edit(id, arguments)))
    }

    fn discard(&self, id: JobId) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Discard(id)))
    }

    fn discard_all(&self, filter: Filter) -> Answered<'_, u64> {
        Box::pin(self.ask(Ask::DiscardAll(filter)))
    }

    fn pause(&self, queue: Arc<str>) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Pause(queue)))
    }

    fn resume(&self, queue: Arc<str>) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Resume(queue)))
    }

    fn limit(&self, scope: Scope, limit: Limit) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::Limit(scope, limit)))
    }

    fn limits(&self) -> Answered<'_, Vec<LimitRow>> {
        Box::pin(self.ask(Ask::Limits))
    }

    fn get(&self, id: JobId) -> Answered<'_, Job> {
        Box::pin(self.ask(Ask::Get(id)))
    }

    fn arguments(&self, id: JobId) -> Answered<'_, (Box<RawValue>, Option<Box<RawValue>>)> {
        Box::pin(self.ask(Ask::Arguments(id)))
    }

    fn outcome(&self, id: JobId) -> Answered<'_, Outcome> {
        Box::pin(self.ask(Ask::Outcome(id)))
    }

    fn lines(&self, id: JobId, after: u64, limit: usize) -> Answered<'_, Vec<Line>> {
        Box::pin(self.ask(Ask::Lines(id, after, limit)))
    }

    fn list(&self, filter: Filter, after: Option<JobId>, limit: usize) -> Answered<'_, Page> {
        Box::pin(self.ask(Ask::List(filter, after, limit)))
    }

    fn counts(&self) -> Answered<'_, Vec<QueueCounts>> {
        Box::pin(self.ask(Ask::Counts))
    }

    fn history(&self, after: u64, job: Option<JobId>, limit: usize) -> Answered<'_, Vec<Happened>> {
        Box::pin(self.ask(Ask::History(after, job, limit)))
    }

    fn keep_since(&self, reader: Arc<str>, seq: u64) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::KeepSince(reader, seq)))
    }

    fn kept_since(&self, reader: Arc<str>) -> Answered<'_, u64> {
        Box::pin(self.ask(Ask::KeptSince(reader)))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        let wire = self.0.wire();
        let changes = wire.changes.subscribe();
        // What is asked after this is answered after the hub began to tell.
        if !self.0.listens.swap(true, Ordering::AcqRel) {
            wire.tell(&Up::Listen);
        }
        changes
    }

    fn stops(&self) -> broadcast::Receiver<Lease> {
        self.0.stops.subscribe()
    }

    fn check_health(&self) -> Answered<'_, ()> {
        Box::pin(self.ask(Ask::CheckHealth))
    }

    fn close(&self) -> Answered<'_, ()> {
        self.0.end.cancel();
        Box::pin(std::future::ready(Ok(())))
    }
}
