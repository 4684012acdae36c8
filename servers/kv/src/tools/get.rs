//! `kv_get`: the value under a key.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{now_ms, shown};
use crate::file::Entries;
use crate::space_of;

pub(crate) struct Get;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The key.
    key: String,
    /// Looks among the values that all callers share.
    #[serde(default)]
    shared: bool,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    key: String,
    /// `null` where there is none.
    value: Value,
    /// Whether there is one: it may be `null` itself.
    found: bool,
    /// When it goes (RFC 3339, UTC); absent for one that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl TypedTool<Entries> for Get {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "kv_get",
            "Look up a value",
            "Gives the value that kv_set put under a key, or null.",
        )
        .gives::<Output>()
        .annotated(Annotations::READS)
        .examples(&[Example {
            says: "Looks up a value.",
            args: r#"{"key": "colour"}"#,
            gives: r#""key":"colour""#,
        }])
    }

    async fn run(entries: &Arc<Entries>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let entry = entries.get(&space_of(&context.caller, input.shared), &input.key, now_ms())?;
        let found = entry.is_some();
        let (value, expires_ms) = entry.map_or((Value::Null, None), |entry| (entry.value, entry.expires_ms));
        Ok(ToolResult::structured(&Output { key: input.key, value, found, expires_at: shown(expires_ms) })
            .into())
    }
}
