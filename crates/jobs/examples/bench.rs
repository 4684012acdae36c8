//! How fast the embedded engine is: adding, processing, and the time from one to the other.
//!
//! `cargo run --release -p drawbridge-jobs --example bench -- [full|normal] [jobs] [waiting]`. With `waiting`, so many
//! jobs of another queue wait meanwhile.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people at a terminal")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use drawbridge_contract::{BoxFuture, RawValue};
use drawbridge_jobs::worker::{RunContext, Runner, Worker, WorkerSettings};
use drawbridge_jobs::{AttemptEnd, Durability, Embedded, Engine, NewJob, Settings, Start, State, Work};
use tokio::sync::Notify;

/// How many jobs of one submission in bulk.
const BULK: usize = 1_000;

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn job() -> NewJob {
    NewJob::new("bench", "owner", json(r#"{"path":"notes/today.md","lines":20}"#))
}

/// Does nothing, and counts.
#[derive(Default)]
struct Nothing {
    done: AtomicUsize,
    until: AtomicUsize,
    all_done: Notify,
}

impl Runner for Nothing {
    fn run(&self, _: Work, _: RunContext) -> BoxFuture<'_, AttemptEnd> {
        Box::pin(async {
            if self.done.fetch_add(1, Ordering::Relaxed) + 1 == self.until.load(Ordering::Relaxed) {
                self.all_done.notify_one();
            }
            AttemptEnd::Completed(json(r#"{"ok":true}"#))
        })
    }
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn rate(what: &str, count: usize, time: Duration) {
    println!("{what:<34} {:>10.0} /s", count as f64 / time.as_secs_f64());
}

async fn add_in_bulk(engine: &Embedded, count: usize, queue: &str) {
    for _ in 0..count / BULK {
        let one = NewJob { queue: queue.into(), ..job() };
        engine.submit_many(vec![one; BULK]).await.unwrap();
    }
}

async fn add_in_flight(engine: &Embedded, count: usize, in_flight: usize) {
    let adding: Vec<_> = (0..in_flight)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for _ in 0..count / in_flight {
                    engine.submit(job()).await.unwrap();
                }
            })
        })
        .collect();
    for one in adding {
        one.await.unwrap();
    }
}

async fn process(engine: &Embedded, concurrency: usize, count: usize) {
    add_in_bulk(engine, count, "default").await;
    let runner = Arc::<Nothing>::default();
    runner.until.store(count, Ordering::Relaxed);
    let started = Instant::now();
    let settings =
        WorkerSettings { queues: vec!["default".into()], ..WorkerSettings::new("bench", concurrency) };
    let worker = Worker::start(Arc::new(engine.clone()), Arc::clone(&runner) as _, settings);
    runner.all_done.notified().await;
    worker.drain(Duration::from_secs(10)).await;
    rate(&format!("process, concurrency {concurrency}"), count, started.elapsed());
}

/// One job at a time, on an engine that has nothing else to do: from its submission to its end.
async fn latency(engine: &Embedded) {
    let runner = Arc::<Nothing>::default();
    let settings = WorkerSettings { queues: vec!["default".into()], ..WorkerSettings::new("bench", 10) };
    let worker = Worker::start(Arc::new(engine.clone()), runner as _, settings);
    let mut times = Vec::new();
    for _ in 0..500 {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let started = Instant::now();
        let id = engine.submit(job()).await.unwrap().id;
        let ended = drawbridge_jobs::wait(engine, &id, Duration::from_secs(10)).await.unwrap();
        assert_eq!(ended.state, State::Completed);
        times.push(started.elapsed());
    }
    worker.drain(Duration::from_secs(10)).await;
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{:<36} {:>10.2} ms p50 {:>8.2} ms p99",
        "idle, add to completed",
        ms(times[250]),
        ms(times[494])
    );
}

/// What the disk can do at all: small writes, each of them waited for.
fn disk(folder: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(folder.join("disk")).unwrap();
    let (started, count) = (Instant::now(), 200);
    for _ in 0..count {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    rate("(disk: 4 KiB written and waited for)", count, started.elapsed());
}

/// The processor's time that nothing takes: a worker waits, and a job is scheduled for later.
async fn idle(engine: &Embedded) {
    let runner = Arc::<Nothing>::default();
    let worker = Worker::start(Arc::new(engine.clone()), runner as _, WorkerSettings::new("idle", 10));
    engine.submit(NewJob { start: Start::After(3_600_000), ..job() }).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = processor_ms();
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("{:<36} {:>10} ms of the processor", "idle for 5 s", processor_ms() - before);
    worker.drain(Duration::from_secs(10)).await;
}

fn processor_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let of_task = |text: &str| text.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok());
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let times =
        tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    let sum: u64 = times.filter_map(|text| of_task(&text)).sum();
    sum.max(of_task(&stat).unwrap_or(0)) / 1_000_000
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let durability = match arguments.next().as_deref() {
        Some("normal") => Durability::Normal,
        _ => Durability::Full,
    };
    let mut number = |usual| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (count, waiting): (usize, usize) = (number(50_000), number(0));
    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let engine = Embedded::open(folder.path(), Settings { durability, ..Settings::default() }).unwrap();
    println!("durability {durability:?}, {count} jobs, {waiting} others waiting");

    disk(folder.path());
    add_in_bulk(&engine, waiting, "elsewhere").await;
    let started = Instant::now();
    add_in_bulk(&engine, count, "bulk").await;
    rate(&format!("add in bulk of {BULK}"), count, started.elapsed());
    for in_flight in [1, 50] {
        let count = if in_flight == 1 { count / 20 } else { count };
        let started = Instant::now();
        add_in_flight(&engine, count, in_flight).await;
        rate(&format!("add, {in_flight} in flight"), count, started.elapsed());
    }
    let runner = Arc::<Nothing>::default();
    runner.until.store(count + count / 20, Ordering::Relaxed);
    let settings = WorkerSettings { queues: vec!["default".into()], ..WorkerSettings::new("rest", 50) };
    let worker = Worker::start(Arc::new(engine.clone()), Arc::clone(&runner) as _, settings);
    runner.all_done.notified().await;
    worker.drain(Duration::from_secs(10)).await;

    for (concurrency, share) in [(1, 10), (10, 2), (50, 1)] {
        process(&engine, concurrency, count / share / BULK * BULK).await;
    }
    latency(&engine).await;
    idle(&engine).await;
    println!("{:<36} {:>10.1} MB", "resident", resident_mb());
    let open = Instant::now();
    engine.close().await.unwrap();
    drop(engine);
    let closed = open.elapsed();
    let open = Instant::now();
    let again = Embedded::open(folder.path(), Settings { durability, ..Settings::default() }).unwrap();
    println!(
        "{:<36} {:>10.2} ms, closing {:.2} ms",
        "opening",
        open.elapsed().as_secs_f64() * 1e3,
        closed.as_secs_f64() * 1e3
    );
    drop(again);
}
