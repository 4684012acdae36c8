//! `jobs_retry`: tries a job again.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolSpec, TypedTool};

use super::{NO_SUCH_JOB, Which};
use crate::describe::{One, one};
use crate::error::{jobs_of, tool_error};

pub(crate) struct Retry;

impl TypedTool<()> for Retry {
    type Input = Which;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Which>(
            "jobs_retry",
            "Try a job again",
            "Tries a job again that failed or is dead, with all its attempts and what it had kept; one that waits for its \
             time runs now. Look first at what an attempt may have done already.",
        )
        .annotated(Annotations::CHANGES)
        .gives::<One>()
        .examples(NO_SUCH_JOB)
    }

    async fn run(_: &Arc<()>, input: Which, context: &Context) -> Result<Outcome, ToolError> {
        Ok(one(jobs_of(context)?.retry(&context.caller, &input.id).await.map_err(tool_error)?))
    }
}
