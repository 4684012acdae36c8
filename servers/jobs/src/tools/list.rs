//! `jobs_list`: which jobs there are.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, JOBS_PAGE_MAX, JobFilter, JobPage, JobState, Outcome, ToolError,
    ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::page_default;
use crate::error::{jobs_of, tool_error};

pub(crate) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Only in these states; all when empty.
    #[serde(default)]
    states: Vec<JobState>,
    /// Only of this tool.
    #[serde(default)]
    tool: Option<Box<str>>,
    /// Only in this queue.
    #[serde(default)]
    queue: Option<Box<str>>,
    /// Only of this caller, such as `key:laptop`; you see your own jobs, the owner everybody's.
    #[serde(default)]
    caller: Option<Box<str>>,
    /// The `next` of the page before.
    #[serde(default)]
    cursor: Option<Box<str>>,
    /// How many at most.
    #[serde(default = "page_default")]
    #[schemars(range(min = 1, max = JOBS_PAGE_MAX))]
    limit: usize,
}

impl TypedTool<()> for List {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "jobs_list",
            "List jobs",
            "Lists your jobs, newest first. The owner sees everybody's. Secrets in arguments are masked.",
        )
        .annotated(Annotations::READS)
        .gives::<JobPage>()
        .examples(&[
            Example { says: "Lists the newest jobs.", args: "{}", gives: "\"jobs\":" },
            Example {
                says: "Lists what runs.",
                args: r#"{"states": ["running"], "limit": 10}"#,
                gives: "\"jobs\":",
            },
        ])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let Input { states, tool, queue, caller, cursor, limit } = input;
        let filter = JobFilter { states, queue, tool, caller };
        let jobs = jobs_of(context)?;
        let page = jobs.list(&context.caller, filter, cursor.as_deref(), limit).await.map_err(tool_error)?;
        Ok(ToolResult::structured(&page).into())
    }
}
