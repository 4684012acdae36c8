//! Where a daemon's socket and description are.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::ServeError;

/// The folder that was given, that of the environment, or the one that Drawbridge watches; made where it is missing.
pub(crate) fn of(given: Option<PathBuf>) -> Result<PathBuf, ServeError> {
    let folder = given.or_else(named).or_else(usual).ok_or(ServeError::NoFolder)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|source| ServeError::Io { path: folder.clone(), source })?;
    Ok(folder)
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn named() -> Option<PathBuf> {
    variable("DAEMON_FOLDER")
}

fn usual() -> Option<PathBuf> {
    let moved = || Some(variable("DRAWBRIDGE_HOME")?.join("run/daemons"));
    let runtime = || Some(variable("XDG_RUNTIME_DIR")?.join("drawbridge/daemons"));
    let data = || variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
    moved().or_else(runtime).or_else(|| Some(data()?.join("drawbridge/run/daemons")))
}

/// Writes a file whole or not at all. Only we may read it until it is complete, and only we may ever change it.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))
}
