//! How much a child may use, and for how long.

use std::time::Duration;

/// Open files of one process, unless told otherwise: room for builds, too few to exhaust the machine.
pub const OPEN_FILES: u64 = 4096;

/// Bounds of one launch. `None` is what our own process may. No child leaves core files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Processor time of each process, in seconds. At the limit it gets SIGXCPU, a second later SIGKILL.
    pub cpu_seconds: Option<u64>,
    /// Address space of each process, in bytes. Beyond it allocations fail.
    pub memory_bytes: Option<u64>,
    /// Open files of each process.
    pub open_files: Option<u64>,
    /// Processes and threads. Of this launch where the kernel gives it a user namespace of its own, else of all that
    /// our user runs; root is not held to it, and the [`Report`](crate::Report) says so.
    pub processes: Option<u64>,
    /// Length of any file that it writes, in bytes. At the limit it gets SIGXFSZ.
    pub file_bytes: Option<u64>,
    /// Time by the clock. Afterwards everything of this launch is ended.
    pub timeout: Option<Duration>,
    /// How long it has between SIGTERM at the timeout and the end of everything.
    pub grace: Duration,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self {
            cpu_seconds: None,
            memory_bytes: None,
            open_files: Some(OPEN_FILES),
            processes: None,
            file_bytes: None,
            timeout: None,
            grace: Duration::from_millis(500),
        }
    }
}
