//! Webhooks of jobs on Redis: the hub reads what happened there, and keeps in its own file what is to be told.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::CancellationToken;
use drawbridge_jobs::webhook::{
    DeliveryFilter, EventSet, NewReceiver, WebhookEvent, WebhookSettings, Webhooks, signatures,
};
use drawbridge_jobs::{Embedded, Engine, JobId, NewJob, Progress, Settings};
use drawbridge_jobs_bullmq::{BullMq, Kept, Settings as Jobs};
use drawbridge_outbound::AllowedHosts;
use tokio::task::JoinHandle;

use crate::engine;
use crate::node::Node;
use crate::receiver::{Answer, Got, Receiver};
use crate::support::{LEASE_MS, broken, claim_one, complete, job, json, quick, say, sleep_ms};

/// A hub's webhooks, until they are ended.
struct Telling {
    webhooks: Arc<Webhooks>,
    file: Embedded,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Telling {
    fn start(folder: &std::path::Path, jobs: &Arc<BullMq>) -> Self {
        let file = Embedded::open(folder, Settings::default()).unwrap();
        let allowed = AllowedHosts::parse(["127.0.0.1"]).unwrap();
        let settings = WebhookSettings { allowed, ..WebhookSettings::default() };
        let webhooks = Webhooks::new(file.clone(), &[7; 32], settings);
        let stop = CancellationToken::new();
        let telling = webhooks.start(Arc::new(|_: &str| true), stop.clone());
        let following = webhooks.follow(Arc::clone(jobs) as _, stop.clone());
        Self { webhooks, file, stop, tasks: vec![telling, following] }
    }

    async fn end(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        self.file.close().await.unwrap();
    }
}

fn calling_back(tool: &str, url: &str) -> NewJob {
    NewJob { callback_url: Some(url.into()), policy: Some(quick(2)), ..job(tool) }
}

fn standing(url: &str) -> NewReceiver {
    NewReceiver {
        caller: "owner".into(),
        all_callers: false,
        url: url.to_owned(),
        events: EventSet::of(&[WebhookEvent::Completed, WebhookEvent::Error]),
        tools: Vec::new(),
        secret: None,
    }
}

fn told(got: &[Got], path: &str) -> Vec<(String, String)> {
    got.iter().filter(|got| got.path == path).map(|got| (got.job(), got.event())).collect()
}

fn of(id: &JobId, events: &[&str]) -> Vec<(String, String)> {
    events.iter().map(|event| (id.as_str().to_owned(), (*event).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_hears_of_its_job_also_what_happened_while_no_hub_ran() {
    let (_redis, engine) = engine().await;
    let (engine, folder) = (Arc::new(engine), tempfile::tempdir().unwrap());
    let receiver = Receiver::start(|_, _| Answer::Status(204)).await;
    let hub = Telling::start(folder.path(), &engine);
    let id = engine.submit(calling_back("t", &receiver.url("cb"))).await.unwrap().id;
    let silent = engine.submit(job("silent")).await.unwrap().id;
    let work = claim_one(&*engine, "w", LEASE_MS).await;
    assert_eq!(work.lease.id, id);
    let progress = Progress { progress: 1.0, total: Some(4.0), message: Some("a quarter".into()) };
    engine.progress(work.lease.clone(), progress).await.unwrap();
    receiver.until(|got| got.len() >= 2).await;
    hub.end().await;

    complete(&*engine, &work.lease, r#"{"answer":42}"#).await.unwrap();
    let other = claim_one(&*engine, "w", LEASE_MS).await;
    assert_eq!(other.lease.id, silent);
    complete(&*engine, &other.lease, "1").await.unwrap();

    let hub = Telling::start(folder.path(), &engine);
    let got = receiver.until(|got| got.len() >= 3).await;
    sleep_ms(200).await;
    assert_eq!(told(&receiver.got(), "/cb"), of(&id, &["processing", "progress", "completed"]));
    let secret = hub.webhooks.callback_secret("owner").await.unwrap();
    for got in &got {
        let at: i64 = got.header("webhook-timestamp").parse().unwrap();
        for expected in signatures(got.header("webhook-id"), at, &got.text, &secret, None) {
            assert_eq!(got.header(expected.name), expected.value, "{}", expected.name);
        }
    }
    let last = got[2].body();
    assert_eq!((&last["result"]["answer"], &last["attempt"]), (&42.into(), &1.into()), "{last}");
    let log =
        hub.webhooks.log(&DeliveryFilter { job: Some(id.clone()), ..DeliveryFilter::default() }, None, 10);
    assert!(log.unwrap().iter().all(|one| one.job == id));
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standing_receiver_hears_of_ends_and_of_none_that_were_before_it() {
    let (_redis, engine) = engine().await;
    let (engine, folder) = (Arc::new(engine), tempfile::tempdir().unwrap());
    let receiver = Receiver::start(|_, _| Answer::Status(204)).await;
    engine.submit(job("before")).await.unwrap();
    let work = claim_one(&*engine, "w", LEASE_MS).await;
    complete(&*engine, &work.lease, "1").await.unwrap();
    sleep_ms(5).await;

    let hub = Telling::start(folder.path(), &engine);
    hub.webhooks.add(standing(&receiver.url("all"))).await.unwrap();
    let elsewhere = NewJob { queue: "night".into(), policy: Some(quick(1)), ..job("fails") };
    let fails = engine.submit(elsewhere).await.unwrap().id;
    let work = claim_one(&*engine, "w", LEASE_MS).await;
    say(&*engine, &work.lease, broken()).await.unwrap();
    let well = engine.submit(job("well")).await.unwrap().id;
    let work = claim_one(&*engine, "w", LEASE_MS).await;
    complete(&*engine, &work.lease, "2").await.unwrap();
    let got = receiver.until(|got| got.len() >= 2).await;
    sleep_ms(200).await;
    assert_eq!(receiver.got().len(), 2);
    // Each job's own news come in order; those of different jobs may overtake each other.
    let mut heard = told(&got, "/all");
    heard.sort_by_key(|(_, event)| std::cmp::Reverse(event.clone()));
    assert_eq!(heard, [of(&fails, &["error"]), of(&well, &["completed"])].concat());
    let failed = got.iter().find(|got| got.event() == "error").unwrap();
    assert_eq!(failed.body()["error"]["message"], "it broke");
    hub.end().await;
}

/// Many at once, the hub's webhooks ended and begun again and again: each end is told, and none twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hubs_that_end_in_the_middle_leave_nothing_out_and_write_nothing_twice() {
    let (_redis, engine) = engine().await;
    let (engine, folder) = (Arc::new(engine), tempfile::tempdir().unwrap());
    let receiver = Receiver::start(|_, _| Answer::Status(204)).await;
    let jobs = (0..200).map(|_| calling_back("t", &receiver.url("cb"))).collect();
    engine.submit_many(jobs).await.unwrap();
    let working = {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            for _ in 0..200 {
                let work = claim_one(&*engine, "w", LEASE_MS).await;
                complete(&*engine, &work.lease, "1").await.unwrap();
                sleep_ms(2).await;
            }
        })
    };
    for round in 0..6 {
        let hub = Telling::start(folder.path(), &engine);
        sleep_ms(30 + round * 40).await;
        hub.end().await;
    }
    working.await.unwrap();
    let hub = Telling::start(folder.path(), &engine);
    receiver.until(|got| got.iter().filter(|got| got.event() == "completed").count() >= 200).await;
    sleep_ms(300).await;
    let mut seen = std::collections::HashMap::<(String, String), Vec<String>>::new();
    for got in receiver.got() {
        seen.entry((got.job(), got.event())).or_default().push(got.header("webhook-id").to_owned());
    }
    assert_eq!(seen.len(), 400, "a beginning and an end of each");
    // One that was under way when its hub ended may arrive twice, under the same id.
    assert!(seen.values().all(|ids| ids.iter().all(|id| *id == ids[0])), "{seen:?}");
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nodes_worker_did_is_told_too() {
    let (redis, engine) = engine().await;
    let (engine, folder) = (Arc::new(engine), tempfile::tempdir().unwrap());
    let receiver = Receiver::start(|_, _| Answer::Status(204)).await;
    let hub = Telling::start(folder.path(), &engine);
    let new = NewJob { arguments: json(r#"{"ms":1}"#), ..calling_back("old_tool", &receiver.url("cb")) };
    let id = engine.submit(new).await.unwrap().id;
    let mut node = Node::start("worker.mjs", &redis, &[]);
    assert_eq!(node.hear()["ready"], true);
    let ended = |got: &[Got]| got.iter().any(|got| got.event() == "completed");
    let got = receiver.until(ended).await;
    assert_eq!(told(&got, "/cb").last(), of(&id, &["completed"]).last());
    let last = got.last().unwrap().body();
    assert_eq!((&last["result"]["by"], &last["attempt"]), (&"node".into(), &1.into()), "{last}");
    hub.end().await;
}

/// How many jobs of each kind.
const FORGOTTEN: usize = 60;

/// A Redis that keeps no job beyond its end.
async fn forgetful(redis: &crate::RedisServer) -> Arc<BullMq> {
    let keep_completed = Kept { count: 0, age: Duration::from_secs(1) };
    let engine = BullMq::open(Jobs { keep_completed, ..crate::settings(&redis.url()) }).unwrap();
    engine.listening().await;
    Arc::new(engine)
}

/// Node adds jobs, and Redis forgets them with their end.
fn node_adds(redis: &crate::RedisServer) {
    let count = FORGOTTEN.to_string();
    let env = [("COUNT", &*count), ("TOOL", "theirs"), ("REMOVE", "1")];
    let mut node = Node::start("producer.mjs", redis, &env);
    assert_eq!(node.hear()["added"], FORGOTTEN);
}

async fn until_nothing_is_left(engine: &BullMq) {
    for _ in 0..6_000 {
        if engine.counts().await.unwrap().iter().all(|queue| queue.states.is_empty()) {
            return;
        }
        sleep_ms(10).await;
    }
    panic!("something is left: {:?}", engine.counts().await.unwrap());
}

/// Each job's end came once, with what came of it.
fn check_each_end_once(got: &[Got], path: &str, jobs: &[String]) {
    let ends: Vec<&Got> = got.iter().filter(|got| got.path == path && got.event() == "completed").collect();
    let mut ids: Vec<String> = ends.iter().map(|got| got.job()).collect();
    ids.sort_unstable();
    let mut expected = jobs.to_vec();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    for end in ends {
        let body = end.body();
        assert_eq!((&body["result"]["by"], &body["attempt"]), (&"node".into(), &1.into()), "{body}");
    }
}

/// Redis forgets each job with its end, Node works, and hubs come and go: what the stream of events has is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_of_jobs_that_redis_forgot_are_told_from_its_stream() {
    let redis = crate::RedisServer::start();
    let (engine, folder) = (forgetful(&redis).await, tempfile::tempdir().unwrap());
    let receiver = Receiver::start(|_, _| Answer::Status(204)).await;
    let hub = Telling::start(folder.path(), &engine);
    let everybodys = NewReceiver {
        all_callers: true,
        events: EventSet::of(&[WebhookEvent::Completed]),
        ..standing(&receiver.url("all"))
    };
    hub.webhooks.add(everybodys).await.unwrap();
    let mine =
        NewReceiver { events: EventSet::of(&[WebhookEvent::Completed]), ..standing(&receiver.url("mine")) };
    hub.webhooks.add(mine).await.unwrap();
    let ours = |_| NewJob { arguments: json(r#"{"ms":1}"#), ..calling_back("ours", &receiver.url("cb")) };
    let submitted = engine.submit_many((0..FORGOTTEN).map(ours).collect()).await.unwrap();
    let ours: Vec<String> = submitted.iter().map(|one| one.id.as_str().to_owned()).collect();
    let theirs: Vec<String> = (0..FORGOTTEN).map(|number| format!("task-{number}")).collect();
    node_adds(&redis);
    let mut node = Node::start("worker.mjs", &redis, &[]);
    assert_eq!(node.hear()["ready"], true);
    receiver.until(|got| got.len() >= 10).await; // in the middle of it
    hub.end().await;
    until_nothing_is_left(&engine).await;
    engine.close().await.unwrap();

    // Another hub, which knows nothing but its file and what Redis still has.
    let engine = forgetful(&redis).await;
    let hub = Telling::start(folder.path(), &engine);
    let both: Vec<String> = ours.iter().chain(&theirs).cloned().collect();
    let ended = |got: &[Got]| got.iter().filter(|got| got.event() == "completed").count();
    let all = both.len() + 2 * ours.len();
    receiver.until(|got| ended(got) >= all).await;
    sleep_ms(300).await;
    let mut got = receiver.got();
    // One that was under way when its hub ended may arrive twice, under the same id.
    let mut seen = std::collections::HashSet::new();
    got.retain(|got| seen.insert(got.header("webhook-id").to_owned()));
    check_each_end_once(&got, "/all", &both);
    check_each_end_once(&got, "/mine", &ours);
    check_each_end_once(&got, "/cb", &ours);
    hub.end().await;
}
