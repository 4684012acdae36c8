//! `kill -9` of the hub and its worker at any moment, again and again, and now and then of Redis.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use drawbridge_contract::CancellationToken;
use drawbridge_jobs::webhook::{WebhookSettings, Webhooks};
use drawbridge_jobs::worker::WorkerSettings;
use drawbridge_jobs::{Embedded, Engine, Happening, JobId, NewJob, State};
use drawbridge_jobs_bullmq::{BullMq, Kept, Settings};
use drawbridge_outbound::AllowedHosts;

use crate::RedisServer;
use crate::killed::{Hub, Told, check_kept, count, finish, work_until_killed};
use crate::receiver::{Answer, Got, Receiver};
use crate::support::{job, quick, sleep_ms};

/// How often; more with `DRAWBRIDGE_TEST_KILLS`.
const KILLS: u64 = 25;
/// Redis is killed, too, each so many rounds.
const REDIS_EVERY: u64 = 10;
/// A lost worker's jobs are free after this time.
const LEASE_MS: u32 = 2_000;
/// How long a task that submits waits after each job.
const PAUSE_MS: u64 = 4;

const REDIS: &str = "DRAWBRIDGE_TEST_REDIS";
const FOLDER: &str = "DRAWBRIDGE_TEST_FOLDER";
const RECEIVER: &str = "DRAWBRIDGE_TEST_RECEIVER";

/// Everything is kept, so that it can be looked at in the end.
async fn open(url: &str) -> Arc<BullMq> {
    let all = Kept { count: 1_000_000, age: Duration::from_secs(24 * 3600) };
    let settings = Settings { keep_completed: all, keep_failed: all, ..crate::settings(url) };
    let engine = BullMq::open(settings).unwrap();
    engine.listening().await;
    Arc::new(engine)
}

fn tell(folder: &Path, jobs: &Arc<BullMq>) {
    let file = Embedded::open(folder, drawbridge_jobs::Settings::default()).unwrap();
    let allowed = AllowedHosts::parse(["127.0.0.1"]).unwrap();
    let webhooks = Webhooks::new(file, &[7; 32], WebhookSettings { allowed, ..WebhookSettings::default() });
    drop(webhooks.start(Arc::new(|_: &str| true), CancellationToken::new()));
    drop(webhooks.follow(Arc::clone(jobs) as _, CancellationToken::new()));
}

/// Every fourth job has a callback.
fn new(number: u32) -> NewJob {
    let url = std::env::var(RECEIVER).unwrap();
    let callback_url = number.is_multiple_of(4).then(|| url.into());
    NewJob { callback_url, policy: Some(quick(1_000)), ..job("moody") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that others kill"]
async fn child_works_until_killed() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("started by its parent"));
    let engine = open(&std::env::var(REDIS).unwrap()).await;
    tell(&folder, &engine);
    let worker = WorkerSettings { lease_ms: LEASE_MS, ..WorkerSettings::new("child", 8) };
    work_until_killed(engine, worker, PAUSE_MS, new).await;
}

/// How often each job completed, read on from round to round: the streams of events are not kept for ever.
#[derive(Default)]
struct Completed {
    after: u64,
    times: HashMap<JobId, u32>,
}

impl Completed {
    async fn read_on(&mut self, engine: &BullMq) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let page = match engine.history(self.after, None, 1_000).await {
                Ok(page) => page,
                // It comes back.
                Err(error) => {
                    assert!(Instant::now() < until, "{error}");
                    sleep_ms(20).await;
                    continue;
                }
            };
            let Some(last) = page.last() else { return };
            self.after = last.seq;
            for happened in page.iter().filter(|happened| happened.what == Happening::Completed) {
                *self.times.entry(happened.job.clone()).or_default() += 1;
            }
        }
    }
}

/// What was told by webhook is true, and everything that is to be told was. Answers with how many ends that was.
async fn check_told(engine: &BullMq, receiver: &Receiver, completed: &Completed) -> usize {
    let callbacks: Vec<JobId> = completed.times.keys().cloned().collect();
    let mut wanted = HashSet::new();
    for part in callbacks.chunks(500) {
        let urls = engine.callbacks(part.to_vec()).await.unwrap();
        wanted.extend(part.iter().zip(urls).filter(|(_, url)| url.is_some()).map(|(id, _)| id.to_string()));
    }
    let ends = |got: &[Got]| -> HashSet<String> {
        got.iter().filter(|got| got.event() == "completed").map(Got::job).collect()
    };
    let until = Instant::now() + Duration::from_secs(300);
    while !wanted.is_subset(&ends(&receiver.got())) {
        let missing: Vec<_> = wanted.difference(&ends(&receiver.got())).cloned().collect();
        assert!(Instant::now() < until, "never told: {missing:?}");
        sleep_ms(50).await;
    }
    let got = receiver.got();
    assert_eq!(ends(&got), wanted, "told that did not complete");
    let mut deliveries = HashMap::<(String, String, u64), HashSet<String>>::new();
    for got in &got {
        let attempt = got.body()["attempt"].as_u64().unwrap();
        let what = (got.job(), got.event(), attempt);
        deliveries.entry(what).or_default().insert(got.header("webhook-id").to_owned());
    }
    for ((job, event, _), ids) in &deliveries {
        assert!(event == "progress" || ids.len() == 1, "{event} of {job} was written {} times", ids.len());
    }
    wanted.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_done_or_told_twice() {
    let kills =
        std::env::var("DRAWBRIDGE_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut redis = RedisServer::start();
    let (folder, engine) = (tempfile::tempdir().unwrap(), open(&redis.url()).await);
    let receiver = Receiver::start(|_, _| Answer::Status(204)).await;
    let (url, callback) = (redis.url(), receiver.url("cb"));
    let env =
        [(REDIS, OsStr::new(&url)), (FOLDER, folder.path().as_os_str()), (RECEIVER, OsStr::new(&callback))];
    let (mut told, mut completed) = (Told::new(), Completed::default());
    for round in 0..kills {
        let hub = Hub::running("kills::child_works_until_killed", &env);
        // From the very start, when it connects, to the middle of its work.
        std::thread::sleep(Duration::from_millis(round * 7919 % 31));
        hub.until_completed(usize::try_from(round % 4).unwrap());
        if round % REDIS_EVERY == REDIS_EVERY - 1 {
            redis.kill();
            told.extend(hub.kill());
            redis.restart();
        } else {
            told.extend(hub.kill());
        }
        completed.read_on(&engine).await;
    }
    check_kept(&*engine, &told).await;
    tell(folder.path(), &engine);
    finish(Arc::clone(&engine) as _).await;
    check_kept(&*engine, &told).await;
    completed.read_on(&engine).await;
    let twice: Vec<_> = completed.times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "completed more than once: {twice:?}");
    let counts = engine.counts().await.unwrap();
    let in_redis: u64 = counts.iter().map(|queue| queue.of(State::Completed)).sum();
    assert_eq!(in_redis, completed.times.len() as u64, "each that completed did so once: {counts:?}");
    let ends_told = check_told(&engine, &receiver, &completed).await;
    let counts = ["submitted", "completed", "cancelled"].map(|kind| count(&told, kind));
    println!(
        "{kills} kills: {counts:?} submitted, completed, cancelled as it was told; {in_redis} completed in the end, \
         {ends_told} of them were to be told by webhook and were"
    );
    assert!(counts[..2].iter().all(|count| *count as u64 > kills), "the hubs hardly worked: {counts:?}");
}
