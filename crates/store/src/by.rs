//! Who does something, from where, and when.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Who changes something: this goes into the record of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The caller's id.
    pub caller: Arc<str>,
    /// Where it came in: `cli`, `http`, `console`…
    pub entrance: Cow<'static, str>,
    /// The call's id; empty when no call did it.
    pub call: Arc<str>,
    /// When, in microseconds since 1970-01-01T00:00:00Z.
    pub time_us: i64,
}

impl By {
    /// This caller, from this entrance, now, without a call.
    #[must_use]
    pub fn now(caller: impl Into<Arc<str>>, entrance: impl Into<Cow<'static, str>>) -> Self {
        Self { caller: caller.into(), entrance: entrance.into(), call: Arc::from(""), time_us: now_us() }
    }
}

/// The clock, in microseconds since 1970-01-01T00:00:00Z. Before that it stands still at 0.
#[must_use]
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
