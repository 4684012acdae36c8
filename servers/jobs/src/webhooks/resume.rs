//! `webhooks_resume`: resume a receiver.

use std::sync::Arc;

use drawbridge_contract::{Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};

use super::{NO_SUCH_WEBHOOK, Which, webhooks_of};
use crate::error::tool_error;
use crate::tools::STEERS;

pub(crate) struct Resume;

impl TypedTool<()> for Resume {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "webhooks_resume",
            "Resume a receiver",
            "Tells a receiver again what happens from now on.",
        )
        .annotated(STEERS)
        .examples(NO_SUCH_WEBHOOK)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        webhooks_of(context)?.pause(&context.caller, &input.id, false).await.map_err(tool_error)?;
        Ok(ToolResult::text(&format!("Receiver {} is told again.", input.id)).into())
    }
}
