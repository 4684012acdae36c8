//! `jobs_result`: what came of a job.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolSpec, TypedTool};

use super::{NO_SUCH_JOB, Which};
use crate::describe::end;
use crate::error::{jobs_of, tool_error};

pub(crate) struct Result;

impl TypedTool<()> for Result {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "jobs_result",
            "Get a job's result",
            "Gives what the job's tool answered, as the tool itself would have; or why the job failed. While it has not \
             ended there is none: jobs_wait waits.",
        )
        .annotated(Annotations::READS)
        .examples(NO_SUCH_JOB)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> std::result::Result<Outcome, ToolError> {
        let ended = jobs_of(context)?.result(&context.caller, &input.id).await.map_err(tool_error)?;
        end(&input.id, ended)
    }
}
