//! The end that has the engine.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use drawbridge_contract::broadcast::error::RecvError;
use drawbridge_contract::{CancellationToken, RawValue, broadcast, raw};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, BufWriter, split};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};

use super::frame;
use super::message::{Ask, Down, Refused, Up};
use super::{FRAME_BYTES_MAX, QUESTIONS_MAX};
use crate::bounds::CLAIM_MAX;
use crate::{AttemptEnd, Change, Claim, Engine, EngineError, Exchange, Exchanged, Lease, Said};

/// How many answers may wait for a slow worker.
const ANSWERS_MAX: usize = 256;

/// Serves the worker at the other end of a pipe, until that ends or the token is cancelled. Whoever is there may do everything
/// that the engine can: that it may is for the caller to know. What it claimed is its own until its leases are over,
/// so that it may come back.
///
/// # Errors
/// When the pipe breaks, or what comes out of it makes no sense.
pub async fn serve(
    engine: Arc<dyn Engine>,
    pipe: impl AsyncRead + AsyncWrite + Send + 'static,
    end: CancellationToken,
) -> io::Result<()> {
    let (from_worker, to_worker) = split(pipe);
    let (answers, waiting) = mpsc::channel(ANSWERS_MAX);
    let serving = Serving {
        stops: engine.stops(),
        changes: None,
        said: HashMap::new(),
        room: Arc::new(Semaphore::new(QUESTIONS_MAX)),
        questions: JoinSet::new(),
        open: HashMap::new(),
        engine,
        answers,
    };
    tokio::select! {
        read = serving.read(BufReader::new(from_worker)) => read,
        written = write(BufWriter::new(to_worker), waiting) => written,
        () = end.cancelled() => Ok(()),
    }
}

struct Serving {
    engine: Arc<dyn Engine>,
    answers: mpsc::Sender<Vec<u8>>,
    stops: broadcast::Receiver<Lease>,
    /// Once the worker wants to hear them.
    changes: Option<broadcast::Receiver<Change>>,
    /// What was said for exchanges that are still to come.
    said: HashMap<u64, Vec<Said>>,
    room: Arc<Semaphore>,
    /// Each gives its number. Ended with the pipe: nobody would hear their answers.
    questions: JoinSet<u64>,
    open: HashMap<u64, AbortHandle>,
}

impl Serving {
    async fn read(mut self, mut pipe: impl AsyncRead + Send + Unpin + 'static) -> io::Result<()> {
        let (sender, mut heard) = mpsc::channel(1);
        // In a task of its own: reading a message cannot be left off in the middle.
        let reading = async move {
            while let Some(message) = frame::read::<Up>(&mut pipe).await.transpose() {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        };
        let mut reader = JoinSet::new();
        reader.spawn(reading);
        loop {
            tokio::select! {
                message = heard.recv() => match message {
                    Some(message) => self.hear(message?).await?,
                    None => return Ok(()),
                },
                Ok(lease) = self.stops.recv() => self.tell(&Down::Stop(lease)).await,
                change = next(&mut self.changes) => match change {
                    Ok(change) => self.tell(&Down::Change(change)).await,
                    // It would wait for something that passed; without the pipe it looks again.
                    Err(RecvError::Lagged(_)) => return Err(io::Error::other("the worker reads too slowly")),
                    Err(RecvError::Closed) => self.changes = None,
                },
                Some(answered) = self.questions.join_next() => {
                    answered.ok().and_then(|number| self.open.remove(&number));
                }
            }
        }
    }

    async fn hear(&mut self, message: Up) -> io::Result<()> {
        match message {
            Up::Forget(number) => drop(self.open.remove(&number).inspect(AbortHandle::abort)),
            Up::Listen => self.changes = Some(self.engine.changes()),
            Up::Said(number, said) => {
                let count: usize = self.said.values().map(Vec::len).sum();
                if count >= CLAIM_MAX {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "too much is said at once"));
                }
                self.said.entry(number).or_default().push(said);
            }
            Up::Ask(number, ask) => {
                let said = self.said.remove(&number).unwrap_or_default();
                let Ok(room) = self.room.clone().acquire_owned().await else { return Ok(()) };
                let (engine, answers) = (self.engine.clone(), self.answers.clone());
                let question = self.questions.spawn(async move {
                    answer(&*engine, &answers, number, ask, said).await;
                    drop(room);
                    number
                });
                self.open.insert(number, question);
            }
        }
        Ok(())
    }

    async fn tell(&self, message: &Down) {
        if let Ok(bytes) = frame::encode(message) {
            let _ = self.answers.send(bytes).await; // the pipe ended: so does the reading
        }
    }
}

/// What happens next; forever, for who does not want to hear it.
async fn next(changes: &mut Option<broadcast::Receiver<Change>>) -> Result<Change, RecvError> {
    match changes {
        Some(changes) => changes.recv().await,
        None => std::future::pending().await,
    }
}

/// Writes what is to be told, as much as there is before each flush.
async fn write(mut pipe: impl AsyncWrite + Unpin, mut waiting: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(bytes) = waiting.recv().await {
        frame::write(&mut pipe, &bytes).await?;
        while let Ok(bytes) = waiting.try_recv() {
            frame::write(&mut pipe, &bytes).await?;
        }
        pipe.flush().await?;
    }
    Ok(())
}

async fn answer(
    engine: &dyn Engine,
    answers: &mpsc::Sender<Vec<u8>>,
    number: u64,
    ask: Ask,
    said: Vec<Said>,
) {
    let answer = match ask {
        Ask::Exchange { worker, claim } => exchange(engine, answers, number, worker, claim, said).await,
        ask => of_engine(engine, ask).await,
    };
    let answer = answer.map_err(|error| Refused::from(&error));
    let bytes = frame::encode(&Down::Answer(number, answer)).or_else(|bytes| {
        let why = format!("the answer has {bytes} bytes, at most {FRAME_BYTES_MAX} are sent; ask for less");
        frame::encode(&Down::Answer(number, Err(Refused::Told(crate::Told::Invalid, why))))
    });
    if let Ok(bytes) = bytes {
        let _ = answers.send(bytes).await;
    }
}

/// Hands out jobs one by one, then says what was heard.
async fn exchange(
    engine: &dyn Engine,
    answers: &mpsc::Sender<Vec<u8>>,
    number: u64,
    worker: Arc<str>,
    claim: Option<Claim>,
    said: Vec<Said>,
) -> Result<Box<RawValue>, EngineError> {
    let message = Exchange { worker: worker.clone(), in_process: false, said, claim };
    let Exchanged { said, work } = engine.exchange(message).await?;
    for work in work {
        let lease = work.lease.clone();
        let sent = match frame::encode(&Down::Work(number, work)) {
            Ok(bytes) => answers.send(bytes).await.is_ok(),
            Err(_) => false,
        };
        if !sent {
            let released = Exchange::say(&worker, lease, AttemptEnd::Released);
            let _ = engine.exchange(released).await; // else it is free when its lease is over
        }
    }
    let heard: Vec<Result<_, Refused>> =
        said.iter().map(|heard| heard.as_ref().copied().map_err(Refused::from)).collect();
    Ok(raw(&heard))
}

async fn of_engine(engine: &dyn Engine, ask: Ask) -> Result<Box<RawValue>, EngineError> {
    match ask {
        Ask::Submit(job) => put(engine.submit(job).await),
        Ask::SubmitMany(jobs) => put(engine.submit_many(jobs).await),
        Ask::SubmitFamily(parent, children) => put(engine.submit_family(parent, children).await),
        Ask::Exchange { .. } => Err(EngineError::Closed), // has its own way
        Ask::Withdraw(worker) => put(engine.withdraw(worker).await),
        Ask::Heartbeat(beats) => put(engine.heartbeat(beats).await),
        Ask::Progress(lease, progress) => put(engine.progress(lease, progress).await),
        Ask::Log(lease, lines) => put(engine.log(lease, lines).await),
        Ask::Checkpoint(lease, value) => put(engine.checkpoint(lease, value).await),
        Ask::Cancel(id) => put(engine.cancel(id).await),
        Ask::Answer(id, answer) => put(engine.answer(id, answer).await),
        Ask::Rest(id, rest) => put(engine.ask_rest(id, rest).await),
        Ask::Retry(id) => put(engine.retry(id).await),
        Ask::RetryAll(filter) => put(engine.retry_all(filter).await),
        Ask::Edit(id, arguments) => put(engine.edit(id, arguments).await),
        Ask::Discard(id) => put(engine.discard(id).await),
        Ask::DiscardAll(filter) => put(engine.discard_all(filter).await),
        Ask::Pause(queue) => put(engine.pause(queue).await),
        Ask::Resume(queue) => put(engine.resume(queue).await),
        Ask::Limit(scope, limit) => put(engine.limit(scope, limit).await),
        Ask::Limits => put(engine.limits().await),
        Ask::Get(id) => put(engine.get(id).await),
        Ask::Arguments(id) => put(engine.arguments(id).await),
        Ask::Outcome(id) => put(engine.outcome(id).await),
        Ask::Lines(id, after, limit) => put(engine.lines(id, after, limit).await),
        Ask::List(filter, after, limit) => put(engine.list(filter, after, limit).await),
        Ask::Counts => put(engine.counts().await),
        Ask::History(after, job, limit) => put(engine.history(after, job, limit).await),
        Ask::KeepSince(reader, seq) => put(engine.keep_since(reader, seq).await),
        Ask::KeptSince(reader) => put(engine.kept_since(reader).await),
        Ask::CheckHealth => put(engine.check_health().await),
    }
}

fn put<T: Serialize>(answered: Result<T, EngineError>) -> Result<Box<RawValue>, EngineError> {
    answered.map(|answer| raw(&answer))
}
