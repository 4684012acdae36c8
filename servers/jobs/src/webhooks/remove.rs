//! `webhooks_remove`: removes a receiver.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};

use super::{NO_SUCH_WEBHOOK, Which, webhooks_of};
use crate::error::tool_error;

pub(crate) struct Remove;

impl TypedTool<()> for Remove {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "webhooks_remove",
            "Remove a receiver",
            "Removes a receiver, and what waits for it.",
        )
        .annotated(Annotations::DESTROYS)
        .examples(NO_SUCH_WEBHOOK)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        webhooks_of(context)?.remove(&context.caller, &input.id).await.map_err(tool_error)?;
        Ok(ToolResult::text(&format!("Receiver {} is removed.", input.id)).into())
    }
}
