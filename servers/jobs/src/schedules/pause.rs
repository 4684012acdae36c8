//! `schedules_pause`: pause a schedule.

use std::sync::Arc;

use drawbridge_contract::{Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};

use super::{NO_SUCH_SCHEDULE, One, Which, line, schedules_of};
use crate::error::tool_error;
use crate::tools::STEERS;

pub(crate) struct Pause;

impl TypedTool<()> for Pause {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "schedules_pause",
            "Pause a schedule",
            "Begins nothing of a schedule until it is resumed. Times that pass meanwhile are left out.",
        )
        .annotated(STEERS)
        .gives::<One>()
        .examples(NO_SUCH_SCHEDULE)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        let schedules = schedules_of(context)?;
        let schedule = schedules.pause(&context.caller, &input.name, true).await.map_err(tool_error)?;
        Ok(ToolResult::text_and(&line(&schedule), &One { schedule }).into())
    }
}
