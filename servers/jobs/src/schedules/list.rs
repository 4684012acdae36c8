//! `schedules_list`: which schedules there are.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ScheduleView, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schedules_of;
use crate::error::tool_error;

pub(crate) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// By name.
    schedules: Vec<ScheduleView>,
}

impl TypedTool<()> for List {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "schedules_list",
            "List schedules",
            "Lists your schedules with their next times, and what came of the last. The owner sees everybody's.",
        )
        .annotated(Annotations::READS)
        .gives::<Listed>()
        .examples(&[
            Example { says: "Lists them.", args: r#"{}"#, gives: "schedules" },
        ])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let Input {} = input;
        let schedules = schedules_of(context)?.list(&context.caller).await.map_err(tool_error)?;
        Ok(ToolResult::structured(&Listed { schedules }).into())
    }
}
