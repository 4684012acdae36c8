//! Jobs in words, for models and people.

use drawbridge_contract::{JobEnd, JobState, JobView, Outcome, ToolError, ToolResult};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// One job, as the tools answer it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct One {
    /// The job.
    pub(crate) job: JobView,
}

/// Such as `Job 1-… (terminal_run) is running, attempt 1 of 1.`
pub(crate) fn line(job: &JobView) -> String {
    let mut line = format!("Job {} ({}) is {}", job.id, job.tool, word(job.state));
    if job.state == JobState::Running {
        line.push_str(&format!(", attempt {} of {}", job.attempt, job.attempts_max));
    }
    if let Some(progress) = &job.progress
        && !job.state.has_ended()
    {
        let of = progress.total.map_or_else(String::new, |total| format!(" of {total}"));
        let message = progress.message.as_deref().map_or_else(String::new, |message| format!(": {message}"));
        line.push_str(&format!(", at {}{of}{message}", progress.progress));
    }
    match &job.message {
        Some(message) => format!("{line}: {message}"),
        None => line + ".",
    }
}

fn word(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Scheduled => "scheduled",
        JobState::Running => "running",
        JobState::WaitingForInput => "waiting for input",
        JobState::Completed => "completed",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
        JobState::Dead => "dead",
    }
}

pub(crate) fn one(job: JobView) -> Outcome {
    ToolResult::text_and(&line(&job), &One { job }).into()
}

/// What came of a job, as its tool answered it.
pub(crate) fn end(id: &str, end: JobEnd) -> Result<Outcome, ToolError> {
    match end {
        JobEnd::Answered(result) => Ok(result.into()),
        JobEnd::Failed { code, message } => {
            Err(ToolError::Failed(format!("job {id} failed ({code}): {message}")))
        }
        JobEnd::Cancelled => Err(ToolError::Failed(format!("job {id} was cancelled"))),
        JobEnd::Open(state) => Err(ToolError::Refused(format!(
            "job {id} is {}, and there is no result yet; jobs_wait waits for it",
            word(state)
        ))),
    }
}

/// The same as a value, for answers that hold more.
pub(crate) fn end_value(end: &JobEnd) -> Option<Value> {
    match end {
        JobEnd::Answered(result) => {
            let content = result.content.parse().unwrap_or_default();
            let structured = result.structured.as_ref().map(|data| json!(data));
            Some(json!({ "is_error": result.is_error, "content": content, "structured": structured }))
        }
        JobEnd::Failed { code, message } => {
            Some(json!({ "is_error": true, "code": code, "message": message }))
        }
        JobEnd::Cancelled | JobEnd::Open(_) => None,
    }
}
