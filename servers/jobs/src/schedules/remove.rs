//! `schedules_remove`: removes a schedule.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};

use super::{NO_SUCH_SCHEDULE, Which, schedules_of};
use crate::error::tool_error;

pub(crate) struct Remove;

impl TypedTool<()> for Remove {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "schedules_remove",
            "Remove a schedule",
            "Removes a schedule. Jobs that it began go on.",
        )
        .annotated(Annotations::DESTROYS)
        .examples(NO_SUCH_SCHEDULE)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        let schedules = schedules_of(context)?;
        schedules.remove(&context.caller, &input.name).await.map_err(tool_error)?;
        Ok(ToolResult::text(&format!("Schedule {} is removed.", input.name)).into())
    }
}
