//! What a tool gets besides its arguments.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    Answer, Answers, Arguments, Call, CallId, Caller, Handler, Origin, Outcome, Refusal, Target, ToolError,
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
        Self { call: call.id, caller, origin, answers, deadline, live, door }
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

    /// Uses another tool: through the same door, as the same caller, with this call as parent. It ends with this
    /// call, and its progress is not mixed with ours.
    ///
    /// # Errors
    /// The door's [`Refusal`], for the same reasons as for a call from outside, and when the depth limit is reached.
    pub async fn call(&self, tool: &str, arguments: Arguments) -> Result<Outcome<Answer>, Refusal> {
        let origin = Origin {
            parent: Some(self.call),
            depth: self.origin.depth.saturating_add(1),
            ..self.origin.clone()
        };
        let call = Call::new(self.caller.clone(), Target::Tool(tool.into()), arguments, origin);
        let live = Live { cancellation: self.live.cancellation.child_token(), sink: None };
        self.door.clone().call(call, live).await
    }
}
