//! `schedules_show`: one schedule.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};

use super::{NO_SUCH_SCHEDULE, One, Which, line, schedules_of};
use crate::error::tool_error;

pub(crate) struct Show;

impl TypedTool<()> for Show {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "schedules_show",
            "Look at a schedule",
            "Shows a schedule with the arguments and options of its jobs, secrets masked, its next time, and what came of the last.",
        )
        .annotated(Annotations::READS)
        .gives::<One>()
        .examples(NO_SUCH_SCHEDULE)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        let schedule = schedules_of(context)?.get(&context.caller, &input.name).await.map_err(tool_error)?;
        Ok(ToolResult::text_and(&line(&schedule), &One { schedule }).into())
    }
}
