//! The hub with its worker as a process of its own: this binary again, with one ignored test, that works until it is
//! killed and tells what was acknowledged.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use drawbridge_contract::BoxFuture;
use drawbridge_jobs::worker::{RunContext, Runner, Worker, WorkerSettings};
use drawbridge_jobs::{
    AttemptEnd, Change, Embedded, Engine, Failure, Filter, Happening, JobId, NewJob, Settings, State, Work,
};

use crate::support::{job, json, quick, sleep_ms};

const FOLDER: &str = "DRAWBRIDGE_TEST_FOLDER";

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that others kill"]
async fn child_works_until_killed() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("started by its parent"));
    let engine = Embedded::open(&folder, Settings::default()).unwrap();
    let mut changes = engine.changes();
    let worker = Worker::start(Arc::new(engine.clone()), Arc::new(Moody), WorkerSettings::new("child", 8));
    tokio::spawn(async move {
        while let Ok(change) = changes.recv().await {
            if let Change::Happened(happened) = change
                && happened.what == Happening::Completed
            {
                tell("completed", &happened.job);
            }
        }
    });
    let submitting = (0..3).map(|_| tokio::spawn(submit_for_ever(engine.clone())));
    for one in submitting.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    drop(worker);
}

async fn submit_for_ever(engine: Embedded) {
    for number in 0_u32.. {
        let new = NewJob { policy: Some(quick(1_000)), ..job("moody") };
        if number % 10 == 3 {
            let family = engine.submit_family(new.clone(), vec![new.clone(), new]).await.unwrap();
            tell("submitted", &family.parent.id);
            family.children.iter().for_each(|child| tell("submitted", &child.id));
            continue;
        }
        let id = engine.submit(new).await.unwrap().id;
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
    pub(crate) fn start(folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::child_works_until_killed", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
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
pub(crate) async fn check_kept(engine: &Embedded, told: &Told) {
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
pub(crate) async fn finish(engine: &Embedded) {
    let worker = Worker::start(Arc::new(engine.clone()), Arc::new(Moody), WorkerSettings::new("last", 50));
    let open = Filter::in_states(&[State::Queued, State::Scheduled, State::Running, State::WaitingForInput]);
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let page = engine.list(open.clone(), None, 1).await.unwrap();
        let Some(job) = page.jobs.first() else { break };
        assert!(Instant::now() < until, "it never ends: {job:?}");
        sleep_ms(10).await;
    }
    worker.drain(Duration::from_secs(10)).await;
    let badly = engine.list(Filter::in_states(&[State::Dead, State::Failed]), None, 1).await.unwrap();
    assert!(badly.jobs.is_empty(), "{badly:?}");
}

/// How many different jobs were told of in this way.
pub(crate) fn count(told: &Told, kind: &str) -> usize {
    told.iter().filter(|(of, _)| of == kind).map(|(_, id)| id).collect::<HashSet<_>>().len()
}
