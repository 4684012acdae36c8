//! `jobs_discard`: forgets a job that has ended.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};

use super::{NO_SUCH_JOB, Which};
use crate::error::{jobs_of, tool_error};

pub(crate) struct Discard;

impl TypedTool<()> for Discard {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "jobs_discard",
            "Forget a job",
            "Forgets a job that has ended, with its result and its log. A dead letter cannot be tried again then.",
        )
        .annotated(Annotations::DESTROYS)
        .examples(NO_SUCH_JOB)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        jobs_of(context)?.discard(&context.caller, &input.id).await.map_err(tool_error)?;
        Ok(ToolResult::text(&format!("Job {} is forgotten.", input.id)).into())
    }
}
