//! `schedules_resume`: resume a schedule.

use std::sync::Arc;

use drawbridge_contract::{Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};

use super::{NO_SUCH_SCHEDULE, One, Which, line, schedules_of};
use crate::error::tool_error;
use crate::tools::STEERS;

pub(crate) struct Resume;

impl TypedTool<()> for Resume {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "schedules_resume",
            "Resume a schedule",
            "Begins a schedule again, from its next time on.",
        )
        .annotated(STEERS)
        .gives::<One>()
        .examples(NO_SUCH_SCHEDULE)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        let schedules = schedules_of(context)?;
        let schedule = schedules.pause(&context.caller, &input.name, false).await.map_err(tool_error)?;
        Ok(ToolResult::text_and(&line(&schedule), &One { schedule }).into())
    }
}
