//! What came of a job's call, in the engine's words: done, asked, or failed, and whether another attempt may mend it.

use drawbridge_contract::{Answer, JobRun, Outcome, Refusal, ToolResult};
use drawbridge_jobs::worker::RunContext;
use drawbridge_jobs::{AttemptEnd, Failure};

use crate::question::Question;
use crate::stored;

/// The codes of failures that are made here, beside the engine's.
pub(crate) mod codes {
    /// The key of the caller is gone.
    pub(crate) const CALLER_GONE: &str = "caller_gone";
    /// A rule, or the owner, said no.
    pub(crate) const DENIED: &str = "denied";
    /// The arguments do not fit the tool any more.
    pub(crate) const INVALID: &str = "invalid_arguments";
    /// There is no such tool for this caller.
    pub(crate) const NO_TOOL: &str = "no_tool";
    /// It took longer than it may.
    pub(crate) const TIMED_OUT: &str = "timed_out";
    /// It was stopped while it ran, or could not be begun.
    pub(crate) const INTERRUPTED: &str = drawbridge_jobs::codes::INTERRUPTED;
    /// Anything else that the door refused.
    pub(crate) const REFUSED: &str = "refused";
}

/// After the bridge was raised in the middle of an attempt, the next one does not come sooner, in milliseconds.
const PAUSE_AFTER_STOP_MS: u32 = 2_000;

pub(crate) fn of(
    outcome: Result<Outcome<Answer>, Refusal>,
    run: &JobRun,
    context: &RunContext,
) -> AttemptEnd {
    match outcome {
        Ok(Outcome::Complete(Answer::Tool(result))) if result.is_error => tool_failed(&result, run),
        Ok(Outcome::Complete(Answer::Tool(result))) => AttemptEnd::Completed(stored::write(&result)),
        Ok(Outcome::Complete(_)) => {
            AttemptEnd::Failed(Failure::last(codes::REFUSED, "only tools run as jobs"))
        }
        Ok(Outcome::InputRequired(needed)) => AttemptEnd::AskedInput(Question::of(needed).write()),
        Ok(Outcome::Accepted(id)) => {
            AttemptEnd::Completed(stored::write(&ToolResult::structured(&serde_json::json!({ "job": id }))))
        }
        Err(Refusal::NeedsApproval(message)) => AttemptEnd::AskedInput(Question::elsewhere(message).write()),
        Err(Refusal::Cancelled) if context.cancellation().is_cancelled() => AttemptEnd::Stopped,
        Err(refusal) => AttemptEnd::Failed(failure(&refusal)),
    }
}

/// What the tool said is kept with the failure: it may be all that there is of the work.
fn tool_failed(result: &ToolResult, run: &JobRun) -> AttemptEnd {
    let code = drawbridge_jobs::codes::TOOL;
    let message = result.content.plain_text();
    let failure =
        if run.is_hopeless() { Failure::last(code, message) } else { Failure::retryable(code, message) };
    AttemptEnd::Failed(failure.with_result(stored::write(result).get()))
}

fn failure(refusal: &Refusal) -> Failure {
    let message = refusal.to_string();
    match refusal {
        Refusal::NotFound { .. } => Failure::last(codes::NO_TOOL, message),
        Refusal::InvalidArguments { .. } => Failure::last(codes::INVALID, message),
        Refusal::Denied(_) => Failure::last(codes::DENIED, message),
        Refusal::TooLarge { .. } => Failure::last(drawbridge_jobs::codes::RESULT_TOO_LARGE, message),
        Refusal::TimedOut { .. } => Failure::retryable(codes::TIMED_OUT, message),
        Refusal::Raised | Refusal::Stopped(_) => {
            let retry_after_ms = Some(PAUSE_AFTER_STOP_MS);
            Failure { retry_after_ms, ..Failure::retryable(codes::INTERRUPTED, message) }
        }
        Refusal::RateLimited { retry_after, .. } | Refusal::TierSpent { retry_after, .. } => {
            let retry_after_ms = u32::try_from(retry_after.as_millis()).ok();
            Failure { retry_after_ms, ..Failure::retryable(codes::REFUSED, message) }
        }
        Refusal::Internal(_) => Failure::retryable(drawbridge_jobs::codes::PANIC, message),
        Refusal::AuditUnavailable(_) | Refusal::Cancelled | Refusal::Tool(_) => {
            Failure::retryable(codes::REFUSED, message)
        }
        Refusal::NeedsApproval(_) | Refusal::TooDeep(_) | Refusal::BadState(_) => {
            Failure::last(codes::REFUSED, message)
        }
    }
}
