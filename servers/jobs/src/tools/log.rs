//! `jobs_log`: the lines of a job's log.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, JOBS_PAGE_MAX, JobLine, Outcome, ToolError, ToolResult, ToolSpec,
    TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{jobs_of, tool_error};

/// How many lines come at once, unless the caller says otherwise.
const LINES_DEFAULT: usize = 200;

pub(crate) struct Log;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The job, as jobs_submit named it.
    id: Box<str>,
    /// Only lines after this number.
    #[serde(default)]
    after: u64,
    /// How many at most.
    #[serde(default = "lines_default")]
    #[schemars(range(min = 1, max = JOBS_PAGE_MAX))]
    limit: usize,
}

fn lines_default() -> usize {
    LINES_DEFAULT
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    /// Oldest first.
    lines: Vec<JobLine>,
}

impl TypedTool<()> for Log {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "jobs_log",
            "Read a job's log",
            "Gives the lines that a job's tool has logged, over all its attempts. The newest thousand are kept.",
        )
        .annotated(Annotations::READS)
        .gives::<Answer>()
        .examples(&[Example {
            says: "Reads on after line 200 of a job that is not there any more.",
            args: r#"{"id": "1-0123456789abcdef", "after": 200}"#,
            gives: "there is no job",
        }])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let jobs = jobs_of(context)?;
        let lines =
            jobs.lines(&context.caller, &input.id, input.after, input.limit).await.map_err(tool_error)?;
        Ok(ToolResult::structured(&Answer { lines }).into())
    }
}
