//! What a tool gets besides its arguments.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    Answer, Answers, Arguments, Call, CallId, Caller, Handler, JobOptions, JobRun, Jobs, Origin, Outcome,
    Refusal, Run, Target, ToolError, View, raw,
};

/// Stops a call: held by whoever may give up on it.
pub type Cancellation = CancellationToken;

/// The live side of a call: where its events go while it runs, and how it is stopped.
#[derive(Clone, Default)]
pub struct Live {
    /// Cancelled when the caller gives up, the deadline passes, or we end.
    pub cancellation: Cancellation,
    /// Where progress and log events go; `None` when nobody listens, and then they cost nothing.
    pub sink: Option<Arc<dyn Sink>>,
}

/// Takes the events of a running call.
pub trait Sink: Send + Sync + 'static {
    /// Takes one event. Must not block; may drop progress when the reader is slow.
    fn send(&self, event: Event);
}

/// What a running call tells before it is done.
#[derive(Debug, Clone)]
pub enum Event {
    /// How far it is.
    Progress {
        /// Grows with every event.
        progress: f64,
        /// What `progress` will be at the end, if known.
        total: Option<f64>,
        /// For people.
        message: Option<String>,
    },
    /// A line for the log that the caller sees.
    Log {
        /// How grave.
        level: LogLevel,
        /// Which part speaks.
        logger: Option<String>,
        /// Text or an object.
        data: Value,
    },
}

/// Levels of RFC 5424, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of RFC 5424, section 6.2.1")]
pub enum LogLevel {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

/// What a tool gets besides its arguments: who asks, how to tell progress, when to stop, and the way to other tools.
pub struct Context {
    /// This call.
    pub call: CallId,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// How the call came in.
    pub origin: Origin,
    /// Answers to what this tool asked in an earlier round, with the tool's own state in clear.
    pub answers: Option<Answers>,
    /// When it will be stopped.
    pub deadline: Instant,
    job: Option<Arc<JobRun>>,
    live: Live,
    door: Arc<dyn Handler>,
}

impl Context {
    /// For the gateway, which alone starts tools.
    pub fn new(
        call: &Call,
        live: Live,
        answers: Option<Answers>,
        deadline: Instant,
        door: Arc<dyn Handler>,
    ) -> Self {
        let (caller, origin) = (call.caller.clone(), call.origin.clone());
        let job = match &call.run {
            Run::Job(job) => Some(job.clone()),
            Run::Now | Run::Later(_) => None,
        };
        Self { call: call.id, caller, origin, answers, deadline, job, live, door }
    }

    /// Tells how far the work is. `progress` must grow from call to call.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        if let Some(sink) = &self.live.sink {
            sink.send(Event::Progress { progress, total, message: message.map(str::to_owned) });
        }
    }

    /// Writes a line to the log that the caller sees.
    pub fn log(&self, level: LogLevel, data: Value) {
        if let Some(sink) = &self.live.sink {
            sink.send(Event::Log { level, logger: None, data });
        }
    }

    /// Stops this call. Blocking work asks `is_cancelled` between its steps; async work is dropped.
    pub fn cancellation(&self) -> &Cancellation {
        &self.live.cancellation
    }

    /// For blocking loops: an error as soon as the call is to stop.
    ///
    /// # Errors
    /// [`ToolError::Cancelled`].
    pub fn check_cancelled(&self) -> Result<(), ToolError> {
        if self.live.cancellation.is_cancelled() { Err(ToolError::Cancelled) } else { Ok(()) }
    }

    /// The time that is left.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// What this caller sees now: for tools that offer others to somebody, such as a model.
    pub fn view(&self) -> Arc<View> {
        self.door.view(&self.caller)
    }

    /// Uses another tool: through the same door, as the same caller, with this call as parent. It ends with this
    /// call, and its progress is not mixed with ours.
    ///
    /// # Errors
    /// The door's [`Refusal`], for the same reasons as for a call from outside, and when the depth limit is reached.
    pub async fn call(&self, tool: &str, arguments: Arguments) -> Result<Outcome<Answer>, Refusal> {
        self.pass(self.child(tool, arguments)).await
    }

    /// Puts a call of another tool into the background: through the same door, as the same caller. It does not end with
    /// this call. The answer is [`Outcome::Accepted`].
    ///
    /// # Errors
    /// As [`call`](Self::call), and [`Refusal::Tool`] when the job is not taken.
    pub async fn submit(
        &self,
        tool: &str,
        arguments: Arguments,
        options: JobOptions,
    ) -> Result<Outcome<Answer>, Refusal> {
        self.pass(Call { run: Run::Later(Box::new(options)), ..self.child(tool, arguments) }).await
    }

    fn child(&self, tool: &str, arguments: Arguments) -> Call {
        let origin = Origin {
            parent: Some(self.call),
            depth: self.origin.depth.saturating_add(1),
            ..self.origin.clone()
        };
        Call::new(self.caller.clone(), Target::Tool(tool.into()), arguments, origin)
    }

    async fn pass(&self, call: Call) -> Result<Outcome<Answer>, Refusal> {
        let live = Live { cancellation: self.live.cancellation.child_token(), sink: None };
        self.door.clone().call(call, live).await
    }

    /// The jobs of this hub, where there are any.
    pub fn jobs(&self) -> Option<Arc<dyn Jobs>> {
        self.door.jobs()
    }

    /// The job that this call is, if it is one: its id, and which attempt this is.
    pub fn job(&self) -> Option<&JobRun> {
        self.job.as_deref()
    }

    /// Keeps a value that the next attempt of this job will see; the latest one only. When this returns it is on disk.
    /// Where the call is no job, nothing is kept, because there will be no next attempt.
    ///
    /// # Errors
    /// When it cannot be written, or another worker has the job by now: stop then.
    pub async fn checkpoint(&self, value: &(impl Serialize + Sync)) -> Result<(), ToolError> {
        match &self.job {
            Some(job) => job.keep(raw(value)).await,
            None => Ok(()),
        }
    }

    /// What an earlier attempt of this job kept; `None` in a first attempt, and for what cannot be read as a `T`: an
    /// older version of the tool may have written it.
    pub fn last_checkpoint<T: DeserializeOwned>(&self) -> Option<T> {
        let kept = self.job.as_ref()?.checkpoint.as_ref()?;
        serde_json::from_str(kept.get()).ok()
    }
}
