//! `webhooks_update`: something is different about a receiver from now on.

use std::sync::Arc;

use drawbridge_contract::{
    Context, Example, JobNews, Outcome, ToolError, ToolResult, ToolSpec, TypedTool, WebhookChange,
    WebhookView,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OUTWARD, webhooks_of};
use crate::error::tool_error;

pub(crate) struct Update;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Its id, as webhooks_add named it.
    id: Box<str>,
    /// Where to send it from now on, also what waits: an http or https address.
    #[serde(default)]
    url: Option<Box<str>>,
    /// Of what; of everything when empty.
    #[serde(default)]
    events: Option<Vec<JobNews>>,
    /// Of jobs of these tools, such as `terminal_run` or `mail_*`; of all when empty.
    #[serde(default)]
    tools: Option<Vec<Box<str>>>,
    /// Of everybody's jobs. For the owner alone.
    #[serde(default)]
    all_callers: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct One {
    /// The receiver, without its secret.
    webhook: WebhookView,
}

impl TypedTool<()> for Update {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "webhooks_update",
            "Change a receiver",
            "Changes a receiver in its place. What you leave out stays, also its id, its secret, the log of what was sent and whether it is paused; lists are given whole. Addresses in private networks are refused unless the owner allowed the host.",
        )
        .annotated(OUTWARD)
        .gives::<One>()
        .examples(&[Example {
            says: "Narrows a receiver that is not there.",
            args: r#"{"id": "wh_00000000000000000000000000000000", "events": ["error"]}"#,
            gives: "there is no receiver",
        }])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let Input { id, url, events, tools, all_callers } = input;
        let change = WebhookChange { url, events, tools, all_callers };
        let changed = webhooks_of(context)?.update(&context.caller, &id, change).await;
        let webhook = changed.map_err(tool_error)?;
        Ok(ToolResult::text_and(&format!("Receiver {id} was changed."), &One { webhook }).into())
    }
}
