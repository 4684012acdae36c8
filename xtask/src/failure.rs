//! The one error of these commands: a sentence for the person who ran them.

use std::fmt;

/// What happened, and what to do about it, in words.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// What every step of a command returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Makes a failure out of what to tell the person.
    pub(crate) fn new(says: impl Into<String>) -> Self {
        Self(says.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says what was being done when the system refused.
pub(crate) trait Doing<T> {
    /// Turns an error into a [`Failure`] that begins with what could not be done, such as `cannot write x`.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure(format!("{}: {error}", what())))
    }
}
