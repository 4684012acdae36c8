//! `schedules_next`: when a schedule comes next.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NO_SUCH_SCHEDULE, schedules_of};
use crate::error::tool_error;

pub(crate) struct Next;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Its name, or its id.
    name: Box<str>,
    /// How many times.
    #[serde(default = "count_default")]
    #[schemars(range(min = 1, max = 100))]
    count: usize,
}

fn count_default() -> usize {
    5
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Times {
    /// In their order (RFC 3339).
    times: Vec<Box<str>>,
}

impl TypedTool<()> for Next {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "schedules_next",
            "Show the next times of a schedule",
            "Shows the next planned times of a schedule, on the clocks of its time zone.",
        )
        .annotated(Annotations::READS)
        .gives::<Times>()
        .examples(NO_SUCH_SCHEDULE)
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let schedules = schedules_of(context)?;
        let times = schedules.next(&context.caller, &input.name, input.count).await.map_err(tool_error)?;
        Ok(ToolResult::structured(&Times { times }).into())
    }
}
