//! A command that begins, and goes on only when a test lets it: nothing depends on how fast the machine is.

use std::path::PathBuf;

use super::{Home, wait_for};

/// What commands write down in a home, and what they wait for.
pub(crate) struct Gate {
    mark: PathBuf,
}

impl Gate {
    /// A closed gate; `name` is unlike that of every other file in this home.
    pub(crate) fn new(home: &Home, name: &str) -> Self {
        Self { mark: home.path(name) }
    }

    /// The file that commands write to, as a word of a command.
    pub(crate) fn mark(&self) -> String {
        self.mark.display().to_string()
    }

    /// Writes down that it has begun, waits until the gate is open, and goes on with `then`.
    pub(crate) fn command(&self, then: &str) -> String {
        let mark = self.mark();
        format!("echo begun >> {mark}; while [ ! -e {mark}.open ]; do sleep 0.05; done; {then}")
    }

    /// Waits until commands have begun this often.
    pub(crate) fn until_begun(&self, times: usize) {
        wait_for("a command that has begun", || (self.marked().lines().count() >= times).then_some(()));
    }

    /// Lets every command go on, also those that come later.
    pub(crate) fn open(&self) {
        std::fs::write(format!("{}.open", self.mark()), "").unwrap();
    }

    /// What was written down.
    pub(crate) fn marked(&self) -> String {
        std::fs::read_to_string(&self.mark).unwrap_or_default()
    }
}
