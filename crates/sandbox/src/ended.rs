//! How a launch went and how it ended.

use std::path::PathBuf;
use std::time::Duration;

use crate::Gap;

/// How the program's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It ended with this code; 0 is success.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    /// Whether the program says that it succeeded.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

/// Why it came to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The program ended by itself (or something other than us ended it).
    Itself,
    /// It ran longer than its [`timeout`](crate::ProcessLimits::timeout).
    TimedOut,
    /// We were told to end it.
    Stopped,
}

/// The end of a launch. When this is there, none of its processes is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How the program's own process ended.
    pub exit: Exit,
    /// Why.
    pub cause: Cause,
    /// From its start to its end, by the clock.
    pub duration: Duration,
    /// Processor time of all its processes, in user and in kernel mode.
    pub cpu: Duration,
    /// The most memory that one of its processes had resident, in bytes.
    pub memory_bytes: u64,
    /// Processes that the program had left behind, and that were ended after it.
    pub strays: u32,
    /// Processes that could not be ended in time: those that became another user, or hang in the kernel. Should be 0.
    pub left: u32,
}

impl Ended {
    /// Whether the program ended by itself and says that it succeeded.
    pub fn success(&self) -> bool {
        self.cause == Cause::Itself && self.exit.success()
    }
}

/// What really holds a launch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Whether it was confined at all.
    pub confined: bool,
    /// The version of Landlock that was used; 0 for none.
    pub landlock_abi: u32,
    /// What was declared and this kernel cannot hold.
    pub gaps: Vec<Gap>,
    /// Declared paths that do not exist, so that nothing was allowed there.
    pub missing: Vec<PathBuf>,
}
