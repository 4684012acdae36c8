//! Files of this machine that answers are written to.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::language::parse::{File, How};
use crate::session::Session;

/// Checks, and asks, before the command runs.
pub(crate) fn may_write(session: &mut Session, file: &File) -> Result<(), Failure> {
    let path = path(file);
    if file.how != How::Ask || !path.exists() {
        return Ok(());
    }
    if path.is_dir() {
        return Err(Failure::Failed(format!("{} is a folder", path.display())));
    }
    if !session.person.is_there() {
        let why = format!("{} exists already: `>|` replaces it, `>>` adds to it", path.display());
        return Err(Failure::Failed(why));
    }
    let question = format!("{} exists already. Replace it? [y/N] ", path.display());
    match session.person.ask(&question).as_deref().map(str::trim) {
        Some("y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::Refused("Nothing was done.".to_owned())),
    }
}

/// Writes an answer. A file that is replaced is wholly old or wholly new.
pub(crate) fn write(session: &mut Session, file: &File, bytes: &[u8]) -> Result<(), Failure> {
    let path = path(file);
    let written = match file.how {
        How::Append => append(&path, bytes),
        How::Ask | How::Replace => replace(&path, bytes),
    };
    written.map_err(|error| Failure::Failed(format!("{} cannot be written: {error}", path.display())))?;
    if session.screen.is_live {
        session.screen.note(&format!("{} bytes in {}", bytes.len(), path.display()))?;
    }
    Ok(())
}

fn append(path: &PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes)
}

fn replace(path: &PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    let Ok(meta) = fs::metadata(path) else {
        return OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes);
    };
    // A pipe or a device is written to, not replaced.
    if !meta.is_file() {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| ".".as_ref());
    let mut new = tempfile::Builder::new().prefix(".drawbridge-").tempfile_in(folder)?;
    new.write_all(bytes)?;
    fs::set_permissions(new.path(), meta.permissions())?;
    new.persist(path)?;
    Ok(())
}

/// A `~` at the beginning is the home folder, as in other shells.
fn path(file: &File) -> PathBuf {
    let home = std::env::home_dir();
    match (file.path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(&file.path),
    }
}
