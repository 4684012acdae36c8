//! `jobs_queues`: how much there is to do.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, JobLoad, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{jobs_of, tool_error};

pub(crate) struct Queues;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {}

impl TypedTool<()> for Queues {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "jobs_queues",
            "Look at the queues",
            "Tells how many jobs there are of each state in each queue, which queues are paused, and how many workers are \
             busy. For the owner alone.",
        )
        .annotated(Annotations::READS)
        .gives::<JobLoad>()
        .examples(&[Example { says: "Looks at all queues.", args: "{}", gives: "\"queues\":" }])
    }

    async fn run(_: &Arc<()>, _: Input, context: &Context) -> Result<Outcome, ToolError> {
        let jobs = jobs_of(context)?;
        if !context.caller.is_owner() {
            return Err(ToolError::Refused(
                "the queues are everybody's: only the owner sees them".to_owned(),
            ));
        }
        Ok(ToolResult::structured(&jobs.load().await.map_err(tool_error)?).into())
    }
}
