//! `schedules_run`: begins a schedule now.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};
use schemars::JsonSchema;
use serde::Serialize;

use super::{NO_SUCH_SCHEDULE, Which, schedules_of};
use crate::error::tool_error;

pub(crate) struct Run;

#[derive(Serialize, JsonSchema)]
pub(crate) struct Begun {
    /// The job.
    job: Box<str>,
}

impl TypedTool<()> for Run {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "schedules_run",
            "Begin a schedule now",
            "Begins the job of a schedule now, besides its plan, and answers with its id.",
        )
        .annotated(Annotations::CHANGES)
        .gives::<Begun>()
        .examples(NO_SUCH_SCHEDULE)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        let schedules = schedules_of(context)?;
        let job = schedules.run(&context.caller, &input.name).await.map_err(tool_error)?;
        let text = format!("Job {job} was begun; jobs_wait waits for it.");
        Ok(ToolResult::text_and(&text, &Begun { job }).into())
    }
}
