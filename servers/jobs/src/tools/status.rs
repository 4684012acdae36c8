//! `jobs_status`: a job as it is now.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolSpec, TypedTool};

use super::{NO_SUCH_JOB, Which};
use crate::describe::{One, one};
use crate::error::{jobs_of, tool_error};

pub(crate) struct Status;

impl TypedTool<()> for Status {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "jobs_status",
            "Look at a job",
            "Tells where a job is: queued, scheduled, running, waiting for input, completed, failed, cancelled or dead; how \
             far the work is, and what it waits for or why it failed.",
        )
        .annotated(Annotations::READS)
        .gives::<One>()
        .examples(NO_SUCH_JOB)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        Ok(one(jobs_of(context)?.get(&context.caller, &input.id).await.map_err(tool_error)?))
    }
}
