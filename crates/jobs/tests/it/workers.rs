//! Workers in this process: what they run, and how they end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drawbridge_contract::BoxFuture;
use drawbridge_jobs::worker::{RunContext, Runner, Worker, WorkerSettings};
use drawbridge_jobs::{
    AttemptEnd, Embedded, Engine, Failure, Filter, Happening, JobId, NewJob, Policy, Settings, State, Work,
    wait,
};

use crate::support::{embedded, job, json, quick, sleep_ms};

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs closures by the name of the tool.
struct Tools;

/// How many runners of this tool are at work, and were at most.
static BUSY: AtomicUsize = AtomicUsize::new(0);
static BUSY_MAX: AtomicUsize = AtomicUsize::new(0);

impl Runner for Tools {
    fn run(&self, work: Work, context: RunContext) -> BoxFuture<'_, AttemptEnd> {
        Box::pin(async move {
            let done = AttemptEnd::Completed(work.arguments.clone());
            match &*work.tool {
                "echo" => done,
                "tells" => tells(&work, &context).await,
                "listens" => {
                    context.cancellation().cancelled().await;
                    AttemptEnd::Stopped
                }
                "deaf" => std::future::pending().await,
                "panics" if work.attempt < 2 => panic!("as it was told to"),
                "short" => {
                    sleep_ms(4_000).await;
                    done
                }
                "counts" => {
                    BUSY_MAX.fetch_max(BUSY.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    sleep_ms(5).await;
                    BUSY.fetch_sub(1, Ordering::SeqCst);
                    done
                }
                "family" => family(&work, &context).await,
                _ => done,
            }
        })
    }
}

async fn tells(work: &Work, context: &RunContext) -> AttemptEnd {
    if work.attempt == 1 {
        for step in 0..1_000 {
            context.progress(f64::from(step), Some(1_000.0), Some("steps"));
        }
        context.log("info", "half-way");
        context.checkpoint(json(r#"{"step":500}"#)).await.unwrap();
        return AttemptEnd::Failed(Failure::retryable("tool", "interrupted"));
    }
    AttemptEnd::Completed(work.checkpoint.clone().unwrap())
}

async fn family(work: &Work, context: &RunContext) -> AttemptEnd {
    let children = context.children().await.unwrap();
    if children.is_empty() {
        let child = |number: u32| NewJob {
            idempotency_key: Some(format!("{}/{number}", work.lease.id).into()),
            ..NewJob::new("echo", &work.caller, json(&number.to_string()))
        };
        context.submit_children((0..3).map(child).collect()).await.unwrap();
        return AttemptEnd::AwaitsChildren;
    }
    let results: Vec<&str> =
        children.iter().map(|child| child.outcome.result.as_ref().unwrap().get()).collect();
    AttemptEnd::Completed(json(&format!("[{}]", results.join(","))))
}

fn start(engine: &Embedded, settings: WorkerSettings) -> Worker {
    Worker::start(Arc::new(engine.clone()), Arc::new(Tools), settings)
}

fn worker(engine: &Embedded) -> Worker {
    start(engine, WorkerSettings::new("worker", 8))
}

async fn submit(engine: &Embedded, job: NewJob) -> JobId {
    engine.submit(job).await.unwrap().id
}

async fn ended(engine: &Embedded, id: &JobId) -> State {
    wait(engine, id, PATIENCE).await.unwrap().state
}

async fn result(engine: &Embedded, id: &JobId) -> String {
    engine.outcome(id.clone()).await.unwrap().result.unwrap().get().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_jobs_are_run_no_more_at_once_than_allowed() {
    let (_folder, engine) = embedded();
    let ids = engine.submit_many((0..400).map(|_| job("counts")).collect()).await.unwrap();
    let worker = start(&engine, WorkerSettings::new("worker", 7));
    for one in &ids {
        assert_eq!(ended(&engine, &one.id).await, State::Completed);
    }
    assert_eq!(BUSY_MAX.load(Ordering::SeqCst), 7, "all that it may, and no more");
    worker.drain(PATIENCE).await;
    let mut started = 0;
    for one in ids {
        let history = engine.history(0, Some(one.id), 10).await.unwrap();
        started += history.iter().filter(|entry| entry.what == Happening::Started).count();
    }
    assert_eq!(started, 400);
}

#[tokio::test]
async fn what_a_runner_tells_arrives() {
    let (_folder, engine) = embedded();
    let worker = worker(&engine);
    let id = submit(&engine, NewJob { policy: Some(quick(2)), ..job("tells") }).await;
    assert_eq!(ended(&engine, &id).await, State::Completed);
    assert_eq!(result(&engine, &id).await, r#"{"step":500}"#, "the checkpoint of the first attempt");
    let seen = engine.get(id.clone()).await.unwrap();
    assert!(seen.progress.is_some_and(|progress| progress.total == Some(1_000.0)));
    assert_eq!(engine.lines(id, 0, 10).await.unwrap()[0].text, "half-way");
    worker.drain(PATIENCE).await;
}

#[tokio::test]
async fn a_job_with_children_goes_on_with_their_results() {
    let (_folder, engine) = embedded();
    let worker = start(&engine, WorkerSettings::new("worker", 1));
    let id = submit(&engine, job("family")).await;
    let waited = tokio::time::timeout(PATIENCE, async {
        while !engine.get(id.clone()).await.unwrap().state.has_ended() {
            sleep_ms(5).await;
        }
    });
    waited.await.expect("one worker is enough: a parent that waits holds none");
    assert_eq!(result(&engine, &id).await, "[0,1,2]");
    worker.drain(PATIENCE).await;
}

#[tokio::test]
async fn cancelling_reaches_the_runner_at_once() {
    let (_folder, engine) = embedded();
    // Signs of life are given every ten minutes only: who waited for one would not end in time.
    let worker = start(&engine, WorkerSettings { lease_ms: 1_800_000, ..WorkerSettings::new("worker", 8) });
    let id = submit(&engine, job("listens")).await;
    running(&engine, &id).await;
    engine.cancel(id.clone()).await.unwrap();
    assert_eq!(ended(&engine, &id).await, State::Cancelled);
    worker.drain(PATIENCE).await;
}

#[tokio::test]
async fn a_runner_that_does_not_listen_is_dropped() {
    let (_folder, engine) = embedded();
    let grace = Duration::from_millis(100);
    let worker = start(&engine, WorkerSettings { stop_grace: grace, ..WorkerSettings::new("worker", 1) });
    let id = submit(&engine, job("deaf")).await;
    running(&engine, &id).await;
    engine.cancel(id.clone()).await.unwrap();
    assert_eq!(ended(&engine, &id).await, State::Cancelled);
    let next = submit(&engine, job("echo")).await;
    assert_eq!(ended(&engine, &next).await, State::Completed, "its place is free again");
    worker.drain(PATIENCE).await;
}

async fn running(engine: &Embedded, id: &JobId) {
    while engine.get(id.clone()).await.unwrap().state != State::Running {
        sleep_ms(2).await;
    }
}

async fn at_work(worker: &Worker, count: usize) {
    while worker.running() < count {
        sleep_ms(2).await;
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_that_may_pass() {
    let (_folder, engine) = embedded();
    let worker = worker(&engine);
    let id = submit(&engine, NewJob { policy: Some(quick(2)), ..job("panics") }).await;
    assert_eq!(ended(&engine, &id).await, State::Completed);
    let once = submit(&engine, NewJob { policy: Some(Policy::ONCE), ..job("panics") }).await;
    assert_eq!(ended(&engine, &once).await, State::Dead);
    assert_eq!(&*engine.outcome(once).await.unwrap().failure.unwrap().code, "panic");
    worker.drain(PATIENCE).await;
}

#[tokio::test]
async fn work_that_outlasts_its_lease_is_kept_by_signs_of_life() {
    let (_folder, engine) = embedded();
    let worker = start(&engine, WorkerSettings { lease_ms: 1_500, ..WorkerSettings::new("worker", 4) });
    let ids = engine.submit_many((0..4).map(|_| job("short")).collect()).await.unwrap();
    for one in ids {
        assert_eq!(ended(&engine, &one.id).await, State::Completed);
        let seen = engine.get(one.id).await.unwrap();
        assert_eq!((seen.attempt, seen.stalls), (1, 0));
    }
    worker.drain(PATIENCE).await;
}

#[tokio::test]
async fn draining_waits_for_what_runs_and_takes_nothing_new() {
    let (_folder, engine) = embedded();
    let worker = start(&engine, WorkerSettings::new("worker", 2));
    let ids = engine.submit_many((0..5).map(|_| job("short")).collect()).await.unwrap();
    at_work(&worker, 2).await;
    assert_eq!(engine.get(ids[1].id.clone()).await.unwrap().state, State::Running);
    worker.drain(PATIENCE).await;
    let counts = engine.counts().await.unwrap().remove(0);
    assert_eq!((counts.of(State::Completed), counts.of(State::Queued)), (2, 3));
    assert_eq!(counts.of(State::Running), 0);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_left_to_another_worker() {
    let (_folder, engine) = embedded();
    let settings =
        WorkerSettings { stop_grace: Duration::from_millis(50), ..WorkerSettings::new("first", 4) };
    let first = start(&engine, settings);
    let again = submit(&engine, NewJob { policy: Some(quick(2)), ..job("listens") }).await;
    let deaf = submit(&engine, NewJob { policy: Some(quick(2)), ..job("deaf") }).await;
    let once = submit(&engine, NewJob { policy: Some(Policy::ONCE), ..job("deaf") }).await;
    at_work(&first, 3).await;
    first.drain(Duration::from_millis(50)).await;
    let state = async |id: &JobId| engine.get(id.clone()).await.unwrap().state;
    assert_eq!([state(&again).await, state(&deaf).await], [State::Queued; 2]);
    assert_eq!(state(&once).await, State::Dead, "it is not safe to be run twice");
    let failure = engine.outcome(once).await.unwrap().failure.unwrap();
    assert_eq!(&*failure.code, "interrupted");
}

/// The disk is full when results come: they are said again until there is room for them.
#[tokio::test]
async fn an_engine_that_cannot_write_loses_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { file_bytes_max: Some(4 << 20), ..Settings::default() };
    let engine = Embedded::open(folder.path(), settings).unwrap();
    let large = json(&format!("\"{}\"", "x".repeat(200_000)));
    engine.pause("ballast".into()).await.unwrap();
    let ids = engine
        .submit_many((0..4).map(|_| NewJob::new("echo", "owner", large.clone())).collect())
        .await
        .unwrap();
    let ballast = NewJob { queue: "ballast".into(), ..NewJob::new("echo", "owner", large) };
    let mut weights = Vec::new();
    while let Ok(weight) = engine.submit(ballast.clone()).await {
        weights.push(weight.id);
    }
    // No lease ends meanwhile, however long it takes to make room.
    let worker = start(&engine, WorkerSettings { lease_ms: 1_800_000, ..WorkerSettings::new("worker", 8) });
    at_work(&worker, 1).await;
    sleep_ms(400).await;
    let running = engine.list(Filter::in_states(&[State::Running]), None, 10).await.unwrap().jobs;
    assert!(!running.is_empty(), "there is no room for these results");
    for weight in weights {
        engine.cancel(weight.clone()).await.unwrap();
        engine.discard(weight).await.unwrap();
    }
    for one in ids {
        assert_eq!(ended(&engine, &one.id).await, State::Completed);
        assert_eq!(engine.get(one.id).await.unwrap().attempt, 1, "nothing was done again");
    }
    worker.drain(PATIENCE).await;
}

/// Two workers of the same engine share the work, and none of it is done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_the_work() {
    struct Noted(Mutex<Vec<(JobId, usize)>>, usize);
    impl Runner for Noted {
        fn run(&self, work: Work, _: RunContext) -> BoxFuture<'_, AttemptEnd> {
            self.0.lock().unwrap().push((work.lease.id, self.1));
            Box::pin(async {
                sleep_ms(1).await;
                AttemptEnd::Completed(json("1"))
            })
        }
    }
    let (_folder, engine) = embedded();
    engine.submit_many((0..300).map(|_| job("echo")).collect()).await.unwrap();
    let noted = [1, 2].map(|number| Arc::new(Noted(Mutex::default(), number)));
    let workers = [1, 2].map(|number: usize| {
        let settings = WorkerSettings::new(&format!("worker {number}"), 5);
        Worker::start(Arc::new(engine.clone()), Arc::clone(&noted[number - 1]) as _, settings)
    });
    while engine.counts().await.unwrap()[0].of(State::Completed) < 300 {
        sleep_ms(5).await;
    }
    for worker in workers {
        worker.drain(PATIENCE).await;
    }
    let [first, second] = noted.map(|noted| noted.0.lock().unwrap().len());
    assert_eq!(first + second, 300);
    assert!(first > 30 && second > 30, "{first} and {second}");
    assert!(engine.list(Filter::in_states(&[State::Running]), None, 1).await.unwrap().jobs.is_empty());
}
