//! `webhooks_log`: what was sent, and what became of it.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, DeliveryPage, DeliveryQuery, Example, Outcome, ToolError, ToolResult, ToolSpec,
    TypedTool,
};

use super::webhooks_of;
use crate::error::tool_error;

pub(crate) struct Log;

impl TypedTool<()> for Log {
    type Input = DeliveryQuery;

    fn spec() -> ToolSpec {
        ToolSpec::of::<DeliveryQuery>(
            "webhooks_log",
            "Look at what was sent",
            "Shows what was sent to your receivers, newest first, and what became of it.",
        )
        .annotated(Annotations::READS)
        .gives::<DeliveryPage>()
        .examples(&[Example {
            says: "Shows what was given up.",
            args: r#"{"given_up": true, "limit": 10}"#,
            gives: "deliveries",
        }])
    }

    async fn run(_: &Arc<()>, input: DeliveryQuery, context: &Context) -> Result<Outcome, ToolError> {
        let page = webhooks_of(context)?.log(&context.caller, input).await.map_err(tool_error)?;
        Ok(ToolResult::structured(&page).into())
    }
}
