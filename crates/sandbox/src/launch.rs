//! What to start, and how it is connected to us.

use std::ffi::OsString;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::{Confinement, Environment, ProcessLimits};

/// A program to start. Arguments are a list that no shell reads.
#[derive(Debug)]
pub struct Launch {
    /// A path, or a name that is looked for in the child's `PATH`. A relative path starts at `directory`.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub arguments: Vec<OsString>,
    /// Where it works.
    pub directory: Directory,
    /// Its variables.
    pub environment: Environment,
    /// Its input and output.
    pub streams: Streams,
    /// What becomes its input in place of that of `streams`, such as a socket that it serves and could not make itself.
    #[cfg(unix)]
    pub given_input: Option<OwnedFd>,
    /// What it may touch; `None` for all that we may.
    pub confinement: Option<Confinement>,
    /// Whether programs such as `sudo` may gain privileges. Processes that did are out of our reach unless we are root.
    /// Never with a confinement.
    pub new_privileges: bool,
    /// How much it may use.
    pub limits: ProcessLimits,
}

/// A working folder.
#[derive(Debug)]
pub enum Directory {
    /// By its path, opened when the program is launched.
    Path(PathBuf),
    /// By a handle, so that nobody can exchange it any more.
    #[cfg(unix)]
    Handle(OwnedFd),
}

/// How a child is connected to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// Pipes: output and errors apart.
    Pipes(Pipes),
    /// A terminal of this size, which is the child's controlling one.
    Terminal(Size),
}

/// Which pipes a child has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pipes {
    /// Whether we can write to its input; else that is empty.
    pub input: bool,
    /// Whether what it writes to its error output comes with its output, in order.
    pub merge_errors: bool,
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { columns: 80, rows: 24 }
    }
}

impl Launch {
    /// A program without arguments in `/`, with output pipes, default variables and limits, and no confinement.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            directory: Directory::Path("/".into()),
            environment: Environment::default(),
            streams: Streams::Pipes(Pipes::default()),
            #[cfg(unix)]
            given_input: None,
            confinement: None,
            new_privileges: false,
            limits: ProcessLimits::default(),
        }
    }

    /// With these arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Working in this folder.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Directory::Path(path.into());
        self
    }

    /// With this variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.set.push((name.into(), value.into()));
        self
    }

    /// Connected so.
    #[must_use]
    pub fn streams(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// With this as its input.
    #[cfg(unix)]
    #[must_use]
    pub fn given_input(mut self, input: OwnedFd) -> Self {
        self.given_input = Some(input);
        self
    }

    /// Confined so.
    #[must_use]
    pub fn confined(mut self, confinement: Confinement) -> Self {
        self.confinement = Some(confinement);
        self
    }

    /// Within these limits.
    #[must_use]
    pub fn limits(mut self, limits: ProcessLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Says what makes no sense, before anything is started.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing is started there"))]
    pub(crate) fn check(&self) -> Result<(), String> {
        let words = std::iter::once(self.program.as_os_str()).chain(self.arguments.iter().map(AsRef::as_ref));
        if self.program.as_os_str().is_empty() {
            return Err("no program is named".into());
        }
        if let Some(word) = words.into_iter().find(|word| word.as_encoded_bytes().contains(&0)) {
            return Err(format!("the argument {word:?} has a NUL in it, which no program can be given"));
        }
        if self.new_privileges && self.confinement.is_some() {
            return Err("a confined program cannot gain privileges: drop one of the two".into());
        }
        Ok(())
    }
}
