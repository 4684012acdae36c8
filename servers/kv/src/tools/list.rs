//! `kv_list`: which keys there are.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{now_ms, shown};
use crate::file::Entries;
use crate::limits::PAGE_MAX;
use crate::space_of;

/// How many keys a page has unless told otherwise.
const LIMIT_DEFAULT: u32 = 100;

pub(crate) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// How the keys begin; without it, all of them.
    #[serde(default)]
    prefix: String,
    /// How many to give at most.
    #[serde(default = "limit_default")]
    #[schemars(range(min = 1, max = PAGE_MAX))]
    limit: u32,
    /// The last key of the page before.
    #[serde(default)]
    after: Option<String>,
    /// Lists the values that all callers share.
    #[serde(default)]
    shared: bool,
}

fn limit_default() -> u32 {
    LIMIT_DEFAULT
}

#[derive(Serialize, JsonSchema)]
struct Output {
    /// The keys, in their order; kv_get gives a value.
    keys: Vec<Shown>,
    /// Whether there may be more: go on with `after` as the last of these.
    more: bool,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    key: String,
    /// When it goes (RFC 3339, UTC); absent for one that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl TypedTool<Entries> for List {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "kv_list",
            "List keys",
            "Lists the keys that have a value, in their order, a page at a time.",
        )
        .gives::<Output>()
        .annotated(Annotations::READS)
        .examples(&[Example {
            says: "Lists keys by their beginning.",
            args: r#"{"prefix": "user:"}"#,
            gives: r#""more":false"#,
        }])
    }

    async fn run(entries: &Arc<Entries>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let (space, limit) = (space_of(&context.caller, input.shared), input.limit.clamp(1, PAGE_MAX));
        let found = entries.list(&space, &input.prefix, input.after.as_deref(), limit, now_ms())?;
        let more = found.len() == limit as usize;
        let shown = |entry: crate::file::Entry| Shown { key: entry.key, expires_at: shown(entry.expires_ms) };
        Ok(ToolResult::structured(&Output { keys: found.into_iter().map(shown).collect(), more }).into())
    }
}
