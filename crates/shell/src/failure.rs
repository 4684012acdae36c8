//! What ends a command, and the status that a script ends with.

use crate::language::arguments::ArgumentError;
use crate::language::parse::SyntaxError;
use crate::link::CallError;

/// The tool could not do it.
const FAILED: u8 = 1;
/// What was typed means nothing.
const USAGE: u8 = 2;
/// The door, or the person who was asked, said no.
const REFUSED: u8 = 3;
/// The hub cannot be reached.
const AWAY: u8 = 4;
/// Ctrl-C, as other shells tell it.
const CANCELLED: u8 = 130;

/// Why a command did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Away(String),
    #[error("cancelled")]
    Cancelled,
    /// `exit`: no failure, but the end.
    #[error("")]
    Exit(u8),
    /// What we say is not taken any more.
    #[error("the output is closed")]
    Output(#[from] std::io::Error),
}

impl Failure {
    /// The status that the shell ends with because of it.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Output(_) => FAILED,
            Self::Usage(_) => USAGE,
            Self::Refused(_) => REFUSED,
            Self::Away(_) => AWAY,
            Self::Cancelled => CANCELLED,
            Self::Exit(code) => *code,
        }
    }

    /// Whether nothing more is to be run.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Exit(_) | Self::Output(_))
    }
}

impl From<SyntaxError> for Failure {
    fn from(error: SyntaxError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<ArgumentError> for Failure {
    fn from(error: ArgumentError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused { message, .. } => Self::Refused(message),
            CallError::Lost | CallError::Away(_) => Self::Away(error.to_string()),
        }
    }
}
