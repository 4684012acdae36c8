//! The engine of another process, over a pipe: the same story, and what happens when the pipe breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use drawbridge_contract::{BoxFuture, CancellationToken};
use drawbridge_jobs::remote::{Connect, Link, Remote, serve};
use drawbridge_jobs::worker::{RunContext, Runner, Worker, WorkerSettings};
use drawbridge_jobs::{AttemptEnd, Embedded, Engine, EngineError, Filter, NewJob, Page, State, Work};
use tokio::io::{AsyncWriteExt as _, duplex};

use crate::support::{embedded, job, json, quick, sleep_ms};

#[path = "story.rs"]
#[expect(clippy::duplicate_mod, reason = "every engine passes the same story")]
mod story;

/// How long what must come is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much a pipe holds, in bytes: less than most messages have, so that they arrive in parts.
const PIPE_BYTES: usize = 100;

/// A hub in this process, whose pipes can be broken.
struct Hub {
    engine: Embedded,
    is_away: AtomicBool,
    pipes: AtomicU64,
    end: std::sync::Mutex<CancellationToken>,
}

impl Hub {
    fn of(engine: Embedded) -> Arc<Self> {
        Arc::new(Self { engine, is_away: false.into(), pipes: 0.into(), end: Default::default() })
    }

    /// Ends all pipes, wherever they are.
    fn break_pipes(&self) {
        std::mem::take(&mut *self.end.lock().unwrap()).cancel();
    }
}

struct ToHub(Arc<Hub>);

impl Connect for ToHub {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Link>, String>> {
        Box::pin(async {
            if self.0.is_away.load(Ordering::SeqCst) {
                return Err("no hub runs".to_owned());
            }
            let (ours, theirs) = duplex(PIPE_BYTES);
            self.0.pipes.fetch_add(1, Ordering::SeqCst);
            let end = self.0.end.lock().unwrap().clone();
            let engine = Arc::new(self.0.engine.clone());
            tokio::spawn(async move { serve(engine, theirs, end).await });
            Ok(Box::new(ours) as Box<dyn Link>)
        })
    }
}

async fn connected(remote: &Remote) {
    while remote.check_health().await.is_err() {
        sleep_ms(5).await;
    }
}

/// For the story.
async fn engine() -> (tempfile::TempDir, Remote) {
    let (folder, engine) = embedded();
    let remote = Remote::start(ToHub(Hub::of(engine)));
    connected(&remote).await;
    (folder, remote)
}

/// Works for a moment.
struct Brief;

impl Runner for Brief {
    fn run(&self, work: Work, context: RunContext) -> BoxFuture<'_, AttemptEnd> {
        Box::pin(async move {
            context.progress(f64::NAN, Some(1.0), Some("half"));
            sleep_ms(work.lease.id.as_str().bytes().map(u64::from).sum::<u64>() % 20).await;
            AttemptEnd::Completed(json(&format!("\"{}\"", work.lease.id)))
        })
    }
}

async fn ended(engine: &Embedded, count: usize) -> Page {
    loop {
        let page = engine.list(Filter::in_states(&[State::Completed]), None, 1_000).await.unwrap();
        if page.jobs.len() == count {
            return page;
        }
        sleep_ms(10).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipes_that_break_lose_nothing() {
    let (_folder, engine) = embedded();
    let hub = Hub::of(engine.clone());
    let remote = Remote::start(ToHub(hub.clone()));
    // What was handed out as a pipe broke is free when its lease is over.
    let settings = WorkerSettings { lease_ms: 600, in_process: false, ..WorkerSettings::new("remote", 8) };
    let worker = Worker::start(Arc::new(remote), Arc::new(Brief), settings);
    let new = NewJob { policy: Some(quick(100)), ..job("brief") };
    engine.submit_many(vec![new; 400]).await.unwrap();
    for round in 1..=5 {
        while hub.pipes.load(Ordering::SeqCst) < round {
            sleep_ms(5).await;
        }
        sleep_ms(20 + round * 17).await;
        hub.break_pipes();
    }
    let page = tokio::time::timeout(PATIENCE, ended(&engine, 400)).await.unwrap();
    for job in page.jobs {
        let result = engine.outcome(job.id.clone()).await.unwrap().result.unwrap();
        assert_eq!(result.get(), format!("\"{}\"", job.id));
    }
    worker.drain(PATIENCE).await;
}

#[tokio::test]
async fn without_a_hub_everything_is_out_of_reach_until_one_is_there() {
    let (_folder, engine) = embedded();
    let hub = Hub::of(engine);
    hub.is_away.store(true, Ordering::SeqCst);
    let remote = Remote::start(ToHub(hub.clone()));
    sleep_ms(20).await;
    let error = remote.submit(job("t")).await.unwrap_err();
    assert!(matches!(&error, EngineError::Away { reason, .. } if reason == "no hub runs"), "{error}");
    assert!(error.is_passing());
    hub.is_away.store(false, Ordering::SeqCst);
    tokio::time::timeout(PATIENCE, connected(&remote)).await.unwrap();
    remote.submit(job("t")).await.unwrap();
    remote.close().await.unwrap();
    sleep_ms(20).await;
    assert!(remote.submit(job("t")).await.is_err(), "closed for good");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_waited_for_beyond_the_pipe() {
    let (_folder, engine) = embedded();
    let hub = Hub::of(engine);
    let remote = Remote::start(ToHub(hub.clone()));
    connected(&remote).await;
    let claim = drawbridge_jobs::Claim { wait_ms: 60_000, ..drawbridge_jobs::Claim::now(1, 30_000) };
    let asking = remote.clone();
    let waits =
        tokio::spawn(async move { asking.exchange(drawbridge_jobs::Exchange::claim("w", claim)).await });
    sleep_ms(50).await;
    hub.break_pipes();
    let answer = tokio::time::timeout(PATIENCE, waits).await.unwrap().unwrap();
    assert!(matches!(answer, Err(EngineError::Away { .. })));
}

#[tokio::test]
async fn nonsense_in_the_pipe_ends_it_and_nothing_else() {
    let (_folder, engine) = embedded();
    for bad in [&[255, 255, 255, 255][..], &[0, 0, 0, 2, b'{', b'}'], b"GET / HTTP/1.1\r\n\r\n"] {
        let (mut ours, theirs) = duplex(PIPE_BYTES);
        let serving = tokio::spawn(serve(Arc::new(engine.clone()), theirs, CancellationToken::new()));
        ours.write_all(bad).await.unwrap();
        let ended = tokio::time::timeout(PATIENCE, serving).await.unwrap().unwrap();
        assert!(ended.is_err(), "{bad:?}");
    }
    engine.check_health().await.unwrap();
}
