//! The engine's errors, in the words of the door.

use drawbridge_contract::{Refusal, ToolError};
use drawbridge_jobs::{EngineError, Told};

pub(crate) fn refusal(error: EngineError) -> Refusal {
    let message = error.to_string();
    match error {
        EngineError::NotFound { id } => not_found(id.as_str()),
        EngineError::Misfit { .. } | EngineError::TooMany { .. } => ToolError::Refused(message).into(),
        EngineError::KeyReused { .. } | EngineError::TooLarge { .. } | EngineError::Invalid { .. } => {
            ToolError::Invalid(message).into()
        }
        EngineError::Told { kind: Told::Invalid, .. } => ToolError::Invalid(message).into(),
        EngineError::Told { kind: Told::TooMany, .. } => ToolError::Refused(message).into(),
        EngineError::Away { .. } | EngineError::Closed | EngineError::Told { kind: Told::Passing, .. } => {
            ToolError::Away(message).into()
        }
        _ => {
            tracing::error!(%error, "the jobs failed");
            ToolError::Failed(message).into()
        }
    }
}

/// Also for a job of somebody else: it does not exist for who asks.
pub(crate) fn not_found(id: &str) -> Refusal {
    Refusal::NotFound { kind: "job", name: id.into() }
}
