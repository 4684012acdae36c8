//! Jobs: calls that run in the background, as the door, the servers and the wires know them.
//!
//! A job is submitted through the door. A [`Call`](crate::Call) whose [`run`](crate::Call::run) is [`Run::Later`] is
//! resolved, validated, authorized and recorded as any other; then, instead of being run, it is put into the
//! [`Backlog`] and answered with [`Outcome::Accepted`](crate::Outcome::Accepted). When its turn comes it enters the
//! same door as the same caller, with [`Run::Job`], and is refused if that caller may not any more.
//!
//! What came of it is asked of [`Jobs`], which [`Handler::jobs`](crate::Handler::jobs) gives. There a caller sees its
//! own jobs and no others; the owner sees all.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::BoxStream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Annotations, Answers, Arguments, BoxFuture, Caller, InputRequired, Origin, Refusal, Schedules, ToolError,
    ToolResult, Webhooks,
};

/// The key of the door's own question among what a call asks: whether the owner allows it. Tools cannot use it.
pub const APPROVAL: &str = "drawbridge_approval";

/// When a call runs.
#[derive(Debug, Clone, Default)]
pub enum Run {
    /// Now, while its caller waits.
    #[default]
    Now,
    /// Later, as a job; the answer is the job's id.
    Later(Box<JobOptions>),
    /// It is a job whose turn has come. Only who runs jobs says so.
    Job(Arc<JobRun>),
}

/// How a job is to be treated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobOptions {
    /// Where it waits; queues can be paused and limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Box<str>>,
    /// The greater, the sooner.
    pub priority: i32,
    /// Not to be run for so many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// It must have ended after so many milliseconds, waiting included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// How long one attempt may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How many attempts there may be, the first one included. More than one needs a tool that changes nothing or can be
    /// repeated, or `retry_safe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// It does no harm to run this twice, although the tool does not say so of itself.
    pub retry_safe: bool,
    /// A second submission with this key is answered with the first one's job, for as long as that is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<Box<str>>,
    /// A second submission with this key is answered with the first one's job until that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deduplication_key: Option<Box<str>>,
    /// An http or https address that is told what becomes of the job, as far as the owner lets it be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<Box<str>>,
}

/// What a call knows of the job that it is.
pub struct JobRun {
    /// The job. It is the same in every attempt: good as an idempotency key for what a tool does elsewhere.
    pub id: Box<str>,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// How many attempts there may be.
    pub attempts_max: u32,
    /// How long this attempt may take, where that is longer than the tool's own limit.
    pub timeout: Duration,
    /// What an earlier attempt kept.
    pub checkpoint: Option<Box<RawValue>>,
    keeper: Arc<dyn Checkpoints>,
    is_hopeless: AtomicBool,
}

/// Keeps what the next attempt of a job needs.
pub trait Checkpoints: Send + Sync + 'static {
    /// Keeps a value, the latest one only. When this returns it is on disk.
    fn keep(&self, value: Box<RawValue>) -> BoxFuture<'_, Result<(), ToolError>>;
}

impl JobRun {
    /// The first attempt at a job, with everything else as usual.
    pub fn new(id: &str, timeout: Duration, keeper: Arc<dyn Checkpoints>) -> Self {
        let (attempt, attempts_max, is_hopeless) = (1, 1, AtomicBool::new(false));
        Self { id: id.into(), attempt, attempts_max, timeout, checkpoint: None, keeper, is_hopeless }
    }

    /// Keeps a value for the next attempt.
    ///
    /// # Errors
    /// When it cannot be written, or the job was lost to another worker: drop the work then.
    pub async fn keep(&self, value: Box<RawValue>) -> Result<(), ToolError> {
        self.keeper.keep(value).await
    }

    /// Notes that the tool failed in a way that no further attempt mends.
    pub fn give_up(&self) {
        self.is_hopeless.store(true, Ordering::Relaxed);
    }

    /// Whether a further attempt would fail in the same way.
    pub fn is_hopeless(&self) -> bool {
        self.is_hopeless.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for JobRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "JobRun({}, attempt {} of {})", self.id, self.attempt, self.attempts_max)
    }
}

/// What [`Jobs`] and [`Backlog`] answer, in time.
pub type JobFuture<'a, T> = BoxFuture<'a, Result<T, Refusal>>;

/// The jobs of a hub, for those who look at them and steer them.
///
/// Each method takes who asks. A job of somebody else does not exist for them
/// ([`Refusal::NotFound`] with the kind `job`); the owner sees every job.
pub trait Jobs: Send + Sync + 'static {
    /// A job as it is now.
    fn get<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, JobView>;

    /// What came of a job.
    fn result<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, JobEnd>;

    /// Jobs that fit the filter, newest first. `cursor` is the [`JobPage::next`] of the page before; at most `limit` of
    /// them, and never more than [`JOBS_PAGE_MAX`].
    fn list<'a>(
        &'a self,
        caller: &'a Caller,
        filter: JobFilter,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> JobFuture<'a, JobPage>;

    /// The lines of a job's log after a number, oldest first; never more than [`JOBS_PAGE_MAX`].
    fn lines<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        after: u64,
        limit: usize,
    ) -> JobFuture<'a, Vec<JobLine>>;

    /// Stops a job and what belongs to it. From then on it can only become cancelled. Doing it twice is fine; a job that
    /// has ended otherwise is refused with [`ToolError::Refused`].
    fn cancel<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, JobView>;

    /// Answers what a job asks: by the keys of [`JobView::needed`]. A part is kept, and the job waits for the rest. Only
    /// for entrances where a person answers, because it can hold the owner's yes. A job that asks nothing is refused
    /// with [`ToolError::Refused`]. `answers.state` is not needed.
    fn answer<'a>(&'a self, caller: &'a Caller, id: &'a str, answers: Answers) -> JobFuture<'a, JobView>;

    /// Tries a job again that failed or is dead, or one that waits for its time, now.
    fn retry<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, JobView>;

    /// Tries all again that failed or are dead and fit the filter. Says how many.
    fn retry_all<'a>(&'a self, caller: &'a Caller, filter: JobFilter) -> JobFuture<'a, u64>;

    /// Changes the arguments of a job that failed or is dead. They are validated when it runs.
    fn edit<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        arguments: &'a Arguments,
    ) -> JobFuture<'a, JobView>;

    /// Forgets a job that has ended.
    fn discard<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, ()>;

    /// Forgets all that have ended and fit the filter. Says how many.
    fn discard_all<'a>(&'a self, caller: &'a Caller, filter: JobFilter) -> JobFuture<'a, u64>;

    /// What happens to a job, from the number `after` (0 for all that is remembered) until it has ended. A reader that
    /// is slow misses only progress.
    fn watch<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        after: u64,
    ) -> JobFuture<'a, BoxStream<'static, JobEvent>>;

    /// What is begun again and again, where there is something that begins it.
    fn schedules(&self) -> Option<Arc<dyn Schedules>> {
        None
    }

    /// Who is told what becomes of jobs, where there is something that tells it.
    fn webhooks(&self) -> Option<Arc<dyn Webhooks>> {
        None
    }

    /// Starts no more jobs of a queue, or starts them again. What runs goes on. For the owner alone: a queue is
    /// everybody's. Others get [`ToolError::Refused`].
    fn pause<'a>(&'a self, caller: &'a Caller, queue: &'a str, paused: bool) -> JobFuture<'a, ()>;

    /// How much there is to do, and who does it. For status pages and the owner: it tells of everybody's jobs.
    fn load(&self) -> JobFuture<'_, JobLoad>;
}

/// The jobs of a hub, for the door alone: it puts in what it has authorized.
pub trait Backlog: Jobs {
    /// Takes a job that passed the door. On disk when this returns.
    ///
    /// # Errors
    /// [`ToolError::Invalid`] for options that make no sense, [`ToolError::Refused`] when there are too many of this
    /// caller, [`ToolError::Failed`] while jobs cannot be taken; each as [`Refusal::Tool`].
    fn enqueue(&self, request: JobRequest) -> JobFuture<'_, JobAccepted>;
}

/// A job to be, as it passed the door.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// Who asks, and as whom it will run.
    pub caller: Arc<Caller>,
    /// Which tool.
    pub tool: Box<str>,
    /// What the tool says of itself: whether it may be tried again.
    pub annotations: Annotations,
    /// They fit its schema.
    pub arguments: Arguments,
    /// How the submission came in.
    pub origin: Origin,
    /// The call that submitted it, for the audit.
    pub call: crate::CallId,
    /// How it is to be treated.
    pub options: JobOptions,
}

/// What came of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobAccepted {
    /// The job.
    pub id: Box<str>,
    /// It was there before: one of its keys was used already.
    pub existed: bool,
}

/// How many jobs or lines one page holds at most.
pub const JOBS_PAGE_MAX: usize = 1_000;

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Ready; the next free worker takes it.
    Queued,
    /// Not to be run before its time, or before its parts have ended.
    Scheduled,
    /// A worker has it.
    Running,
    /// It asked something in the middle of its work.
    WaitingForInput,
    /// Done.
    Completed,
    /// Failed, in a way that no further attempt mends.
    Failed,
    /// Stopped on request.
    Cancelled,
    /// Given up: every attempt failed, or its worker was lost and it is not safe to run it twice. A dead letter.
    Dead,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Scheduled,
        Self::Running,
        Self::WaitingForInput,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Dead,
    ];

    /// Whether nothing more happens to it by itself.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Dead)
    }

    /// As it is written everywhere: `waiting_for_input`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::WaitingForInput => "waiting_for_input",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }

    /// The state of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A job as it is now. Times are milliseconds since 1970.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct JobView {
    /// Its id.
    pub id: Box<str>,
    /// Which tool it runs.
    pub tool: Box<str>,
    /// Who asked for it.
    pub caller: Box<str>,
    /// Where it waits or waited.
    pub queue: Box<str>,
    /// Where it is in its life.
    pub state: JobState,
    /// It was asked to stop and has not done so yet; it can only become cancelled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopping: bool,
    /// The greater, the sooner.
    pub priority: i32,
    /// The number of the latest attempt; 0 before the first.
    pub attempt: u32,
    /// How many there may be.
    pub attempts_max: u32,
    /// When it was submitted.
    pub created_ms: i64,
    /// When it ended; before that, when its latest attempt began; before that, when it was submitted.
    pub updated_ms: i64,
    /// Not to be run before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_at_ms: Option<i64>,
    /// When the latest attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<i64>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    /// Must have ended by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// For how long after its end it is remembered, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// How far the work is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
    /// For people: what it waits for, or why it did not go well. Also while a further attempt is to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its last attempt ended with an error of the tool's own, which [`Jobs::result`] has: the job failed or is dead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// The arguments as people may see them: secrets masked, long values cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub arguments: Option<Box<RawValue>>,
    /// The worker that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<Box<str>>,
    /// What it asks, while it waits for input. Answers go to [`Jobs::answer`]; empty where only the owner can decide, as
    /// `message` says.
    #[serde(skip)]
    #[schemars(skip)]
    pub needed: Option<InputRequired>,
}

/// How far the work is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct JobProgress {
    /// Grows.
    pub progress: f64,
    /// What `progress` will be at the end, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What came of a job.
#[derive(Debug, Clone)]
pub enum JobEnd {
    /// Nothing yet.
    Open(JobState),
    /// The tool answered: well, or with an error of its own.
    Answered(ToolResult),
    /// It did not come to an answer.
    Failed {
        /// A word for programs, such as `stalled`, `deadline`, `denied`.
        code: Box<str>,
        /// What happened, why, and what to do.
        message: String,
    },
    /// It was stopped on request.
    Cancelled,
}

/// Which jobs. An empty filter fits all.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// In one of these states; empty for any.
    pub states: Vec<JobState>,
    /// In this queue.
    pub queue: Option<Box<str>>,
    /// Of this tool.
    pub tool: Option<Box<str>>,
    /// Of this caller. Others than the owner see their own in any case.
    pub caller: Option<Box<str>>,
}

/// One page of a listing.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// What to ask for the next page with; `None` at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Box<str>>,
}

/// One line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JobLine {
    /// Its number in the job's log, from 1.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// How grave: a word of RFC 5424.
    pub level: Box<str>,
    /// What.
    pub text: String,
}

/// Something that happened to a job.
#[derive(Debug, Clone, Serialize)]
pub struct JobEvent {
    /// Its number; grows. `None` for progress, which is not remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// A word: `submitted`, `started`, `progress`, `retrying`, `asked_input`, `completed` and so on.
    pub what: Box<str>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The job as it was when this was told, which may be later.
    pub job: JobView,
}

/// How much there is to do, and who does it.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct JobLoad {
    /// Which engine keeps the jobs.
    pub engine: &'static str,
    /// What is in each queue.
    pub queues: Vec<QueueLoad>,
    /// How many jobs this process may run at once; 0 when it runs none.
    pub concurrency: usize,
    /// How many it runs now.
    pub running: usize,
    /// What keeps jobs from being taken, if anything does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// What is in a queue.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct QueueLoad {
    /// The queue.
    pub queue: Box<str>,
    /// No job of it is started now.
    pub paused: bool,
    /// How many jobs there are of each state that has any.
    pub states: Vec<(JobState, u64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_by_the_words_of_the_engine() {
        let words: Vec<String> =
            JobState::ALL.iter().map(|state| crate::raw(state).get().to_owned()).collect();
        assert_eq!(
            words.join(" "),
            r#""queued" "scheduled" "running" "waiting_for_input" "completed" "failed" "cancelled" "dead""#
        );
        assert_eq!(JobState::ALL.iter().filter(|state| state.has_ended()).count(), 4);
        for state in JobState::ALL {
            assert_eq!(crate::raw(&state).get(), format!("\"{}\"", state.word()));
            assert_eq!(JobState::of_word(state.word()), Some(state));
        }
    }

    #[test]
    fn options_that_nobody_knows_are_refused() {
        assert!(serde_json::from_str::<JobOptions>(r#"{"retry_save": true}"#).is_err());
        assert_eq!(serde_json::from_str::<JobOptions>("{}").unwrap(), JobOptions::default());
    }
}
