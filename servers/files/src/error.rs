//! What goes wrong with files, told so that the caller can act on it.

use std::io;

use drawbridge_contract::ToolError;

/// Why a file operation was not done. Paths are as the caller may use them: `root/relative/path`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{0}")]
    Invalid(String),
    #[error("there is nothing at {0}; files_list and files_find show what there is")]
    Missing(String),
    #[error("there is nothing at {0} in the trash; files_trash shows what there is")]
    NotInTrash(String),
    #[error("{path} lies outside the roots; paths begin with one of: {roots}")]
    OutsideRoots { path: String, roots: String },
    #[error("{0} leads out of its root, by `..` or by a link; only what lies inside can be used")]
    LeadsOut(String),
    #[error("{0} is never given to callers: it holds secrets, or belongs to Drawbridge itself")]
    Secret(String),
    #[error("{0} is not changed by callers: programs run what it says. The owner can change it by hand")]
    Protected(String),
    #[error("the root {0} is read-only")]
    ReadOnly(String),
    #[error("{0} is the root itself, which cannot be moved, replaced or removed")]
    RootItself(String),
    #[error("{0} is a directory; files_list shows what is in it")]
    IsDirectory(String),
    #[error("{0} is not a directory")]
    NotDirectory(String),
    #[error("{0} is a pipe, socket or device, which is never opened")]
    NotRegular(String),
    #[error("{0} is there already; nothing was changed")]
    Exists(String),
    #[error("{path} has changed since: it is now at revision {now}. Read it again, then decide")]
    Changed { path: String, now: String },
    #[error("{0} passes through more than {LINKS_MAX} links, perhaps in a circle")]
    TooManyLinks(String),
    #[error("{0} was exchanged while it was being opened; try again")]
    Exchanged(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("cannot {doing} {path}: {source}")]
    Io { doing: &'static str, path: String, source: io::Error },
    #[error("cancelled")]
    Cancelled,
    #[error("it took longer than its time limit; ask for less")]
    OutOfTime,
    /// Not an error for the caller: this work does not belong on a thread that must not wait.
    #[error("this takes longer")]
    TakesLonger,
}

/// How many symbolic links one path may pass through: as Linux has it.
pub(crate) const LINKS_MAX: usize = 40;

/// What an operation on files gives.
pub(crate) type Result<T> = std::result::Result<T, FileError>;

impl FileError {
    /// Wraps an error of the operating system in what was being done; those with a meaning of their own get theirs.
    pub(crate) fn io(doing: &'static str, path: impl Into<String>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing(path),
            io::ErrorKind::AlreadyExists => Self::Exists(path),
            io::ErrorKind::IsADirectory => Self::IsDirectory(path),
            io::ErrorKind::NotADirectory => Self::NotDirectory(path),
            io::ErrorKind::CrossesDevices => Self::TakesLonger,
            _ if is_link_refused(&source) => Self::Exchanged(path),
            _ => Self::Io { doing, path, source },
        }
    }
}

/// Whether something was not opened because it is a link (`ELOOP` of `open(2)` with `O_NOFOLLOW`).
pub(crate) fn is_link_refused(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    return error.kind() == io::ErrorKind::InvalidInput;
}

impl From<FileError> for ToolError {
    fn from(error: FileError) -> Self {
        let message = error.to_string();
        match error {
            FileError::Invalid(_) | FileError::Exists(_) => Self::Invalid(message),
            FileError::Missing(_) | FileError::NotInTrash(_) => Self::NotFound(message),
            FileError::OutsideRoots { .. }
            | FileError::LeadsOut(_)
            | FileError::Secret(_)
            | FileError::Protected(_)
            | FileError::ReadOnly(_)
            | FileError::RootItself(_)
            | FileError::NotRegular(_) => Self::Refused(message),
            FileError::Cancelled => Self::Cancelled,
            _ => Self::Failed(message),
        }
    }
}
