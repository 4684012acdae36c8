//! Workers in processes of their own, killed at any moment, again and again: this binary again, with one ignored test that
//! works for the hub in this process until it is killed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use drawbridge_contract::{BoxFuture, CancellationToken};
use drawbridge_jobs::remote::{Connect, Link, Remote, serve};
use drawbridge_jobs::worker::{RunContext, Runner, Worker, WorkerSettings};
use drawbridge_jobs::{AttemptEnd, Embedded, Engine, Filter, Happening, JobId, NewJob, Page, State, Work};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{embedded, job, json, quick, sleep_ms};

const HUB: &str = "DRAWBRIDGE_TEST_HUB";
/// How often; more with `DRAWBRIDGE_TEST_KILLS`.
const KILLS: usize = 40;
/// How many jobs; more with `DRAWBRIDGE_TEST_JOBS`.
const JOBS: usize = 300;
const WORKERS: usize = 3;
/// Some jobs take longer, so that only signs of life keep them.
const LEASE_MS: u32 = 500;
const LONG_MS: u64 = 900;
const PATIENCE: Duration = Duration::from_secs(120);

struct ByTcp(SocketAddr);

impl Connect for ByTcp {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Link>, String>> {
        Box::pin(async {
            let stream = TcpStream::connect(self.0).await.map_err(|error| error.to_string())?;
            Ok(Box::new(stream) as Box<dyn Link>)
        })
    }
}

/// Works for a moment, or for longer than a lease.
struct Uneven;

impl Runner for Uneven {
    fn run(&self, work: Work, _: RunContext) -> BoxFuture<'_, AttemptEnd> {
        Box::pin(async move {
            let mood = work.lease.id.as_str().bytes().map(u64::from).sum::<u64>();
            sleep_ms(if mood.is_multiple_of(16) { LONG_MS } else { mood % 60 }).await;
            AttemptEnd::Completed(json(&format!("\"{}\"", work.lease.id)))
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that another test kills"]
async fn child_works_for_a_hub() {
    let hub = std::env::var(HUB).expect("started by its parent").parse().unwrap();
    let name = format!("far-{}", std::process::id());
    let settings = WorkerSettings { lease_ms: LEASE_MS, in_process: false, ..WorkerSettings::new(&name, 4) };
    let _worker = Worker::start(Arc::new(Remote::start(ByTcp(hub))), Arc::new(Uneven), settings);
    sleep_ms(600_000).await;
}

fn start(hub: SocketAddr) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "far_workers::child_works_for_a_hub", "--ignored"])
        .env(HUB, hub.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Serves workers that come by TCP.
async fn open(engine: &Embedded) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let engine = engine.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serving = serve(Arc::new(engine.clone()), stream, CancellationToken::new());
            tokio::spawn(async move { drop(serving.await) });
        }
    });
    address
}

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// How often each job completed, by the history.
async fn completions(engine: &Embedded) -> HashMap<JobId, u32> {
    let (mut counts, mut after) = (HashMap::new(), 0);
    loop {
        let page = engine.history(after, None, 1_000).await.unwrap();
        let Some(last) = page.last() else { return counts };
        after = last.seq;
        for happened in page.into_iter().filter(|happened| happened.what == Happening::Completed) {
            *counts.entry(happened.job).or_default() += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_killed_lose_nothing_and_complete_nothing_twice() {
    let (kills, jobs) = (number("DRAWBRIDGE_TEST_KILLS", KILLS), number("DRAWBRIDGE_TEST_JOBS", JOBS));
    let (_folder, engine) = embedded();
    let hub = open(&engine).await;
    let one = NewJob { policy: Some(quick(100)), ..job("uneven") };
    for part in vec![one; jobs].chunks(1_000) {
        engine.submit_many(part.to_vec()).await.unwrap();
    }
    let mut workers: Vec<Child> = (0..WORKERS).map(|_| start(hub)).collect();
    for round in 0..kills {
        sleep_ms(10 + round as u64 * 7919 % 180).await;
        let victim = &mut workers[round % WORKERS];
        victim.kill().unwrap();
        victim.wait().unwrap();
        *victim = start(hub);
    }
    let until = Instant::now() + PATIENCE;
    let open = Filter::in_states(&[State::Queued, State::Scheduled, State::Running]);
    while !engine.list(open.clone(), None, 1).await.unwrap().jobs.is_empty() {
        assert!(Instant::now() < until, "it never ends");
        sleep_ms(20).await;
    }
    for worker in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    let counts = completions(&engine).await;
    assert_eq!(counts.len(), jobs);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let (mut stalls, mut after) = (0, None);
    loop {
        let Page { jobs, next } = engine.list(Filter::default(), after, 1_000).await.unwrap();
        for job in jobs {
            assert_eq!(job.state, State::Completed, "{job:?}");
            let result = engine.outcome(job.id.clone()).await.unwrap().result.unwrap();
            assert_eq!(result.get(), format!("\"{}\"", job.id));
            stalls += job.stalls;
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    println!("{kills} kills, {jobs} jobs, {stalls} of them lost in the middle and done by another");
    assert!(stalls > 0, "no kill hit a job");
}
