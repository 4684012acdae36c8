//! Running what was allowed: bounded in time and bytes, stopped when nobody waits any more.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drawbridge_contract::{
    Answer, Answers, Call, Context, ExchangeHandle, Handler, Live, Outcome, Refusal, Run, Target, ToolError,
    ToolResult,
};
use futures::FutureExt as _;

use crate::authorize::Allowed;
use crate::catalog::{Entry, Subject};
use crate::gateway::Gateway;

/// How often a call that runs asks whether it still may: so much later than `drawbridge raise` it is stopped.
pub(crate) const STILL_ALLOWED_EVERY: Duration = Duration::from_millis(250);

impl Allowed {
    /// Runs it to its end, its deadline, its cancellation, or until its caller may not any more, whichever comes
    /// first. Whichever it is, the cancellation token is set afterwards, so that blocking work that was left behind
    /// stops, too.
    pub(crate) async fn invoke(
        self,
        call: &Call,
        live: Live,
        gateway: Arc<Gateway>,
    ) -> Result<Outcome<Answer>, Refusal> {
        let entry = &self.grant.entry;
        let stop = live.cancellation.clone();
        let limit = time_of(call, entry);
        let deadline = Instant::now() + limit;
        let context = Context::new(call, live, self.answers, deadline, gateway.clone());
        let work = pin!(AssertUnwindSafe(run(entry, call, &context)).catch_unwind());
        let _stops = stop.clone().drop_guard();
        tokio::select! {
            biased;
            ended = work => match ended {
                Ok(outcome) => within_bound(entry, outcome?),
                Err(_) => Err(Refusal::Internal(entry.name.clone())),
            },
            () = stop.cancelled() => Err(Refusal::Cancelled),
            refusal = until_refused(call, &gateway, deadline) => Err(refusal.unwrap_or_else(|| {
                Refusal::TimedOut { tool: entry.name.clone(), limit }
            })),
        }
    }
}

/// How long a call may take. Nobody waits for a job, so it may take longer.
fn time_of(call: &Call, entry: &Entry) -> Duration {
    match &call.run {
        Run::Job(job) => job.timeout.max(entry.limits.timeout),
        Run::Now | Run::Later(_) => entry.limits.timeout,
    }
}

/// Waits until the caller may not any more, and says why; or until the deadline, with nothing to say. A call that is
/// done at once never gets here, so this costs only those that take their time; from here on they can be found by their ids.
async fn until_refused(call: &Call, gateway: &Gateway, deadline: Instant) -> Option<Refusal> {
    let mut noted = None;
    loop {
        let next = Instant::now() + STILL_ALLOWED_EVERY;
        tokio::time::sleep_until(next.min(deadline).into()).await;
        if Instant::now() >= deadline {
            return None;
        }
        noted.get_or_insert_with(|| gateway.running.note(call));
        if let Err(why) = gateway.still_allows(&call.caller, &call.target) {
            return Some(Refusal::Stopped(why.to_string()));
        }
    }
}

async fn run(entry: &Entry, call: &Call, context: &Context) -> Result<Outcome<Answer>, Refusal> {
    match &entry.subject {
        Subject::Tool(tool, _) => tool_outcome(tool.invoke(&call.arguments, context).await, call),
        Subject::Resources(resources) => match &call.target {
            Target::Resource(uri) => Ok(resources.read(uri, context).await?.map(Answer::Resource)),
            other => Err(Refusal::NotFound { kind: "resource", name: other.to_string().into() }),
        },
        Subject::Streams(streams, mode) => match &call.target {
            Target::Stream { id, .. } => {
                Ok(Outcome::Complete(Answer::Stream(streams.open(id, *mode, context)?)))
            }
            other => Err(Refusal::NotFound { kind: "stream", name: other.to_string().into() }),
        },
        Subject::Exchange(exchanges, _) => match &call.target {
            Target::Exchange(request) => {
                let reply = exchanges.exchange(request, context).await?;
                Ok(Outcome::Complete(Answer::Exchange(ExchangeHandle::new(reply))))
            }
            other => Err(Refusal::NotFound { kind: "exchange", name: other.to_string().into() }),
        },
        Subject::Prompt(prompt) => Ok(prompt.get(&call.arguments, context).await?.map(Answer::Prompt)),
    }
}

/// A tool that fails answers with an error result that the model can act on.
fn tool_outcome(result: Result<Outcome, ToolError>, call: &Call) -> Result<Outcome<Answer>, Refusal> {
    use ToolError::{Invalid, NotFound, Refused};
    if let (Err(Invalid(_) | NotFound(_) | Refused(_)), Run::Job(job)) = (&result, &call.run) {
        job.give_up();
    }
    match result {
        Ok(outcome) => Ok(outcome.map(Answer::Tool)),
        Err(ToolError::Cancelled) => Err(Refusal::Cancelled),
        Err(error) => Ok(Outcome::Complete(Answer::Tool(ToolResult::failed(&error)))),
    }
}

fn within_bound(entry: &Entry, outcome: Outcome<Answer>) -> Result<Outcome<Answer>, Refusal> {
    let bytes_max = entry.limits.result_bytes_max;
    match &outcome {
        Outcome::Complete(answer) if size_bytes(answer) > bytes_max => {
            Err(Refusal::TooLarge { tool: entry.name.clone(), size_bytes: size_bytes(answer), bytes_max })
        }
        _ => Ok(outcome),
    }
}

/// How large an answer is, in bytes of what goes to the caller.
pub(crate) fn size_bytes(answer: &Answer) -> usize {
    match answer {
        Answer::Tool(result) => result.size_bytes(),
        Answer::Prompt(result) => result.messages.get().len(),
        Answer::Stream(_) | Answer::Exchange(_) => 0,
        Answer::Resource(result) => {
            let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            result.contents.iter().map(|one| one.uri.len() + length(&one.text) + length(&one.blob)).sum()
        }
    }
}

/// What the tool of a call gets to see of the answers: never ours.
pub(crate) fn answers_for_tool(call: &Call, state: Option<String>) -> Option<Answers> {
    let mut answers = call.answers.clone()?;
    answers.responses.remove(crate::approvals::QUESTION);
    answers.state = state;
    if answers.responses.is_empty() && answers.state.is_none() { None } else { Some(answers) }
}
