//! What can go wrong between asking for a process and having one.

use std::io;
use std::path::PathBuf;

use crate::Gap;

/// Why a program was not started. None of its processes is left.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The launch makes no sense; says what would.
    #[error("{0}")]
    Invalid(String),
    /// The working folder cannot be opened.
    #[error("cannot work in {}: it has to be a folder that we may open", path.display())]
    Directory {
        /// As it was given.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program cannot be executed: it is not there, is no program, or is not within what the confinement may read.
    #[error("cannot run {}: {source}{}", program.display(), hint(source, *confined))]
    Program {
        /// As it was given.
        program: PathBuf,
        /// Whether a confinement was in the way, perhaps.
        confined: bool,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The confinement is required, and this kernel cannot hold all of it.
    #[error("not started: the confinement is required, and here {}", list(.0))]
    Refused(Vec<Gap>),
    /// A step before the program's first instruction failed, so it was not started.
    #[error("not started: {step} failed ({source})")]
    Setup {
        /// Which step.
        step: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Our helper process cannot be started, or died.
    #[error(
        "the sandbox's helper process failed ({source}); is there room for more processes and open files?"
    )]
    Helper {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// As many children as we allow are running.
    #[error("{0} processes are running, the most we start at once: end some, or try again later")]
    TooMany(usize),
    /// No way to confine and end processes is written for this platform.
    #[error("processes cannot be started on this platform yet: only Linux has a sandbox")]
    Unsupported,
}

/// Why nobody can say how a child ended.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// Its guard was killed by somebody; its processes were ended, but how the program ended is not known.
    #[error("the process that guarded this child was killed; how the child ended is not known")]
    GuardLost,
    /// The connection to its guard failed.
    #[error("the connection to this child's guard failed")]
    Io(#[from] io::Error),
}

fn hint(source: &io::Error, confined: bool) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied if confined => "; the confinement has to let it be read",
        io::ErrorKind::NotFound => "; give a full path, or a name that is in PATH",
        _ => "",
    }
}

fn list(gaps: &[Gap]) -> String {
    gaps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
