//! Who answers questions.

/// The person at the shell, if there is one.
pub(crate) trait Person: Send {
    /// Asks for a line. `None` when nobody is there, or the answer is that they leave (Ctrl-C, Ctrl-D).
    fn ask(&mut self, question: &str) -> Option<String>;

    /// Whether anybody is there.
    fn is_there(&self) -> bool {
        true
    }
}

/// Nobody, as in a script.
pub(crate) struct Nobody;

impl Person for Nobody {
    fn ask(&mut self, _question: &str) -> Option<String> {
        None
    }

    fn is_there(&self) -> bool {
        false
    }
}
