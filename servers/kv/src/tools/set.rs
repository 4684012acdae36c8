//! `kv_set`: a value under a key.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{changed, now_ms, shown};
use crate::file::{Entries, Put};
use crate::limits::TTL_SECONDS_MAX;
use crate::space_of;

pub(crate) struct Set;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The key, up to 512 bytes.
    key: String,
    /// Any JSON, up to 1 MiB.
    value: Value,
    /// For how many seconds it is there; without it, for good.
    #[serde(default)]
    #[schemars(range(min = 1, max = TTL_SECONDS_MAX))]
    ttl_seconds: Option<u64>,
    /// Fails when there is a value already.
    #[serde(default)]
    create_only: bool,
    /// Puts it among the values that all callers share.
    #[serde(default)]
    shared: bool,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    key: String,
    /// When it goes (RFC 3339, UTC); absent for one that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl TypedTool<Entries> for Set {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "kv_set",
            "Remember a value",
            "Puts a value under a key, in place of what was there, for so many seconds or for good.",
        )
        .gives::<Output>()
        .annotated(Annotations { idempotent: true, ..Annotations::CHANGES })
        .examples(&[Example {
            says: "Remembers a value for an hour.",
            args: r#"{"key": "colour", "value": {"name": "blue"}, "ttl_seconds": 3600}"#,
            gives: r#""expires_at""#,
        }])
    }

    async fn run(entries: &Arc<Entries>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let space = space_of(&context.caller, input.shared);
        let expires_at = changed(entries, move |entries| {
            let Input { key, value, ttl_seconds, create_only, .. } = &input;
            let put = Put { space: &space, key, value, ttl_seconds: *ttl_seconds, create_only: *create_only };
            Ok((entries.set(&put, now_ms())?, input.key))
        });
        let (expires_ms, key) = expires_at.await?;
        Ok(ToolResult::structured(&Output { key, expires_at: shown(expires_ms) }).into())
    }
}
