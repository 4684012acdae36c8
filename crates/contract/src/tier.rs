//! Tiers: how much a caller may do, where the owner gave it less than everything.

use std::sync::Arc;

/// What one tier allows. The owner has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// As the owner calls it: `PRO`.
    pub name: Box<str>,
    /// Patterns of tools and of older clients' methods, of which any may match: `files_*`, `mcp.fs.*`, `*`.
    pub allowed: Vec<Box<str>>,
    /// Patterns of what stays hidden even so.
    pub hidden: Vec<Box<str>>,
    /// How many calls fit in any window of time; `None` is no limit.
    pub calls: Option<CallLimit>,
    /// Which language models may be asked, and how much; `None` is none at all.
    pub llm: Option<LlmLimits>,
}

impl Tier {
    /// The tier of those whose licence cannot be trusted: it sees nothing and may do nothing.
    pub fn nothing() -> Self {
        Self { name: "NONE".into(), allowed: Vec::new(), hidden: Vec::new(), calls: None, llm: None }
    }
}

/// At most `count` calls in any `window_seconds` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimit {
    /// 0 lets nobody call.
    pub count: u32,
    /// At least 1.
    pub window_seconds: u32,
}

/// How much a tier may use of language models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LlmLimits {
    /// Patterns of models, by any of their names: `ollama/*`, `gpt-4o`, `*`.
    pub models: Vec<Box<str>>,
    /// Of one request, its prompt and answer together; `None` is no limit.
    pub tokens_per_request: Option<u64>,
    /// Of one day (UTC); `None` is no limit.
    pub tokens_per_day: Option<u64>,
}

/// A tier that a caller is in, and whose account its use goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// What it allows.
    pub tier: Arc<Tier>,
    /// Under which name its use is counted: `key:laptop`, or `licence:…` for all who share that licence.
    pub account: Arc<str>,
    /// Why the caller has so few rights, where the licence is at fault: for the owner, and for who is refused.
    pub fault: Option<Arc<str>>,
}

/// A licence, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// The first 16 hexadecimal digits of the SHA-256 of its text.
    pub key_id: Box<str>,
    /// Who it was given to; empty when it cannot be read.
    pub user: Box<str>,
    /// Which tier it gives; empty when it cannot be read.
    pub tier: Box<str>,
    /// From when on it gives nothing, in microseconds since the epoch; `None` never ends.
    pub expires_us: Option<i64>,
    /// Whether it carries a signature that was checked.
    pub is_signed: bool,
    /// Why it gives nothing.
    pub fault: Option<Arc<str>>,
}

/// Where a caller stands: what it may do, and what is left of that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its tier and account; `None` where nothing limits it.
    pub grade: Option<Grade>,
    /// How many calls are left in the window; `None` is no limit.
    pub calls_left: Option<u32>,
    /// The licence that gave the tier, if one did.
    pub licence: Option<Arc<Licence>>,
}
