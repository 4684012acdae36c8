//! Who asks.

use std::sync::Arc;

use crate::Grade;

/// One who may make calls: the owner at the console, a key, a local peer, a job, a workflow step.
/// Made only by an [`Authenticator`]; shared, because every call of a connection names the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Stable and printable, for the audit and for what belongs to a caller: `owner`, `key:laptop`.
    pub id: Arc<str>,
    /// What kind of caller it is.
    pub kind: CallerKind,
    /// The tier that bounds what it may do; `None` for the owner, and where the owner uses no tiers.
    pub grade: Option<Grade>,
}

/// The kinds of callers, for rules that differ between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerKind {
    /// The person whose machine this is.
    Owner,
    /// Whoever holds an API key.
    Key,
}

impl Caller {
    /// One that no tier bounds.
    pub fn new(id: impl Into<Arc<str>>, kind: CallerKind) -> Self {
        Self { id: id.into(), kind, grade: None }
    }

    /// Whether this is the owner, who may decide approvals where the host shows them.
    pub fn is_owner(&self) -> bool {
        self.kind == CallerKind::Owner
    }
}

/// Says who a bearer secret belongs to. Asked by every entrance, on every request.
pub trait Authenticator: Send + Sync + 'static {
    /// The caller whose secret this is, as of now: a key that was revoked a moment ago is refused.
    ///
    /// # Errors
    /// [`Unauthenticated`], which tells a stranger nothing.
    fn authenticate(&self, secret: &str) -> Result<Arc<Caller>, Unauthenticated>;
}

/// Why nobody could be recognised. Deliberately says no more than this to a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// No such key, or it was revoked or has expired.
    #[error(
        "this key is not valid: it may be mistyped, revoked or expired; `drawbridge keys list` shows the keys"
    )]
    Unknown,
    /// The keys cannot be read now.
    #[error("the keys cannot be read at the moment; `drawbridge doctor` says why")]
    Unavailable,
}
