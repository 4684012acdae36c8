//! `kv_delete`: forgets a value.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{changed, now_ms};
use crate::file::Entries;
use crate::space_of;

pub(crate) struct Delete;

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
    /// Whether there was a value.
    deleted: bool,
}

impl TypedTool<Entries> for Delete {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>("kv_delete", "Forget a value", "Removes a key and its value, for good.")
            .gives::<Output>()
            .annotated(Annotations { idempotent: true, ..Annotations::DESTROYS })
            .examples(&[Example {
                says: "Forgets a value.",
                args: r#"{"key": "nothing"}"#,
                gives: r#""deleted":false"#,
            }])
    }

    async fn run(entries: &Arc<Entries>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let (space, key) = (space_of(&context.caller, input.shared), input.key.clone());
        let deleted = changed(entries, move |entries| entries.delete(&space, &key, now_ms())).await?;
        Ok(ToolResult::structured(&Output { key: input.key, deleted }).into())
    }
}
