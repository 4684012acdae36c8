//! `jobs_wait`: waits for a job, but not for ever.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Annotations, Context, Example, JobState, JobView, Jobs, Outcome, ToolError, ToolResult, ToolSpec,
    TypedTool,
};
use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::describe::{end_value, line};
use crate::error::{jobs_of, tool_error};

/// How long it waits whose caller does not say: hosts give up after a minute.
const WAIT_MS_DEFAULT: u64 = 45_000;
/// How long it waits at most.
const WAIT_MS_MAX: u64 = 600_000;
/// What the answer takes beyond that.
const MARGIN: Duration = Duration::from_secs(5);

pub(crate) struct Wait;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The job, as jobs_submit named it.
    id: Box<str>,
    /// How long to wait, in milliseconds.
    #[serde(default = "wait_ms_default")]
    #[schemars(range(max = WAIT_MS_MAX))]
    timeout_ms: u64,
}

fn wait_ms_default() -> u64 {
    WAIT_MS_DEFAULT
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    /// The job as it is now. While it has not ended, ask again.
    job: JobView,
    /// What came of it, if it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
}

impl TypedTool<()> for Wait {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "jobs_wait",
            "Wait for a job",
            "Waits until a job has ended, or asks something, or the time is over, and tells how it is then, with its result. \
             Its progress comes as this call's progress.",
        )
        .annotated(Annotations::READS)
        .gives::<Answer>()
        .timeout(Duration::from_millis(WAIT_MS_MAX) + MARGIN)
        .examples(&[Example {
            says: "Waits for a job that is not there any more.",
            args: r#"{"id": "1-0123456789abcdef", "timeout_ms": 1000}"#,
            gives: "there is no job",
        }])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let jobs = jobs_of(context)?;
        let until = Instant::now() + Duration::from_millis(input.timeout_ms.min(WAIT_MS_MAX));
        let job = wait(&*jobs, &input.id, until, context).await?;
        let result = if job.state.has_ended() {
            end_value(&jobs.result(&context.caller, &input.id).await.map_err(tool_error)?)
        } else {
            None
        };
        let said =
            result.as_ref().and_then(text_of).map_or_else(|| line(&job), |text| line(&job) + "\n" + &text);
        Ok(ToolResult::text_and(&said, &Answer { job, result }).into())
    }
}

/// What the job's tool said, for models that read only text.
fn text_of(result: &Value) -> Option<String> {
    let texts: Vec<&str> =
        result["content"].as_array()?.iter().filter_map(|block| block["text"].as_str()).collect();
    Some(texts.join("\n"))
}

async fn wait(jobs: &dyn Jobs, id: &str, until: Instant, context: &Context) -> Result<JobView, ToolError> {
    let mut events = jobs.watch(&context.caller, id, 0).await.map_err(tool_error)?;
    while let Ok(Some(event)) = timeout_at(until, events.next()).await {
        let job = event.job;
        if let (None, Some(progress)) = (event.seq, &job.progress) {
            context.progress(progress.progress, progress.total, progress.message.as_deref());
        }
        if job.state.has_ended() || job.state == JobState::WaitingForInput {
            break;
        }
    }
    jobs.get(&context.caller, id).await.map_err(tool_error)
}
