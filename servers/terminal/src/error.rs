//! What goes wrong with commands and terminals, told so that the caller can act on it.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use drawbridge_contract::ToolError;
use drawbridge_sandbox::{LaunchError, WaitError};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TerminalError {
    #[error("{0}")]
    Invalid(String),
    #[error(
        "there is no terminal {0:?} of yours; terminal_list shows those there are, terminal_open opens one"
    )]
    NoSession(String),
    #[error("you have a terminal {0:?} already; use it, close it, or give the new one another name")]
    NameTaken(String),
    #[error(
        "{0} terminals are open, the most there may be; close one with terminal_close, or wait for one to go idle"
    )]
    TooMany(usize),
    #[error(
        "the program in {0} has ended; terminal_read still shows its last output, terminal_open opens a new terminal"
    )]
    Ended(String),
    #[error(
        "the owner has paused {0}: no program may type in it until the owner lets them. terminal_read and terminal_screen still work"
    )]
    Paused(String),
    #[error("the program in {session} reads no input: after {} s there was still no room for more. What did not fit was not typed", waited.as_secs())]
    NotReading { session: String, waited: Duration },
    #[error(
        "there is no output {0:?} of yours to read on; only outputs that an answer of terminal_run did not hold are kept, and the oldest are dropped first"
    )]
    NoRun(String),
    #[error(
        "{0}; the owner types at the console or with `drawbridge terminal attach`, programs with terminal_write, which is in the audit"
    )]
    MayNotType(&'static str),
    #[error("{error}{}", cause(.error))]
    Launch { error: LaunchError },
    #[error("the command was started, but {error}")]
    Wait { error: WaitError },
    #[error("cannot {doing}: {source}")]
    Io { doing: &'static str, source: io::Error },
}

/// What an operation on commands and terminals gives.
pub(crate) type Result<T> = std::result::Result<T, TerminalError>;

/// Why the server cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot prepare {} for the terminal's own files: {source}; it has to be a folder that Drawbridge may write", path.display())]
pub struct OpenError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the operating system says.
    #[source]
    pub source: io::Error,
}

/// The cause, where the message does not tell it itself.
fn cause(error: &LaunchError) -> String {
    match error {
        LaunchError::Directory { .. } => {
            error.source().map(|cause| format!(" ({cause})")).unwrap_or_default()
        }
        _ => String::new(),
    }
}

impl From<LaunchError> for TerminalError {
    fn from(error: LaunchError) -> Self {
        Self::Launch { error }
    }
}

impl From<TerminalError> for ToolError {
    fn from(error: TerminalError) -> Self {
        let message = error.to_string();
        match error {
            TerminalError::Invalid(_) | TerminalError::NameTaken(_) => Self::Invalid(message),
            TerminalError::Launch { error: LaunchError::Invalid(_) } => Self::Invalid(message),
            TerminalError::NoSession(_) | TerminalError::NoRun(_) => Self::NotFound(message),
            TerminalError::Paused(_) | TerminalError::MayNotType(_) => Self::Refused(message),
            TerminalError::Launch { error: LaunchError::Refused(_) } => Self::Refused(message),
            _ => Self::Failed(message),
        }
    }
}
