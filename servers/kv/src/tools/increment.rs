//! `kv_increment`: counts.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{changed, now_ms};
use crate::file::Entries;
use crate::space_of;

pub(crate) struct Increment;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The key. What is not there counts as 0.
    key: String,
    /// How much is added; negative takes away.
    #[serde(default = "one")]
    by: i64,
    /// Counts among the values that all callers share.
    #[serde(default)]
    shared: bool,
}

fn one() -> i64 {
    1
}

#[derive(Serialize, JsonSchema)]
struct Output {
    key: String,
    /// What is there now.
    value: i64,
}

impl TypedTool<Entries> for Increment {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "kv_increment",
            "Count",
            "Adds to the whole number under a key and gives what comes of it. No two callers get the same one.",
        )
        .gives::<Output>()
        .annotated(Annotations::CHANGES)
        .examples(&[Example { says: "Counts by five.", args: r#"{"key": "visits", "by": 5}"#, gives: r#""value":5"# }])
    }

    async fn run(entries: &Arc<Entries>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let space = space_of(&context.caller, input.shared);
        let (key, by) = (input.key.clone(), input.by);
        let value = changed(entries, move |entries| entries.add(&space, &key, by, now_ms())).await?;
        Ok(ToolResult::structured(&Output { key: input.key, value }).into())
    }
}
