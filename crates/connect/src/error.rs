//! What can go wrong, in words that say what to do about it. No message quotes the file: it may hold keys.

use std::io;
use std::path::{Path, PathBuf};

use crate::Host;
use crate::document::EditError;
use crate::write::FILE_BYTES_MAX;

/// Why a host could not be connected or disconnected. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No host has this name.
    #[error("no host is called `{name}`: use one of {known}")]
    UnknownHost {
        /// What was asked for.
        name: String,
        /// The names there are, separated by commas.
        known: String,
    },
    /// The system does not say where the home folder is.
    #[error("cannot find your home folder: set HOME (on Windows USERPROFILE) to its absolute path")]
    NoHome,
    /// The program to start was not given by its full path, or its path is not text.
    #[error("hosts start programs by their full path in plain text, and `{}` is not one", .command.display())]
    Command {
        /// What was given.
        command: PathBuf,
    },
    /// The file could not be read.
    #[error("cannot read {}: check that it is yours to read", .path.display())]
    Read {
        /// The host's configuration file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The path leads to a folder, a pipe or a device.
    #[error("{} is not a file: move it away, then connect again", .path.display())]
    NotAFile {
        /// The host's configuration file.
        path: PathBuf,
    },
    /// The path is a symbolic link that leads nowhere, or in a circle.
    #[error("{} is a link that cannot be followed: repair it, then connect again", .path.display())]
    Link {
        /// The host's configuration file.
        path: PathBuf,
    },
    /// The file is larger than any configuration.
    #[error("{} is larger than {FILE_BYTES_MAX} bytes, so it is left alone", .path.display())]
    TooLarge {
        /// The host's configuration file.
        path: PathBuf,
    },
    /// The file is not UTF-8 text.
    #[error("{}, line {line}, is not UTF-8 text: save the file as UTF-8, then connect again", .path.display())]
    NotUtf8 {
        /// The host's configuration file.
        path: PathBuf,
        /// Where the text stops being UTF-8, counted from 1.
        line: usize,
    },
    /// The file does not parse.
    #[error(
        "{}, line {line}, column {column}: {reason}. {host} cannot read this file as it is: correct it, then connect again",
        .path.display()
    )]
    Malformed {
        /// The host's title.
        host: &'static str,
        /// The host's configuration file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What the parser said.
        reason: String,
    },
    /// Something that should be a map of names to values is not.
    #[error("{}: {what} should be a map of names to values: correct it, then connect again", .path.display())]
    NotAMap {
        /// The host's configuration file.
        path: PathBuf,
        /// The key in question, or "the whole file".
        what: String,
    },
    /// A key that we would have to change is there twice, so that nobody can say which one counts.
    #[error("{}: `{key}` is there twice: keep one, then connect again", .path.display())]
    Duplicate {
        /// The host's configuration file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// The file is written in a way that we cannot edit without changing something else.
    #[error(
        "{} is written in a way that Drawbridge cannot edit safely. Open it yourself; the entry is:\n\n{snippet}",
        .path.display()
    )]
    ByHand {
        /// The host's configuration file.
        path: PathBuf,
        /// What to add by hand, or which entry to take out.
        snippet: String,
    },
    /// The file is marked read-only, which somebody did on purpose.
    #[error("{} is read-only: make it writable, then connect again", .path.display())]
    ReadOnly {
        /// The host's configuration file.
        path: PathBuf,
    },
    /// Somebody, most likely the host itself, wrote the file after the plan was made.
    #[error("{} changed meanwhile: close the host if it is running, then connect again", .path.display())]
    Changed {
        /// The host's configuration file.
        path: PathBuf,
    },
    /// The new text could not be put in place.
    #[error("cannot {action} {}: check that its folder is yours to write and not full", .path.display())]
    Write {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ConnectError {
    /// What a person needs to know about a text that cannot be edited; `snippet` is what to paste by hand.
    pub(crate) fn editing(
        error: EditError,
        host: &Host,
        path: &Path,
        snippet: impl FnOnce() -> String,
    ) -> ConnectError {
        let path = path.to_path_buf();
        match error {
            EditError::Malformed { line, column, reason } => {
                ConnectError::Malformed { host: host.title, path, line, column, reason }
            }
            EditError::NotAMap(what) => ConnectError::NotAMap { path, what },
            EditError::Duplicate(key) => ConnectError::Duplicate { path, key },
            EditError::Unsafe => ConnectError::ByHand { path, snippet: snippet() },
        }
    }
}
