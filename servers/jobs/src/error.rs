//! What the door and the jobs refuse, told so that a model can act on it.

use std::sync::Arc;

use drawbridge_contract::{Context, Jobs, Refusal, ToolError};

/// The jobs of this hub.
pub(crate) fn jobs_of(context: &Context) -> Result<Arc<dyn Jobs>, ToolError> {
    context.jobs().ok_or_else(|| {
        ToolError::Failed(
            "no jobs can be taken here now: another drawbridge has them open, or this program keeps none. \
             `drawbridge serve` runs a hub that all of them go to"
                .to_owned(),
        )
    })
}

pub(crate) fn tool_error(refusal: Refusal) -> ToolError {
    match refusal {
        Refusal::NotFound { kind: "job", name } => ToolError::NotFound(format!(
            "there is no job {name} of yours; jobs_list shows those there are, and what ended long ago is removed"
        )),
        Refusal::NotFound { .. } => ToolError::NotFound(refusal.to_string()),
        Refusal::InvalidArguments { .. } => ToolError::Invalid(refusal.to_string()),
        Refusal::Denied(_)
        | Refusal::Raised
        | Refusal::RateLimited { .. }
        | Refusal::TierSpent { .. }
        | Refusal::NeedsApproval(_) => ToolError::Refused(refusal.to_string()),
        Refusal::Tool(error) => error,
        Refusal::Cancelled => ToolError::Cancelled,
        other => ToolError::Failed(other.to_string()),
    }
}
