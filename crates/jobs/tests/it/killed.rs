//! Hubs in processes of their own, for tests of any engine that kill them: the test's binary again, with one ignored test,
//! that works until it is killed and tells what was acknowledged.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use drawbridge_contract::BoxFuture;
use drawbridge_jobs::worker::{RunContext, Runner, Worker, WorkerSettings};
use drawbridge_jobs::{
    AttemptEnd, Change, Engine, EngineError, Failure, Filter, Happening, JobId, NewJob, State, Submitted,
    Work,
};

use crate::support::{json, sleep_ms};

/// How long everything may take to end at last.
const PATIENCE: Duration = Duration::from_secs(300);
/// How many tasks of a hub submit jobs.
const SUBMITTING: usize = 3;

/// Says something to the parent, now.
fn tell(kind: &str, id: &JobId) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\ntold {kind} {id}").and_then(|()| out.flush()).unwrap();
}

/// Works for a moment; sometimes fails, keeps a checkpoint, or has children.
pub(crate) struct Moody;

impl Runner for Moody {
    fn run(&self, work: Work, context: RunContext) -> BoxFuture<'_, AttemptEnd> {
        Box::pin(async move {
            let mood = work.lease.id.as_str().bytes().map(u64::from).sum::<u64>();
            sleep_ms(mood % 25).await;
            context.progress(0.5, Some(1.0), None);
            if mood.is_multiple_of(4) {
                let _ = context.checkpoint(json(&work.attempt.to_string())).await;
                context.log("info", "a line");
                sleep_ms(mood % 7).await;
            }
            if mood.is_multiple_of(5) && work.attempt == 1 {
                return AttemptEnd::Failed(Failure::retryable("tool", "not at first"));
            }
            AttemptEnd::Completed(json(&format!("\"{}\"", work.lease.id)))
        })
    }
}

/// Works and submits until it is killed, and tells what was acknowledged. `new` is each job to be, by its number; after each, a
/// task that submits waits for `pause_ms`.
pub(crate) async fn work_until_killed(
    engine: Arc<dyn Engine>,
    worker: WorkerSettings,
    pause_ms: u64,
    new: fn(u32) -> NewJob,
) {
    let mut changes = engine.changes();
    let worker = Worker::start(Arc::clone(&engine), Arc::new(Moody), worker);
    tokio::spawn(async move {
        while let Ok(change) = changes.recv().await {
            if let Change::Happened(happened) = change
                && happened.what == Happening::Completed
            {
                tell("completed", &happened.job);
            }
        }
    });
    let submitting =
        (0..SUBMITTING).map(|_| tokio::spawn(submit_for_ever(Arc::clone(&engine), pause_ms, new)));
    for one in submitting.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    drop(worker);
}

/// What an engine answered, unless it is out of reach for a while: then nobody knows.
fn taken<T>(answer: Result<T, EngineError>) -> Option<T> {
    match answer {
        Err(EngineError::Away { .. }) => None,
        answer => Some(answer.unwrap()),
    }
}

async fn submit_for_ever(engine: Arc<dyn Engine>, pause_ms: u64, new: fn(u32) -> NewJob) {
    for number in 0_u32.. {
        if pause_ms > 0 {
            sleep_ms(pause_ms).await;
        }
        let new = new(number);
        if number % 10 == 3 {
            let Some(family) = taken(engine.submit_family(new.clone(), vec![new.clone(), new]).await) else {
                continue;
            };
            tell("submitted", &family.parent.id);
            family.children.iter().for_each(|child| tell("submitted", &child.id));
            continue;
        }
        let Some(Submitted { id, .. }) = taken(engine.submit(new).await) else { continue };
        tell("submitted", &id);
        if number % 10 == 7 && engine.cancel(id.clone()).await.is_ok() {
            tell("cancelled", &id);
        }
    }
}

/// What was acknowledged: job by job, the last that was told.
pub(crate) type Told = Vec<(String, JobId)>;

/// A hub with a worker, in a process of its own.
pub(crate) struct Hub {
    pub(crate) process: Child,
    told: Arc<Mutex<Told>>,
    reader: Option<JoinHandle<()>>,
}

impl Hub {
    /// This binary again, with that test of it, and with more in its environment.
    pub(crate) fn running(test: &str, env: &[(&str, &OsStr)]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = Arc::<Mutex<Told>>::default();
        let output = process.stdout.take().unwrap();
        let reader = {
            let told = Arc::clone(&told);
            Some(std::thread::spawn(move || listen(output, &told)))
        };
        Self { process, told, reader }
    }

    /// Waits until it told that so many jobs were completed, as long as it takes.
    pub(crate) fn until_completed(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        while self.told().iter().filter(|(kind, _)| kind == "completed").count() < count {
            assert!(Instant::now() < until, "it told only {:?}", self.told());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What it told so far.
    pub(crate) fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }

    /// `kill -9`, and everything that it told.
    pub(crate) fn kill(mut self) -> Told {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.told()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn listen(output: ChildStdout, told: &Mutex<Told>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Some((kind, id)) = line.strip_prefix("told ").and_then(|line| line.split_once(' ')) {
            told.lock().unwrap().push((kind.to_owned(), JobId::new(id)));
        }
    }
}

/// What was told is true, as far as it can be before everything has ended.
pub(crate) async fn check_kept(engine: &dyn Engine, told: &Told) {
    let mut states = HashMap::new();
    let mut after = None;
    loop {
        let page = engine.list(Filter::default(), after, 1_000).await.unwrap();
        states.extend(page.jobs.iter().map(|job| (job.id.clone(), (job.state, job.stopping))));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    for (kind, id) in told {
        let found = states.get(id).copied();
        let right = match (kind.as_str(), found) {
            (_, None) => false,
            ("completed", Some((state, _))) => state == State::Completed,
            ("cancelled", Some((state, stopping))) => state == State::Cancelled || stopping,
            _ => true,
        };
        assert!(right, "{kind} {id} was acknowledged, but it is {found:?}");
    }
}

/// Lets one good worker finish everything.
pub(crate) async fn finish(engine: Arc<dyn Engine>) {
    let worker = Worker::start(Arc::clone(&engine), Arc::new(Moody), WorkerSettings::new("last", 50));
    let open = Filter::in_states(&[State::Queued, State::Scheduled, State::Running, State::WaitingForInput]);
    let until = Instant::now() + PATIENCE;
    loop {
        let page = engine.list(open.clone(), None, 1).await.unwrap();
        let Some(job) = page.jobs.first() else { break };
        assert!(Instant::now() < until, "it never ends: {job:?}");
        sleep_ms(10).await;
    }
    worker.drain(Duration::from_secs(10)).await;
    let ended = engine.list(Filter::in_states(&[State::Dead, State::Failed]), None, 1_000).await.unwrap();
    // In a series longer than a job has attempts, the oldest may be killed in each of them: then it is dead, as promised.
    let badly: Vec<_> = ended.jobs.iter().filter(|job| job.stalls < job.attempts_max).collect();
    assert!(badly.is_empty(), "{badly:?}");
}

/// How many different jobs were told of in this way.
pub(crate) fn count(told: &Told, kind: &str) -> usize {
    told.iter().filter(|(of, _)| of == kind).map(|(_, id)| id).collect::<HashSet<_>>().len()
}
