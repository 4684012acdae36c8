//! `webhooks_list`: which receivers there are.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool, WebhookView,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::webhooks_of;
use crate::error::tool_error;

pub(crate) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// The oldest first.
    webhooks: Vec<WebhookView>,
}

impl TypedTool<()> for List {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "webhooks_list",
            "List receivers of webhooks",
            "Lists your receivers, without their secrets. The owner sees everybody's.",
        )
        .annotated(Annotations::READS)
        .gives::<Listed>()
        .examples(&[Example { says: "Lists them.", args: r#"{}"#, gives: "webhooks" }])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let Input {} = input;
        let webhooks = webhooks_of(context)?.list(&context.caller).await.map_err(tool_error)?;
        Ok(ToolResult::structured(&Listed { webhooks }).into())
    }
}
