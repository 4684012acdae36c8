//! What goes wrong, on either side of the door.

use std::time::Duration;

use crate::CallLimit;

/// Why a tool could not do what it was asked. Becomes an error result that the model can act on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ToolError {
    /// The arguments fit the schema but make no sense: says what would.
    #[error("{0}")]
    Invalid(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// The tool's own boundary forbids it (a path outside the roots, a read-only root).
    #[error("refused: {0}")]
    Refused(String),
    /// Anything else: says what happened, why, and what to do.
    #[error("{0}")]
    Failed(String),
    /// What it needs is away for the moment, such as a database on another machine; the same call may go well later.
    #[error("{0}")]
    Away(String),
    /// The call was cancelled while it ran.
    #[error("cancelled")]
    Cancelled,
}

/// When to try again what is away for the moment.
pub const AWAY_RETRY_AFTER: Duration = Duration::from_secs(5);

impl ToolError {
    /// Its kind in one word, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::NotFound(_) => "not_found",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Away(_) => "away",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why the door did not let a call through, or did not let its result out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// Nothing of that name, as far as this caller may see.
    #[error("unknown {kind}: {name}")]
    NotFound {
        /// `tool`, `resource` or `prompt`.
        kind: &'static str,
        /// As it was asked for.
        name: Box<str>,
    },
    /// The arguments do not fit the input schema.
    #[error("invalid arguments for {tool}: {why}")]
    InvalidArguments {
        /// The tool.
        tool: Box<str>,
        /// Each place at fault, and what would fit.
        why: String,
    },
    /// The owner raised the bridge.
    #[error("the bridge is raised: the owner stopped all calls. `drawbridge lower` lets them in again")]
    Raised,
    /// A rule denies it.
    #[error("denied: {0}")]
    Denied(String),
    /// The owner must approve, and the host cannot ask: says where.
    #[error("{0}")]
    NeedsApproval(String),
    /// Too many calls in the window.
    #[error("too many calls: at most {per_minute} a minute; try again in {} s", retry_after.as_secs().max(1))]
    RateLimited {
        /// The limit.
        per_minute: u32,
        /// When the next call fits.
        retry_after: Duration,
    },
    /// The tier's calls of this window are used up.
    #[error(
        "the calls of tier {tier} are used up: at most {} in {}; try again in {} s",
        limit.count, span(limit.window_seconds), retry_after.as_secs().max(1)
    )]
    TierSpent {
        /// The tier.
        tier: Box<str>,
        /// What it allows.
        limit: CallLimit,
        /// When the next call fits.
        retry_after: Duration,
    },
    /// The tool ran longer than its time.
    #[error("{tool} was stopped after {} s, its time limit", limit.as_secs())]
    TimedOut {
        /// The tool.
        tool: Box<str>,
        /// Its limit.
        limit: Duration,
    },
    /// The caller, or whoever waits for it, gave up.
    #[error("cancelled")]
    Cancelled,
    /// The owner took the leave away while it ran: raised the bridge, or revoked the key.
    #[error("stopped while it ran, what it did until then remains: {0}")]
    Stopped(String),
    /// The result is larger than the bound.
    #[error(
        "the result of {tool} has {size_bytes} bytes, more than the {bytes_max} allowed: ask for less, or in parts"
    )]
    TooLarge {
        /// The tool.
        tool: Box<str>,
        /// How large it was.
        size_bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
    /// Calls within calls go deeper than the limit.
    #[error("calls within calls go deeper than {0} levels")]
    TooDeep(u8),
    /// The state that came with the answers is not one we gave for this very call.
    #[error("the request state does not belong to this call: {0}; make the call again without it")]
    BadState(&'static str),
    /// The tool's own error, where the target has no error result (resources, prompts).
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The audit cannot be written, so nothing may happen.
    #[error("the audit cannot be written ({0}), so nothing was done; `drawbridge doctor` says what to do")]
    AuditUnavailable(String),
    /// Our own fault; the log has the details.
    #[error("internal error in {0}; the log has the details")]
    Internal(Box<str>),
}

impl Refusal {
    /// When the same call may fit, where the refusal is one of time.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::TierSpent { retry_after, .. } => Some(*retry_after),
            Self::Tool(ToolError::Away(_)) => Some(AWAY_RETRY_AFTER),
            _ => None,
        }
    }
}

/// Whole minutes as minutes, anything else as seconds.
fn span(seconds: u32) -> String {
    match seconds {
        60 => "a minute".to_owned(),
        minutes if minutes % 60 == 0 => format!("{} minutes", minutes / 60),
        seconds => format!("{seconds} s"),
    }
}
