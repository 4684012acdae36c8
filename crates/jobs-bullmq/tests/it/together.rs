//! One queue, our workers and BullMQ's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use drawbridge_contract::BoxFuture;
use drawbridge_jobs::worker::{RunContext, Runner, Worker, WorkerSettings};
use drawbridge_jobs::{AttemptEnd, Engine, Filter, Happening, JobId, NewJob, State, Work, wait};
use drawbridge_jobs_bullmq::BullMq;

use crate::node::Node;
use crate::support::{broken, claim_one, job, json, quick, say, sleep_ms};
use crate::{RedisServer, engine, open};

const JOBS: usize = 300;
const PATIENCE: Duration = Duration::from_secs(60);

/// Works for a moment, and counts what it was given.
#[derive(Default)]
struct Ours(Mutex<HashMap<JobId, u32>>);

impl Runner for Ours {
    fn run(&self, work: Work, _: RunContext) -> BoxFuture<'_, AttemptEnd> {
        Box::pin(async move {
            *self.0.lock().unwrap().entry(work.lease.id.clone()).or_default() += 1;
            sleep_ms(5).await;
            AttemptEnd::Completed(json(&format!(r#"{{"by":"rust","taskId":"{}"}}"#, work.lease.id)))
        })
    }
}

fn worker(engine: &Arc<BullMq>, runner: &Arc<Ours>, name: &str) -> Worker {
    let settings = WorkerSettings { lease_ms: 2_000, ..WorkerSettings::new(name, 5) };
    Worker::start(Arc::clone(engine) as _, Arc::clone(runner) as _, settings)
}

async fn submit(engine: &BullMq, count: usize, ms: u32) -> Vec<JobId> {
    let one = || NewJob {
        policy: Some(quick(100)),
        ..NewJob::new("old_tool", "key:laptop", json(&format!(r#"{{"ms":{ms}}}"#)))
    };
    let taken = engine.submit_many((0..count).map(|_| one()).collect()).await.unwrap();
    taken.into_iter().map(|one| one.id).collect()
}

async fn until_completed(engine: &BullMq, count: usize) {
    let until = Instant::now() + PATIENCE;
    loop {
        let counts = engine.counts().await.unwrap();
        let completed: u64 = counts.iter().map(|queue| queue.of(State::Completed)).sum();
        if completed == count as u64 {
            return;
        }
        assert!(Instant::now() < until, "only {completed} of {count} completed: {counts:?}");
        sleep_ms(20).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_does_our_jobs() {
    let (redis, engine) = engine().await;
    let ids = submit(&engine, JOBS, 1).await;
    let waiting = {
        let (engine, last) = (open(&redis).await, ids[JOBS - 1].clone());
        tokio::spawn(async move { wait(&engine, &last, PATIENCE).await.map(|job| job.state) })
    };
    let mut node = Node::start("worker.mjs", &redis, &[]);
    assert_eq!(node.hear()["ready"], true);
    assert_eq!(waiting.await.unwrap().unwrap(), State::Completed, "whoever waits hears of it");
    until_completed(&engine, JOBS).await;
    for id in &ids {
        let result = engine.outcome(id.clone()).await.unwrap().result.unwrap();
        assert_eq!(result.get(), format!(r#"{{"by":"node","taskId":"{id}","caller":"key:laptop"}}"#));
    }
    let seen = engine.get(ids[0].clone()).await.unwrap();
    assert_eq!((seen.attempt, seen.progress.unwrap().progress), (1, 50.0));
    assert_eq!(engine.lines(ids[0].clone(), 0, 10).await.unwrap()[0].text, "seen by Node");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_do_jobs_of_node() {
    let (redis, engine) = engine().await;
    let (engine, runner) = (Arc::new(engine), Arc::<Ours>::default());
    let worker = worker(&engine, &runner, "ours");
    let count = JOBS.to_string();
    let mut node = Node::start("producer.mjs", &redis, &[("COUNT", &count), ("TOOL", "old_tool")]);
    assert_eq!(node.hear()["added"], JOBS);
    let ends = node.hear();
    assert_eq!((&ends["completed"], &ends["failed"]), (&JOBS.into(), &serde_json::json!([])));
    assert_eq!(ends["first"]["by"], "rust", "{ends}");
    assert_eq!(runner.0.lock().unwrap().len(), JOBS);
    let found = engine.list(Filter::default(), None, 1_000).await.unwrap().jobs;
    assert!(found.iter().all(|job| &*job.caller == "node" && job.state == State::Completed));
    worker.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_does_our_jobs_and_we_do_those_of_python() {
    let (redis, engine) = engine().await;
    let engine = Arc::new(engine);
    let ids = submit(&engine, JOBS, 1).await;
    let mut python = Node::python("worker.py", &redis, &[]);
    assert_eq!(python.hear()["ready"], true);
    until_completed(&engine, JOBS).await;
    for id in &ids {
        let result = engine.outcome(id.clone()).await.unwrap().result.unwrap();
        let said: serde_json::Value = serde_json::from_str(result.get()).unwrap();
        assert_eq!((&said["by"], &said["caller"]), (&"python".into(), &"key:laptop".into()), "{said}");
    }
    assert_eq!(engine.lines(ids[0].clone(), 0, 10).await.unwrap()[0].text, "seen by Python");
    drop(python);

    let runner = Arc::<Ours>::default();
    let worker = worker(&engine, &runner, "ours");
    let count = JOBS.to_string();
    let env = [("COUNT", &*count), ("TOOL", "old_tool")];
    let mut python = Node::python("producer.py", &redis, &env);
    assert_eq!(python.hear()["added"], JOBS);
    let ends = python.hear();
    assert_eq!(ends["first"]["by"], "rust", "{ends}");
    assert_eq!(runner.0.lock().unwrap().len(), JOBS);
    worker.drain(PATIENCE).await;
}

/// Both work on one queue. The one in Node is killed in the middle: what it had is done by ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_node_had_is_done_by_us() {
    let (redis, engine) = engine().await;
    let (engine, runner) = (Arc::new(engine), Arc::<Ours>::default());
    let mut node = Node::start("worker.mjs", &redis, &[]);
    assert_eq!(node.hear()["ready"], true);
    let ids = submit(&engine, JOBS, 20).await;
    let worker = worker(&engine, &runner, "ours");
    for _ in 0..10 {
        assert!(node.hear()["completed"].is_string());
    }
    node.child.kill().unwrap();
    until_completed(&engine, JOBS).await;
    let by_node = completed_by(&engine, &ids, "node").await;
    assert!(by_node >= 10, "{by_node}");
    worker.drain(PATIENCE).await;
}

/// The other way round: one of our processes is killed, and Node does the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_we_had_when_killed_is_done_by_node() {
    let (redis, engine) = engine().await;
    let mut child = child(&redis, 2_000);
    let ids = submit(&engine, JOBS, 1).await;
    while completed_by(&engine, &ids[..20], "rust").await < 10 {
        sleep_ms(5).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut node = Node::start("worker.mjs", &redis, &[]);
    assert_eq!(node.hear()["ready"], true);
    until_completed(&engine, JOBS).await;
    assert!(completed_by(&engine, &ids, "node").await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that another test kills"]
async fn child_works_until_killed() {
    let port = std::env::var("REDIS_PORT").unwrap();
    let settings = crate::settings(&format!("redis://127.0.0.1:{port}"));
    let engine = Arc::new(BullMq::open(settings).unwrap());
    let runner = Arc::<Ours>::default();
    let lease_ms = std::env::var("LEASE_MS").map_or(2_000, |text| text.parse().unwrap());
    let name = format!("killed-{}", std::process::id());
    let settings = WorkerSettings { lease_ms, ..WorkerSettings::new(&name, 5) };
    let _worker = Worker::start(engine as _, runner as _, settings);
    sleep_ms(120_000).await;
}

fn child(redis: &RedisServer, lease_ms: u32) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "together::child_works_until_killed", "--ignored", "--nocapture"])
        .env("REDIS_PORT", redis.port.to_string())
        .env("LEASE_MS", lease_ms.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

/// Two processes of ours are killed again and again, and so is Redis: nothing is lost, and nothing completes twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_and_repeat_nothing() {
    const KILLS: usize = 12;
    let (mut redis, engine) = engine().await;
    let (mut ids, mut children) = (Vec::new(), vec![child(&redis, 1_000), child(&redis, 1_000)]);
    for kill in 0..KILLS {
        ids.extend(submit(&engine, 25, 1).await);
        sleep_ms(150 + rand::random::<u64>() % 250).await;
        let one = &mut children[kill % 2];
        one.kill().unwrap();
        one.wait().unwrap();
        *one = child(&redis, 1_000);
        if kill == KILLS / 2 {
            redis.kill();
            redis.restart();
            while engine.check_health().await.is_err() {
                sleep_ms(20).await;
            }
        }
    }
    until_completed(&engine, ids.len()).await;
    for mut one in children {
        one.kill().unwrap();
        one.wait().unwrap();
    }
    let mut completions = HashMap::<JobId, usize>::new();
    let mut after = 0;
    loop {
        let page = engine.history(after, None, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.seq;
        for entry in page.iter().filter(|entry| entry.what == Happening::Completed) {
            *completions.entry(entry.job.clone()).or_default() += 1;
        }
    }
    assert!(ids.iter().all(|id| completions.get(id) == Some(&1)), "{completions:?}");
}

async fn completed_by(engine: &BullMq, ids: &[JobId], who: &str) -> usize {
    let mut count = 0;
    for id in ids {
        let result = engine.outcome(id.clone()).await.unwrap().result;
        count += usize::from(result.is_some_and(|result| result.get().contains(&format!(r#""by":"{who}""#))));
    }
    count
}

/// A job that Node was told to stop cannot complete any more, whatever Node says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_cannot_complete_what_was_cancelled() {
    let (redis, engine) = engine().await;
    let mut node = Node::start("worker.mjs", &redis, &[]);
    assert_eq!(node.hear()["ready"], true);
    let id = submit(&engine, 1, 2_000).await.remove(0);
    while engine.get(id.clone()).await.unwrap().state != State::Running {
        sleep_ms(5).await;
    }
    assert_eq!(engine.cancel(id.clone()).await.unwrap(), State::Cancelled);
    // Longer than Node works, and than it takes for its check of lost jobs.
    sleep_ms(5_000).await;
    assert_eq!(engine.get(id.clone()).await.unwrap().state, State::Cancelled);
    assert!(engine.outcome(id).await.unwrap().result.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_in_node_is_a_dead_letter_here() {
    let (redis, engine) = engine().await;
    let mut node = Node::start("worker.mjs", &redis, &[]);
    assert_eq!(node.hear()["ready"], true);
    let id = engine.submit(NewJob { policy: Some(quick(2)), ..job("broken") }).await.unwrap().id;
    let ended = wait(&engine, &id, PATIENCE).await.unwrap();
    assert_eq!((ended.state, ended.attempt), (State::Dead, 2));
    assert_eq!(engine.outcome(id.clone()).await.unwrap().failure.unwrap().message, "it broke in Node");
    drop(node);
    engine.retry(id.clone()).await.unwrap();
    assert_eq!(claim_one(&engine, "ours", 1_000).await.lease.id, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bull_board_shows_our_queues() {
    let (redis, engine) = engine().await;
    submit(&engine, 3, 1).await;
    let done = claim_one(&engine, "one", 10_000).await;
    crate::support::complete(&engine, &done.lease, "1").await.unwrap();
    let dead = NewJob {
        priority: 1,
        policy: Some(quick(1)),
        ..NewJob::new("mail_send", "owner", json(r#"{"to":"x"}"#))
    };
    let id = engine.submit(dead).await.unwrap().id;
    let work = claim_one(&engine, "one", 10_000).await;
    assert_eq!(say(&engine, &work.lease, broken()).await.unwrap(), State::Dead);
    let shown = Node::start("board.mjs", &redis, &[]).hear();
    let counts = &shown["counts"]["async-tasks"];
    assert_eq!(
        (&counts["waiting"], &counts["completed"], &counts["failed"]),
        (&2.into(), &1.into(), &1.into()),
        "{shown}"
    );
    assert_eq!(shown["counts"]["dead-letter-tasks"]["waiting"], 1, "{shown}");
    let dead = &shown["dead"][0];
    assert_eq!(dead["name"], "mail_send");
    assert_eq!(dead["data"]["params"]["to"], "x");
    assert_eq!(dead["data"]["originalJobId"], id.as_str());
    assert_eq!(dead["data"]["failureReason"]["message"], "it broke");
    engine.retry(id).await.unwrap();
    let shown = Node::start("board.mjs", &redis, &[]).hear();
    assert_eq!(
        shown["counts"]["dead-letter-tasks"]["waiting"], 0,
        "what is tried again is no dead letter: {shown}"
    );
}

/// A Redis that nobody can reach answers nobody, and what it acknowledged is there when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_redis_heals() {
    let (mut redis, engine) = engine().await;
    let (engine, runner) = (Arc::new(engine), Arc::<Ours>::default());
    let mut acknowledged = submit(&engine, 100, 1).await;
    let worker = worker(&engine, &runner, "ours");
    until_some(&runner).await;
    redis.kill();
    let refused = engine.submit(job("meanwhile")).await.unwrap_err();
    assert!(refused.is_passing(), "{refused}");
    assert!(refused.to_string().contains("out of reach"), "{refused}");
    assert!(!refused.to_string().contains("127.0.0.1"), "{refused}");
    assert!(engine.check_health().await.is_err());
    sleep_ms(500).await;
    redis.restart();
    let until = Instant::now() + PATIENCE;
    while engine.check_health().await.is_err() {
        assert!(Instant::now() < until, "it does not heal");
        sleep_ms(50).await;
    }
    acknowledged.extend(submit(&engine, 100, 1).await);
    for id in &acknowledged {
        let ended = wait(&*engine, id, PATIENCE).await.unwrap();
        assert_eq!(ended.state, State::Completed);
        let result = engine.outcome(id.clone()).await.unwrap().result.unwrap();
        assert!(result.get().contains(id.as_str()), "its own result");
    }
    worker.drain(PATIENCE).await;
}

async fn until_some(runner: &Ours) {
    while runner.0.lock().unwrap().is_empty() {
        sleep_ms(1).await;
    }
}

/// Redis may come later than we do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_may_come_later() {
    let mut redis = RedisServer::start();
    redis.kill();
    let engine = BullMq::open(crate::settings(&redis.url())).unwrap();
    assert!(engine.submit(job("early")).await.unwrap_err().is_passing());
    redis.restart();
    let until = Instant::now() + PATIENCE;
    while let Err(error) = engine.submit(job("late")).await {
        assert!(error.is_passing() && Instant::now() < until, "{error}");
        sleep_ms(50).await;
    }
}

#[tokio::test]
async fn a_password_is_needed_and_never_told() {
    let redis = RedisServer::with_password("correct horse/battery");
    let open = |password: &str| {
        let settings = drawbridge_jobs_bullmq::Settings {
            password: Some(password.into()),
            ..crate::settings(&redis.url())
        };
        BullMq::open(settings).unwrap()
    };
    assert!(open("correct horse/battery").submit(job("x")).await.is_ok());
    let refused = open("wrong-secret").submit(job("x")).await.unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("wrong-secret"), "{refused:?}");
}
