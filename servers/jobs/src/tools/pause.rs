//! `jobs_pause`: a queue stops, or goes on.

use std::sync::Arc;

use drawbridge_contract::{Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};
use schemars::JsonSchema;
use serde::Deserialize;

use super::STEERS;
use crate::error::{jobs_of, tool_error};

pub(crate) struct Pause;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The queue; jobs that name none wait in `default`.
    queue: Box<str>,
    /// Whether it is to stop; `false` lets it go on.
    #[serde(default = "yes")]
    paused: bool,
}

fn yes() -> bool {
    true
}

impl TypedTool<()> for Pause {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "jobs_pause",
            "Pause a queue",
            "Starts no more jobs of a queue until it is let go on; what runs goes on, and what is submitted waits. For the \
             owner alone.",
        )
        .annotated(STEERS)
        .examples(&[
            Example { says: "Stops a queue.", args: r#"{"queue": "night"}"#, gives: "is paused" },
            Example {
                says: "Lets it go on.",
                args: r#"{"queue": "night", "paused": false}"#,
                gives: "goes on",
            },
        ])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let Input { queue, paused } = input;
        jobs_of(context)?.pause(&context.caller, &queue, paused).await.map_err(tool_error)?;
        let how = if paused { "is paused" } else { "goes on" };
        Ok(ToolResult::text(&format!("The queue {queue} {how}.")).into())
    }
}
