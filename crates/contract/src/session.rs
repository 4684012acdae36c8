//! A person's stay at the console, as a browser carries it.

use std::fmt;
use std::sync::Arc;

/// The name of the cookie that carries a session.
pub const SESSION_COOKIE: &str = "drawbridge_console";

/// The header that a page of the console sends with every request that changes something. A form or a link of another
/// page cannot set it, and a script of another page has to ask first, which is refused.
pub const CONSOLE_HEADER: &str = "x-drawbridge-console";

/// The session that let a request in. The guard puts it beside the caller, and only where nothing but the session's
/// cookie let the request in: whoever finds one knows that a person at the console asks, not a program with a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Session(Arc<str>);

impl Session {
    /// The session with this secret.
    pub fn new(secret: impl Into<Arc<str>>) -> Self {
        Self(secret.into())
    }

    /// The cookie's value.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

/// Nothing prints the secret.
impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Session")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_a_sessions_secret() {
        assert_eq!(format!("{:?}", Session::new("abc")), "Session");
        assert_eq!(Session::new("abc").secret(), "abc");
    }
}
