//! A job as those see it who submit and look.

use std::fmt;
use std::sync::Arc;

use drawbridge_contract::RawValue;
use serde::{Deserialize, Serialize};

use crate::{Policy, State};

/// The queue of jobs that name none.
pub const DEFAULT_QUEUE: &str = "default";

/// A job's id. Printable, unguessable, and only an engine knows what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Arc<str>);

impl JobId {
    /// An id as somebody wrote it. Whether there is such a job is for an engine to say.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The id, to be printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A job to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewJob {
    /// Where it waits; see [`DEFAULT_QUEUE`]. At most [`NAME_BYTES_MAX`](crate::bounds::NAME_BYTES_MAX).
    pub queue: Arc<str>,
    /// Which tool it runs.
    pub tool: Arc<str>,
    /// The id of the caller who asks, and as whom it runs.
    pub caller: Arc<str>,
    /// With which arguments. Never a secret: they are written to disk as they are.
    pub arguments: Box<RawValue>,
    /// Anything else that whoever runs it has to know (where it came from, a trace, a callback). Never a secret.
    pub attributes: Option<Box<RawValue>>,
    /// Who is told what becomes of it, by signed webhooks: an http or https URL of at most
    /// [`URL_BYTES_MAX`](crate::bounds::URL_BYTES_MAX) bytes.
    pub callback_url: Option<Arc<str>>,
    /// The greater, the sooner; jobs of the same priority run in the order of their submission.
    /// Within ±[`PRIORITY_MAX`](crate::bounds::PRIORITY_MAX).
    pub priority: i32,
    /// When it may run at the earliest.
    pub start: Start,
    /// How often it is tried, and how long it may take; `None` for the tool's policy in the engine's settings.
    pub policy: Option<Policy>,
    /// Must have ended by then, in milliseconds since 1970; goes before the policy's.
    pub deadline_ms: Option<i64>,
    /// A second submission of the same caller with this key answers with the first one's job, for as long as that
    /// is remembered. With another tool or other arguments it is refused.
    pub idempotency_key: Option<Arc<str>>,
    /// A second submission of the same caller with this key answers with the first one's job until that has ended.
    pub deduplication_key: Option<Arc<str>>,
    /// The job that it is a part of, which has not ended.
    pub parent: Option<JobId>,
    /// When a child of this job ends badly, so does this job, instead of being told about it.
    pub fails_with_children: bool,
}

impl NewJob {
    /// A job to be run at once, with everything else as usual.
    pub fn new(tool: &str, caller: &str, arguments: Box<RawValue>) -> Self {
        Self {
            queue: DEFAULT_QUEUE.into(),
            tool: tool.into(),
            caller: caller.into(),
            arguments,
            attributes: None,
            callback_url: None,
            priority: 0,
            start: Start::Now,
            policy: None,
            deadline_ms: None,
            idempotency_key: None,
            deduplication_key: None,
            parent: None,
            fails_with_children: false,
        }
    }
}

/// When a job may run at the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Start {
    /// At once.
    #[default]
    Now,
    /// After this many milliseconds.
    After(u64),
    /// At this time, in milliseconds since 1970.
    At(i64),
}

/// What came of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// The job.
    pub id: JobId,
    /// It was there before: one of its keys was used already.
    pub existed: bool,
}

/// A job as it is now. Without its payloads, which can be large: see [`Engine::arguments`](crate::Engine::arguments)
/// and [`Engine::outcome`](crate::Engine::outcome).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Where it waits or waited.
    pub queue: Arc<str>,
    /// Which tool it runs.
    pub tool: Arc<str>,
    /// Who asked for it.
    pub caller: Arc<str>,
    /// Where it is in its life.
    pub state: State,
    /// It runs, and was asked to stop; it can only become cancelled.
    pub stopping: bool,
    /// It is scheduled because it waits for its children.
    pub awaits_children: bool,
    /// The greater, the sooner.
    pub priority: i32,
    /// The number of the latest attempt; 0 before the first.
    pub attempt: u32,
    /// How many attempts there may be.
    pub attempts_max: u32,
    /// How many workers were lost with it.
    pub stalls: u32,
    /// The job that it is a part of.
    pub parent: Option<JobId>,
    /// How many of its children have not ended.
    pub children_open: u32,
    /// When it was submitted, in milliseconds since 1970.
    pub created_ms: i64,
    /// Not to be run before, in milliseconds since 1970.
    pub run_at_ms: i64,
    /// Must have ended by, in milliseconds since 1970.
    pub deadline_ms: Option<i64>,
    /// When the latest attempt began.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// The worker that has it.
    pub worker: Option<Arc<str>>,
    /// How far the work is; after an attempt ended, how far it came.
    pub progress: Option<Progress>,
}

/// How far the work is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Grows.
    pub progress: f64,
    /// What `progress` will be at the end, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<f64>,
    /// For people; at most [`MESSAGE_BYTES_MAX`](crate::bounds::MESSAGE_BYTES_MAX), then it is cut.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// What is still known of a job that its engine has forgotten.
#[derive(Debug, Clone)]
pub struct Remains {
    /// Which tool.
    pub tool: Arc<str>,
    /// Whose it was; empty if nobody knows.
    pub caller: Arc<str>,
    /// The callback with which it was submitted.
    pub callback: Option<Arc<str>>,
    /// How often it might be tried.
    pub attempts_max: u32,
    /// Its result, if it completed.
    pub result: Option<Box<RawValue>>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// What came of a job, as far as there is something.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Its result, if it completed.
    pub result: Option<Box<RawValue>>,
    /// Why the latest attempt failed.
    pub failure: Option<Failure>,
    /// What it asks, while it waits for input.
    pub question: Option<Box<RawValue>>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A word for programs: one of [`codes`], or the runner's own.
    pub code: Box<str>,
    /// For people: what happened, why, and what to do.
    pub message: String,
    /// Whether another attempt may do better.
    pub retryable: bool,
    /// The pause before it, in milliseconds, if the job's own backoff is not to be used.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_ms: Option<u32>,
    /// What the tool answered besides, as JSON text; at most [`FAILURE_RESULT_BYTES_MAX`](crate::bounds::FAILURE_RESULT_BYTES_MAX),
    /// else it is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<Box<str>>,
}

impl Failure {
    /// A failure that another attempt may mend.
    pub fn retryable(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            retryable: true,
            retry_after_ms: None,
            result: None,
        }
    }

    /// A failure that no attempt mends.
    pub fn last(code: &str, message: impl Into<String>) -> Self {
        Self { retryable: false, ..Self::retryable(code, message) }
    }

    /// Keeps what the tool answered besides, as JSON text, unless it is too large.
    pub fn with_result(self, result: &str) -> Self {
        let fits = result.len() <= crate::bounds::FAILURE_RESULT_BYTES_MAX;
        Self { result: fits.then(|| result.into()), ..self }
    }
}

/// The codes of failures that engines and workers make themselves.
pub mod codes {
    /// The tool answered with an error.
    pub const TOOL: &str = "tool";
    /// The worker was lost while it had the job.
    pub const STALLED: &str = "stalled";
    /// The deadline passed.
    pub const DEADLINE: &str = "deadline";
    /// A child ended badly.
    pub const CHILD: &str = "child";
    /// The result is larger than it may be.
    pub const RESULT_TOO_LARGE: &str = "result_too_large";
    /// The runner panicked.
    pub const PANIC: &str = "panic";
    /// The worker had to stop before the work was done.
    pub const INTERRUPTED: &str = "interrupted";
}

/// One line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number in the job's log, from 1; 0 in a line to be written.
    #[serde(default)]
    pub number: u64,
    /// When, in milliseconds since 1970; 0 in a line to be written.
    #[serde(default)]
    pub at_ms: i64,
    /// How grave: a word of RFC 5424, such as `info`.
    pub level: Box<str>,
    /// What; at most [`LINE_BYTES_MAX`](crate::bounds::LINE_BYTES_MAX), then it is cut.
    pub text: String,
}
