//! How fast our engines of jobs are. Prints one line of JSON, as `bullmq/measure.mjs` does.
//!
//! `bench-jobs embedded-full|embedded-normal FOLDER JOBS WAITING`, or `bench-jobs bullmq ADDRESS JOBS WAITING`.

#![expect(clippy::print_stdout, reason = "what it measured is what it is for")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use drawbridge_bench::section::Figures;
use drawbridge_contract::{BoxFuture, RawValue};
use drawbridge_jobs::worker::{RunContext, Runner, Worker, WorkerSettings};
use drawbridge_jobs::{AttemptEnd, Durability, Embedded, Engine, NewJob, Settings, State, Work};
use tokio::sync::Notify;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many jobs of one submission in bulk.
const BULK: usize = 1_000;
/// How many times a job is sent through the idle engine.
const IDLE_ROUNDS: usize = 200;

type Shared = Arc<dyn Engine>;

/// Does nothing, and counts.
struct Nothing {
    left: AtomicUsize,
    all_done: Notify,
}

impl Nothing {
    fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(count), all_done: Notify::new() })
    }
}

impl Runner for Nothing {
    fn run(&self, _: Work, _: RunContext) -> BoxFuture<'_, AttemptEnd> {
        Box::pin(async {
            if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.all_done.notify_one();
            }
            AttemptEnd::Completed(RawValue::TRUE.to_owned())
        })
    }
}

fn worker(engine: &Shared, runner: &Arc<Nothing>, queue: &str, concurrency: usize) -> Worker {
    let settings = WorkerSettings { queues: vec![queue.into()], ..WorkerSettings::new(queue, concurrency) };
    Worker::start(Arc::clone(engine), Arc::clone(runner) as _, settings)
}

fn job(queue: &str) -> anyhow::Result<NewJob> {
    let arguments = RawValue::from_string(r#"{"path":"notes/today.md","lines":20}"#.to_owned())?;
    Ok(NewJob { queue: queue.into(), ..NewJob::new("bench", "owner", arguments) })
}

async fn add_bulk(engine: &Shared, queue: &str, count: usize) -> anyhow::Result<()> {
    for _ in 0..count.div_ceil(BULK) {
        engine.submit_many(vec![job(queue)?; BULK]).await?;
    }
    Ok(())
}

async fn add_in_flight(engine: &Shared, queue: &str, count: usize, in_flight: usize) -> anyhow::Result<()> {
    let one = job(queue)?;
    let adding = (0..in_flight).map(|_| {
        let (engine, one) = (Arc::clone(engine), one.clone());
        tokio::spawn(async move {
            for _ in 0..count / in_flight {
                engine.submit(one.clone()).await?;
            }
            anyhow::Ok(())
        })
    });
    for one in adding.collect::<Vec<_>>() {
        one.await??;
    }
    Ok(())
}

/// From the start of a worker until every end is acknowledged.
async fn process(engine: &Shared, queue: &str, count: usize, concurrency: usize) -> anyhow::Result<f64> {
    let count = count.div_ceil(BULK) * BULK;
    add_bulk(engine, queue, count).await?;
    let runner = Nothing::new(count);
    let begun = Instant::now();
    let worker = worker(engine, &runner, queue, concurrency);
    runner.all_done.notified().await;
    worker.drain(Duration::from_secs(10)).await;
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// One job at a time, on an engine that has nothing else to do: from its submission until the engine tells its end.
async fn latency(engine: &Shared, queue: &str) -> anyhow::Result<(f64, f64)> {
    let worker = worker(engine, &Nothing::new(usize::MAX), queue, 10);
    let mut times = Vec::new();
    for _ in 0..IDLE_ROUNDS {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let begun = Instant::now();
        let id = engine.submit(job(queue)?).await?.id;
        let ended = drawbridge_jobs::wait(&**engine, &id, Duration::from_secs(10)).await?;
        anyhow::ensure!(ended.state == State::Completed, "a job did not complete: {ended:?}");
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    worker.drain(Duration::from_secs(10)).await;
    times.sort_by(f64::total_cmp);
    Ok((times[IDLE_ROUNDS / 2], times[IDLE_ROUNDS * 99 / 100]))
}

fn memory_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

async fn measure(engine: Shared, count: usize, waiting: usize) -> anyhow::Result<Figures> {
    add_bulk(&engine, "elsewhere", waiting).await?;
    add_bulk(&engine, "warm", BULK).await?;
    let begun = Instant::now();
    add_bulk(&engine, "bulk", count).await?;
    let add_bulk = count as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    add_in_flight(&engine, "flight", count, 50).await?;
    let add_50 = count as f64 / begun.elapsed().as_secs_f64();
    let process_1 = process(&engine, "one", count / 10, 1).await?;
    let process_10 = process(&engine, "ten", count, 10).await?;
    let process_50 = process(&engine, "fifty", count, 50).await?;
    let (p50_ms, p99_ms) = latency(&engine, "idle").await?;
    let figures = Figures {
        add_bulk,
        add_50,
        process_1,
        process_10,
        process_50,
        p50_ms,
        p99_ms,
        memory_mb: memory_mb(),
    };
    engine.close().await?;
    Ok(figures)
}

fn open(kind: &str, place: &str) -> anyhow::Result<Shared> {
    let embedded =
        |durability| Embedded::open(Path::new(place), Settings { durability, ..Settings::default() });
    Ok(match kind {
        "embedded-full" => Arc::new(embedded(Durability::Full)?),
        "embedded-normal" => Arc::new(embedded(Durability::Normal)?),
        "bullmq" => {
            let sealing = drawbridge_jobs_bullmq::Sealing::new(&[7; 32]);
            drawbridge_jobs_bullmq::open(drawbridge_jobs_bullmq::Settings::new(place, sealing))?
        }
        other => bail!("{other} is no engine"),
    })
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, place, count, waiting] = &arguments[..] else {
        bail!("bench-jobs ENGINE PLACE JOBS WAITING");
    };
    let (count, waiting) = (count.parse().context("JOBS")?, waiting.parse().context("WAITING")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(async { measure(open(kind, place)?, count, waiting).await })?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
