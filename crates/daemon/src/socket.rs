//! The socket that a daemon listens on.

use std::fs::{self, Permissions};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use crate::ServeError;

/// The socket that whoever started us gave us as standard input, if that is one that listens.
pub(crate) fn given() -> Option<UnixListener> {
    let input = std::io::stdin();
    if !rustix::net::sockopt::socket_acceptconn(&input).unwrap_or(false) {
        return None;
    }
    Some(UnixListener::from(input.as_fd().try_clone_to_owned().ok()?))
}

/// A socket of our own, which nobody else could connect to at any moment: it gets its name only when it is private. One
/// that a daemon left behind is replaced; one that answers is not.
pub(crate) fn bind(folder: &Path, name: &str) -> Result<UnixListener, ServeError> {
    let path = folder.join(format!("{name}.sock"));
    if UnixStream::connect(&path).is_ok() {
        return Err(ServeError::Taken(path));
    }
    let new = folder.join(format!(".{name}.{}", std::process::id()));
    let made = || {
        let _ = fs::remove_file(&new);
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::rename(&new, &path)?;
        Ok(listener)
    };
    made().map_err(|source| ServeError::Io { path: path.clone(), source })
}
