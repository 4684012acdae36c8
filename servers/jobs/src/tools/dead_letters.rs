//! `jobs_dead_letters`: jobs that were given up.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, JOBS_PAGE_MAX, JobFilter, JobPage, JobState, Outcome, ToolError,
    ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::page_default;
use crate::error::{jobs_of, tool_error};

pub(crate) struct DeadLetters;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Also those that failed in a way that no further attempt mends.
    #[serde(default)]
    failed: bool,
    /// Only of this tool.
    #[serde(default)]
    tool: Option<Box<str>>,
    /// Only in this queue.
    #[serde(default)]
    queue: Option<Box<str>>,
    /// The `next` of the page before.
    #[serde(default)]
    cursor: Option<Box<str>>,
    /// How many at most.
    #[serde(default = "page_default")]
    #[schemars(range(min = 1, max = JOBS_PAGE_MAX))]
    limit: usize,
}

impl TypedTool<()> for DeadLetters {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "jobs_dead_letters",
            "List dead letters",
            "Lists your jobs that were given up, and why: every attempt failed, or the worker was lost and it is not safe to \
             run them twice. jobs_replay tries them again, jobs_edit changes their arguments, jobs_discard forgets them.",
        )
        .annotated(Annotations::READS)
        .gives::<JobPage>()
        .examples(&[Example { says: "Lists dead letters.", args: "{}", gives: "\"jobs\":" }])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let Input { failed, tool, queue, cursor, limit } = input;
        let states = if failed { vec![JobState::Dead, JobState::Failed] } else { vec![JobState::Dead] };
        let filter = JobFilter { states, queue, tool, caller: None };
        let jobs = jobs_of(context)?;
        let page = jobs.list(&context.caller, filter, cursor.as_deref(), limit).await.map_err(tool_error)?;
        Ok(ToolResult::structured(&page).into())
    }
}
