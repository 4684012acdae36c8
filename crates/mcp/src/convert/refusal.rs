//! Why a call was not let through, in the wire's words.

use drawbridge_contract::{Refusal, ToolError, ToolResult};

use super::Purpose;
use super::result::tool;
use crate::encode::Reply;
use crate::envelope::Id;
use crate::error::WireError;
use crate::version::Version;

/// For tools most refusals are results that the model can read and act on; for the others they are errors.
pub(crate) fn refusal(version: Version, id: &Id, purpose: &Purpose, refusal: &Refusal) -> Reply {
    match (purpose, refusal) {
        (_, Refusal::BadState(_)) => error(id, WireError::invalid_params(refusal.to_string())),
        (_, Refusal::Internal(_)) => error(id, WireError::internal(refusal.to_string())),
        (Purpose::Tool, Refusal::NotFound { .. }) => {
            error(id, WireError::invalid_params(refusal.to_string()))
        }
        (Purpose::Tool, _) => tool(version, id, &ToolResult::error(&refusal.to_string())),
        (Purpose::Resource(uri), Refusal::NotFound { .. } | Refusal::Tool(ToolError::NotFound(_))) => {
            error(id, WireError::resource_not_found(uri, version))
        }
        (_, Refusal::NotFound { .. } | Refusal::InvalidArguments { .. }) => {
            error(id, WireError::invalid_params(refusal.to_string()))
        }
        (_, Refusal::Tool(ToolError::Invalid(_) | ToolError::NotFound(_))) => {
            error(id, WireError::invalid_params(refusal.to_string()))
        }
        _ => error(id, WireError::internal(refusal.to_string())),
    }
}

fn error(id: &Id, error: WireError) -> Reply {
    Reply::error(Some(id), &error)
}
