//! `webhooks_pause`: pause a receiver.

use std::sync::Arc;

use drawbridge_contract::{Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};

use super::{NO_SUCH_WEBHOOK, Which, webhooks_of};
use crate::error::tool_error;
use crate::tools::STEERS;

pub(crate) struct Pause;

impl TypedTool<()> for Pause {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "webhooks_pause",
            "Pause a receiver",
            "Tells a receiver nothing until it is resumed. What happens meanwhile is not told later; what waited for it already is.",
        )
        .annotated(STEERS)
        .examples(NO_SUCH_WEBHOOK)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        webhooks_of(context)?.pause(&context.caller, &input.id, true).await.map_err(tool_error)?;
        Ok(ToolResult::text(&format!("Receiver {} is paused.", input.id)).into())
    }
}
