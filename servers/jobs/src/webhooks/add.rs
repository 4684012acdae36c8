//! `webhooks_add`: a standing subscription.

use std::sync::Arc;

use drawbridge_contract::{
    Context, Example, NewWebhook, Outcome, ToolError, ToolResult, ToolSpec, TypedTool, WebhookSecret,
};

use super::{OUTWARD, webhooks_of};
use crate::error::tool_error;

pub(crate) struct Add;

impl TypedTool<()> for Add {
    type Input = NewWebhook;

    fn spec() -> ToolSpec {
        ToolSpec::of::<NewWebhook>(
            "webhooks_add",
            "Tell a program elsewhere what becomes of jobs",
            "Subscribes an http or https address to what becomes of your jobs, and answers with the secret that its requests are signed with: the only time that it is shown. Addresses in private networks are refused unless the owner allowed the host.",
        )
        .annotated(OUTWARD)
        .gives::<WebhookSecret>()
        .examples(&[
            Example { says: "Refuses an address on this machine that the owner did not allow.", args: r#"{"url": "http://127.0.0.1:9/", "events": ["completed", "error"]}"#, gives: "private network" },
        ])
    }

    async fn run(_: &Arc<()>, input: NewWebhook, context: &Context) -> Result<Outcome, ToolError> {
        let added = webhooks_of(context)?.add(&context.caller, input).await.map_err(tool_error)?;
        let text = format!("Receiver {} was added. Its secret, shown only now: {}", added.id, added.secret);
        Ok(ToolResult::text_and(&text, &added).into())
    }
}
