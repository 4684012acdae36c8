//! A job whose turn has come enters the door again, as who asked for it.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Abilities, Answer, Answers, Arguments, BoxFuture, Call, Caller, Checkpoints, Event, Handler, Host,
    JobRun, Live, LogLevel, Outcome, RawValue, Refusal, Run, Sink, Target, ToolError,
};
use drawbridge_jobs::worker::{RunContext, Runner};
use drawbridge_jobs::{AttemptEnd, Failure, Work};

use crate::attributes::Attributes;
use crate::end::{self, codes};
use crate::question::Answer as Kept;

/// How often a job that waits for the bridge to be lowered looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs jobs through the door.
pub struct DoorRunner {
    door: Arc<dyn Handler>,
    attempt_time: Duration,
}

impl DoorRunner {
    /// Through `door`; an attempt whose job does not say may take `attempt_time`.
    pub fn new(door: Arc<dyn Handler>, attempt_time: Duration) -> Self {
        Self { door, attempt_time }
    }

    async fn attempt(&self, work: Work, context: RunContext) -> AttemptEnd {
        let Some(caller) = self.door.recall(&work.caller) else {
            return failed(
                codes::CALLER_GONE,
                format!("the key of {} was revoked or has expired", work.caller),
            );
        };
        let answer = Kept::read(work.answer.as_deref(), work.attempt);
        if answer.as_ref().is_some_and(Kept::is_no) {
            return failed(codes::DENIED, "the owner was asked and said no, or did not answer in time");
        }
        let Ok(arguments) = Arguments::decode(&work.arguments) else {
            return failed(codes::INVALID, "its arguments are not a JSON object; edit them, then retry it");
        };
        if !self.wait_until_lowered(&caller, &work, &context).await {
            return AttemptEnd::Stopped;
        }
        let (call, run) = self.call(caller, &work, arguments, &context);
        let outcome = self.ask(call, answer.and_then(Kept::answers), &context).await;
        end::of(outcome, &run, &context)
    }

    /// Nothing runs while the bridge is raised, and that is no failure of the job's. `false` when it is to stop.
    async fn wait_until_lowered(&self, caller: &Caller, work: &Work, context: &RunContext) -> bool {
        let target = Target::Tool((*work.tool).into());
        let is_raised = || matches!(self.door.still_allows(caller, &target), Err(Refusal::Raised));
        while is_raised() {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = context.cancellation().cancelled() => return false,
            }
        }
        true
    }

    fn call(
        &self,
        caller: Arc<Caller>,
        work: &Work,
        arguments: Arguments,
        context: &RunContext,
    ) -> (Call, Arc<JobRun>) {
        let attributes = Attributes::read(work.attributes.as_deref());
        let mut origin = attributes.origin();
        // Whoever looks at the job can be asked, when there is time.
        let abilities = Abilities { elicit_form: true, elicit_url: true, ..Abilities::default() };
        origin.host = Arc::new(Host { name: "job".into(), abilities, ..Host::default() });
        let timeout = attributes.timeout_ms.map_or(self.attempt_time, Duration::from_millis);
        let keeper = Arc::new(Keeper(context.clone()));
        let mut run = JobRun::new(work.lease.id.as_str(), timeout, keeper);
        (run.attempt, run.attempts_max) = (work.attempt, work.attempts_max);
        run.checkpoint = work.checkpoint.clone();
        let run = Arc::new(run);
        let call = Call::new(caller, Target::Tool((*work.tool).into()), arguments, origin);
        (Call { run: Run::Job(run.clone()), ..call }, run)
    }

    /// Answers that came too late are forgotten, and it is asked anew.
    async fn ask(
        &self,
        call: Call,
        answers: Option<Answers>,
        context: &RunContext,
    ) -> Result<Outcome<Answer>, Refusal> {
        let live = || Live {
            cancellation: context.cancellation().child_token(),
            sink: Some(Arc::new(Reports(context.clone()))),
        };
        if answers.is_none() {
            return self.door.clone().call(call, live()).await;
        }
        let answered = Call { answers, ..call.clone() };
        match self.door.clone().call(answered, live()).await {
            Err(Refusal::BadState(_)) => self.door.clone().call(call, live()).await,
            outcome => outcome,
        }
    }
}

impl Runner for DoorRunner {
    fn run(&self, work: Work, context: RunContext) -> BoxFuture<'_, AttemptEnd> {
        Box::pin(self.attempt(work, context))
    }
}

fn failed(code: &str, message: impl Into<String>) -> AttemptEnd {
    AttemptEnd::Failed(Failure::last(code, message))
}

/// Passes on what the tool tells while it works.
struct Reports(RunContext);

impl Sink for Reports {
    fn send(&self, event: Event) {
        match event {
            Event::Progress { progress, total, message } => {
                self.0.progress(progress, total, message.as_deref());
            }
            Event::Log { level, logger, data } => {
                let text = match data {
                    serde_json::Value::String(text) => text,
                    other => other.to_string(),
                };
                self.0.log(word(level), logger.map_or(text.clone(), |logger| format!("{logger}: {text}")));
            }
        }
    }
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Notice => "notice",
        LogLevel::Warning => "warning",
        LogLevel::Error => "error",
        LogLevel::Critical => "critical",
        LogLevel::Alert => "alert",
        LogLevel::Emergency => "emergency",
    }
}

/// Keeps what the next attempt needs.
struct Keeper(RunContext);

impl Checkpoints for Keeper {
    fn keep(&self, value: Box<RawValue>) -> BoxFuture<'_, Result<(), ToolError>> {
        Box::pin(async move {
            self.0.checkpoint(value).await.map_err(|error| ToolError::Failed(error.to_string()))
        })
    }
}
