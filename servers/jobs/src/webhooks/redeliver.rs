//! `webhooks_redeliver`: sends one again.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::webhooks_of;
use crate::error::tool_error;
use crate::tools::STEERS;

pub(crate) struct Redeliver;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Its id, as the log has it.
    delivery: Box<str>,
}

impl TypedTool<()> for Redeliver {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "webhooks_redeliver",
            "Send a webhook again",
            "Sends a delivery again that was delivered or given up: with the same id and the same body.",
        )
        .annotated(Annotations { open_world: true, ..STEERS })
        .examples(&[Example {
            says: "Asks for a delivery that is not remembered.",
            args: r#"{"delivery": "msg_1-0123456789abcdef"}"#,
            gives: "there is no delivery",
        }])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        webhooks_of(context)?.redeliver(&context.caller, &input.delivery).await.map_err(tool_error)?;
        Ok(ToolResult::text(&format!("{} is sent again.", input.delivery)).into())
    }
}
