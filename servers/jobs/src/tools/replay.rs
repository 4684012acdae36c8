//! `jobs_replay`: tries dead letters again, one or all.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, JobFilter, JobState, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{jobs_of, tool_error};

pub(crate) struct Replay;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// This one; without it all of yours, as far as they fit what follows.
    #[serde(default)]
    id: Option<Box<str>>,
    /// Only of this tool.
    #[serde(default)]
    tool: Option<Box<str>>,
    /// Only in this queue.
    #[serde(default)]
    queue: Option<Box<str>>,
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    /// How many are tried again.
    replayed: u64,
}

impl TypedTool<()> for Replay {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "jobs_replay",
            "Replay dead letters",
            "Tries dead letters again, one by its id, or all of yours. Look first at what their attempts may have done already.",
        )
        .annotated(Annotations::CHANGES)
        .gives::<Answer>()
        .examples(&[Example {
            says: "Tries all dead letters of a tool again.",
            args: r#"{"tool": "mail_send"}"#,
            gives: "0 dead letters",
        }])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let (jobs, Input { id, tool, queue }) = (jobs_of(context)?, input);
        let replayed = match id {
            Some(id) => jobs.retry(&context.caller, &id).await.map(|_| 1),
            None => {
                let filter = JobFilter { states: vec![JobState::Dead], queue, tool, caller: None };
                jobs.retry_all(&context.caller, filter).await
            }
        };
        let replayed = replayed.map_err(tool_error)?;
        let said = format!("{replayed} dead letters are tried again.");
        Ok(ToolResult::text_and(&said, &Answer { replayed }).into())
    }
}
