//! What every engine of jobs does: the embedded one, and those on other systems.

use std::sync::Arc;

use drawbridge_contract::{BoxFuture, RawValue, broadcast};
use serde::{Deserialize, Serialize};

use crate::{
    EngineError, Failure, Happening, Job, JobId, Limit, LimitRow, Line, NewJob, Outcome, Progress, Remains,
    Scope, State, Submitted, ToolPattern,
};

/// What an engine answers, in time.
pub type Answered<'a, T> = BoxFuture<'a, Result<T, EngineError>>;

/// Keeps jobs, hands them to workers, and remembers what came of them.
///
/// What is answered with `Ok` is on disk, and survives whatever happens next. Each method says what it needs; where
/// it names a [`Lease`], the engine refuses whoever lost the job meanwhile. Nothing here asks who may do what: that
/// is decided before, and a caller's own jobs are found with [`Filter::caller`].
pub trait Engine: Send + Sync + 'static {
    /// Takes a job.
    fn submit(&self, job: NewJob) -> Answered<'_, Submitted>;

    /// Takes several jobs, or none of them. At most [`SUBMIT_MAX`](crate::bounds::SUBMIT_MAX).
    fn submit_many(&self, jobs: Vec<NewJob>) -> Answered<'_, Vec<Submitted>>;

    /// Takes a job and its children, or none of them; the job runs when all its children have ended. A repeated
    /// submission, by the job's idempotency key, adds no children.
    fn submit_family(&self, parent: NewJob, children: Vec<NewJob>) -> Answered<'_, Family>;

    /// One message of a worker: how its attempts ended, and what it wants next. Answered at once when it says
    /// anything; otherwise when there is work, or when the wait is over.
    fn exchange(&self, message: Exchange) -> Answered<'_, Exchanged>;

    /// How many messages of one worker that say something may be under way at once. More than one pays where the engine is
    /// elsewhere, and has something to do while the worker makes the next one; an engine that commits what is there with
    /// one wait for its disk is better off with everything in one.
    fn messages_at_once(&self) -> usize {
        1
    }

    /// Answers the worker's waiting [`exchange`](Self::exchange) with nothing, so that it can end.
    fn withdraw(&self, worker: Arc<str>) -> Answered<'_, ()>;

    /// A worker's sign of life for its jobs. Answers for each of them, in order.
    fn heartbeat(&self, beats: Heartbeat) -> Answered<'_, Vec<Beat>>;

    /// How far the work is. Not on disk before the attempt ends.
    fn progress(&self, lease: Lease, progress: Progress) -> Answered<'_, ()>;

    /// Adds lines to the job's log; the newest [`LINES_MAX`](crate::bounds::LINES_MAX) are kept.
    fn log(&self, lease: Lease, lines: Vec<Line>) -> Answered<'_, ()>;

    /// Keeps a value that the next attempt will see; the latest one only.
    fn checkpoint(&self, lease: Lease, value: Box<RawValue>) -> Answered<'_, ()>;

    /// Stops a job and its children. From now on it can only become cancelled: at once if no worker has it,
    /// else when its worker has stopped, or has not listened for as long as its lease. Doing it twice is fine.
    fn cancel(&self, id: JobId) -> Answered<'_, State>;

    /// Answers what a job asked; it is queued again.
    fn answer(&self, id: JobId, answer: Box<RawValue>) -> Answered<'_, ()>;

    /// Puts another question in the place of what a job asks: the rest of it, when a part was answered. It waits as before.
    /// An engine that cannot keep it says so; then everything has to be answered at once.
    #[expect(clippy::boxed_local, reason = "engines that can keep it keep it as it came")]
    fn ask_rest(&self, _id: JobId, _rest: Box<RawValue>) -> Answered<'_, ()> {
        let problem = "cannot be kept in part by this engine; answer all of it at once".to_owned();
        Box::pin(std::future::ready(Err(EngineError::Invalid { what: "the answer", problem })))
    }

    /// Tries a job again: one that failed or is dead with all its attempts, one that waits for its time now.
    fn retry(&self, id: JobId) -> Answered<'_, ()>;

    /// Tries everything again that failed or is dead and fits the filter. Says how many.
    fn retry_all(&self, filter: Filter) -> Answered<'_, u64>;

    /// Changes the arguments of a job that failed or is dead.
    fn edit(&self, id: JobId, arguments: Box<RawValue>) -> Answered<'_, ()>;

    /// Forgets a job that has ended.
    fn discard(&self, id: JobId) -> Answered<'_, ()>;

    /// Forgets everything that has ended and fits the filter. Says how many.
    fn discard_all(&self, filter: Filter) -> Answered<'_, u64>;

    /// Starts no more jobs of a queue. What runs goes on.
    fn pause(&self, queue: Arc<str>) -> Answered<'_, ()>;

    /// Starts jobs of a queue again.
    fn resume(&self, queue: Arc<str>) -> Answered<'_, ()>;

    /// Sets or, with an empty limit, removes a limit.
    fn limit(&self, scope: Scope, limit: Limit) -> Answered<'_, ()>;

    /// Every limit that is set.
    fn limits(&self) -> Answered<'_, Vec<LimitRow>>;

    /// A job as it is now.
    fn get(&self, id: JobId) -> Answered<'_, Job>;

    /// With which arguments, and with which attributes, a job was submitted (or edited since).
    fn arguments(&self, id: JobId) -> Answered<'_, (Box<RawValue>, Option<Box<RawValue>>)>;

    /// Which callbacks these jobs were submitted with, in order; `None` also for those of which nothing is known any more. For
    /// whoever tells them. An engine that writes itself what is to be told needs none.
    fn callbacks(&self, ids: Vec<JobId>) -> Answered<'_, Vec<Option<Arc<str>>>> {
        Box::pin(std::future::ready(Ok(vec![None; ids.len()])))
    }

    /// What the history still knows of jobs that are not there any more, for each of these things that happened to them; for
    /// whoever tells it.
    fn remains(&self, happened: Vec<Happened>) -> Answered<'_, Vec<Option<Remains>>> {
        Box::pin(std::future::ready(Ok(happened.iter().map(|_| None).collect())))
    }

    /// What came of a job so far.
    fn outcome(&self, id: JobId) -> Answered<'_, Outcome>;

    /// The lines of a job's log after a number, oldest first; at most [`PAGE_MAX`](crate::bounds::PAGE_MAX).
    fn lines(&self, id: JobId, after: u64, limit: usize) -> Answered<'_, Vec<Line>>;

    /// Jobs that fit the filter, newest first, starting after the one that ended the page before.
    /// At most [`PAGE_MAX`](crate::bounds::PAGE_MAX) of them.
    fn list(&self, filter: Filter, after: Option<JobId>, limit: usize) -> Answered<'_, Page>;

    /// How many jobs there are of each state in each queue.
    fn counts(&self) -> Answered<'_, Vec<QueueCounts>>;

    /// What happened after a number, oldest first, to one job or to all; at most
    /// [`PAGE_MAX`](crate::bounds::PAGE_MAX). The history is kept for a while only; see [`Self::keep_since`].
    fn history(&self, after: u64, job: Option<JobId>, limit: usize) -> Answered<'_, Vec<Happened>>;

    /// How far a reader of the history has come: it will not be shortened beyond, within reason.
    fn keep_since(&self, reader: Arc<str>, seq: u64) -> Answered<'_, ()>;

    /// The number that a reader of the history kept last; 0 for a new one.
    fn kept_since(&self, reader: Arc<str>) -> Answered<'_, u64>;

    /// What happens from now on. A reader that is too slow misses some, and can read [`Self::history`].
    fn changes(&self) -> broadcast::Receiver<Change>;

    /// Jobs whose workers are to stop, from now on, for workers in this process. The heartbeat tells it, too.
    fn stops(&self) -> broadcast::Receiver<Lease>;

    /// Whether changes are written now: a full disk, or a database that is away, is an error here as it is for everybody
    /// else.
    fn check_health(&self) -> Answered<'_, ()>;

    /// Writes what is there, and takes no more. Jobs that wait, wait for the next start.
    fn close(&self) -> Answered<'_, ()>;
}

/// The right to speak for a job: whoever claimed it last has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// The job.
    pub id: JobId,
    /// The fencing token of the claim.
    pub token: u64,
}

/// One message of a worker.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The worker's name, for people, and for [`Engine::withdraw`].
    pub worker: Arc<str>,
    /// Whether the worker ends with the engine: its jobs are then free again at the next start, without waiting for
    /// their leases.
    pub in_process: bool,
    /// How attempts ended. Said again until it was answered; the second time changes nothing.
    pub said: Vec<Said>,
    /// What it wants next.
    pub claim: Option<Claim>,
}

/// What a worker wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claim {
    /// How many jobs at most; within [`CLAIM_MAX`](crate::bounds::CLAIM_MAX).
    pub max: usize,
    /// From which queues; empty for all.
    pub queues: Vec<Arc<str>>,
    /// Of which tools; empty for all.
    pub tools: Vec<ToolPattern>,
    /// How long it may be silent, in milliseconds; within [`LEASE_MS_MAX`](crate::bounds::LEASE_MS_MAX).
    pub lease_ms: u32,
    /// How long to wait for work, in milliseconds.
    pub wait_ms: u64,
}

/// How one attempt ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    /// Which.
    pub lease: Lease,
    /// How.
    pub end: AttemptEnd,
    /// How far it came.
    pub progress: Option<Progress>,
}

/// How an attempt can end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum AttemptEnd {
    /// Done, with this result.
    Completed(Box<RawValue>),
    /// Not done.
    Failed(Failure),
    /// Stopped, as the engine asked.
    Stopped,
    /// Given back before it was begun; the attempt does not count.
    Released,
    /// It needs an answer to this, and will be run again with it.
    AskedInput(Box<RawValue>),
    /// It needs its children to end, and will be run again then.
    AwaitsChildren,
}

/// The answer to [`Exchange`].
#[derive(Debug)]
pub struct Exchanged {
    /// Where each job is after what was said, in order; or why it did not count.
    pub said: Vec<Result<State, EngineError>>,
    /// Work.
    pub work: Vec<Work>,
}

/// A job for a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Work {
    /// Which job, and the right to speak for it.
    pub lease: Lease,
    /// Where it waited.
    pub queue: Arc<str>,
    /// Which tool to run.
    pub tool: Arc<str>,
    /// As whom.
    pub caller: Arc<str>,
    /// With which arguments.
    pub arguments: Box<RawValue>,
    /// What was submitted besides.
    pub attributes: Option<Box<RawValue>>,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// How many attempts there may be.
    pub attempts_max: u32,
    /// Must have ended by, in milliseconds since 1970.
    pub deadline_ms: Option<i64>,
    /// What an earlier attempt kept.
    pub checkpoint: Option<Box<RawValue>>,
    /// The answer to what an earlier round asked.
    pub answer: Option<Box<RawValue>>,
}

/// A worker's sign of life.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Heartbeat {
    /// For these jobs.
    pub leases: Vec<Lease>,
    /// How long it may be silent from now on, in milliseconds.
    pub lease_ms: u32,
}

/// What a heartbeat brings back for one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Beat {
    /// Go on.
    GoOn,
    /// Stop, and say so.
    Stop,
    /// The job is not yours any more. Drop the work, and say nothing.
    Lost,
}

/// What came of [`Engine::submit_family`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// The job.
    pub parent: Submitted,
    /// Its children; none when the job existed before.
    pub children: Vec<Submitted>,
}

/// Which jobs. An empty filter fits all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Filter {
    /// In one of these states; empty for any.
    pub states: Vec<State>,
    /// In this queue.
    pub queue: Option<Arc<str>>,
    /// Of this tool.
    pub tool: Option<Arc<str>>,
    /// Of this caller.
    pub caller: Option<Arc<str>>,
    /// Part of this job.
    pub parent: Option<JobId>,
}

impl Filter {
    /// Jobs in these states.
    pub fn in_states(states: &[State]) -> Self {
        Self { states: states.to_vec(), ..Self::default() }
    }
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// What to ask for the next page with; `None` at the end.
    pub next: Option<JobId>,
}

/// What is in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueCounts {
    /// The queue.
    pub queue: Arc<str>,
    /// No job of it is started now.
    pub paused: bool,
    /// How many jobs there are of each state that has any.
    pub states: Vec<(State, u64)>,
}

impl QueueCounts {
    /// How many jobs are in a state.
    pub fn of(&self, state: State) -> u64 {
        self.states.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count)
    }
}

/// One entry of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// Its number: grows, and is never used again.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// To which job.
    pub job: JobId,
    /// What.
    pub what: Happening,
    /// The number of the latest attempt.
    pub attempt: u32,
    /// The latest fencing token.
    pub token: u64,
}

/// What is told while it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// Something that is in the history.
    Happened(Happened),
    /// How far a job is. Not in the history.
    Progress {
        /// The job.
        job: JobId,
        /// How far.
        progress: Progress,
    },
}

impl Exchange {
    /// A message that only asks for work.
    pub fn claim(worker: &str, claim: Claim) -> Self {
        Self { worker: worker.into(), in_process: false, said: Vec::new(), claim: Some(claim) }
    }

    /// A message that only says how an attempt ended.
    pub fn say(worker: &str, lease: Lease, end: AttemptEnd) -> Self {
        let said = vec![Said { lease, end, progress: None }];
        Self { worker: worker.into(), in_process: false, said, claim: None }
    }
}

impl Claim {
    /// Up to `max` jobs of any kind, those that are there now.
    pub fn now(max: usize, lease_ms: u32) -> Self {
        Self { max, queues: Vec::new(), tools: Vec::new(), lease_ms, wait_ms: 0 }
    }
}
