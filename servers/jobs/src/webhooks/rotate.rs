//! `webhooks_rotate`: a new secret.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Outcome, OwnSecret, ToolError, ToolResult, ToolSpec, TypedTool, WebhookSecret,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{NO_SUCH_WEBHOOK, webhooks_of};
use crate::error::tool_error;

pub(crate) struct Rotate;

/// For how long the secret before signs, too, unless the caller says otherwise: a day.
const OVERLAP_S: u64 = 24 * 3600;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Its id, or `callback`.
    id: Box<str>,
    /// For how many seconds the secret before signs, too.
    #[serde(default = "overlap_default")]
    #[schemars(range(max = 2_592_000))]
    overlap_seconds: u64,
    /// One that the receiver has already, as in webhooks_add; made if there is none.
    #[serde(default)]
    secret: Option<OwnSecret>,
}

fn overlap_default() -> u64 {
    OVERLAP_S
}

impl TypedTool<()> for Rotate {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "webhooks_rotate",
            "Give a receiver a new secret",
            "Makes a new secret for a receiver and answers with it: the only time that it is shown. The one before signs, too, for a while. The id `callback` stands for the secret that signs the callbacks of your jobs.",
        )
        .annotated(Annotations::DESTROYS)
        .gives::<WebhookSecret>()
        .examples(NO_SUCH_WEBHOOK)
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let webhooks = webhooks_of(context)?;
        let Input { id, overlap_seconds, secret } = input;
        let new = webhooks.rotate(&context.caller, &id, overlap_seconds, secret).await.map_err(tool_error)?;
        let text = format!("The new secret of {}, shown only now: {}", new.id, new.secret);
        Ok(ToolResult::text_and(&text, &new).into())
    }
}
