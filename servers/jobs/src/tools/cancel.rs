//! `jobs_cancel`: stops a job.

use std::sync::Arc;

use drawbridge_contract::{Context, Outcome, ToolError, ToolSpec, TypedTool};

use super::{NO_SUCH_JOB, STEERS, Which};
use crate::describe::{One, one};
use crate::error::{jobs_of, tool_error};

pub(crate) struct Cancel;

impl TypedTool<()> for Cancel {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "jobs_cancel",
            "Cancel a job",
            "Stops a job: at once if it waits; one that runs is told to stop, and can then only become cancelled. What it has \
             done already stays done.",
        )
        .annotated(STEERS)
        .gives::<One>()
        .examples(NO_SUCH_JOB)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        Ok(one(jobs_of(context)?.cancel(&context.caller, &input.id).await.map_err(tool_error)?))
    }
}
