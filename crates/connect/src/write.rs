//! Reading and replacing a host's file: bounded, through links, in one step, with a backup beside it.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::ConnectError;

/// The largest configuration file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 32 << 20;

/// What the backup's name adds to the file's. It holds the file as it was before Drawbridge first changed it, is never
/// overwritten, and goes away when removing our entry has restored exactly that.
pub const BACKUP_SUFFIX: &str = ".drawbridge-backup";

/// How many links are followed from the file's name to the file; what Linux allows.
const LINKS_MAX: usize = 40;

/// What applying a plan left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The backup beside the file, if there is one.
    pub backup: Option<PathBuf>,
}

/// The backup's path, beside the name that the host uses.
pub(crate) fn backup_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(BACKUP_SUFFIX);
    path.with_file_name(name)
}

/// The text of a file; none when there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<String>, ConnectError> {
    let failed = |source| ConnectError::Read { path: path.to_path_buf(), source };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        // Opening a pipe would wait for somebody to write to it.
        Ok(metadata) if !metadata.is_file() => {
            return Err(ConnectError::NotAFile { path: path.to_path_buf() });
        }
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ConnectError::TooLarge { path: path.to_path_buf() });
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        ConnectError::NotUtf8 { path: path.to_path_buf(), line }
    })
}

/// Puts `after` where `before` is. The first time (`keep_backup`), what was there is kept beside it.
pub(crate) fn replace(
    path: &Path,
    before: Option<&str>,
    after: Option<&str>,
    keep_backup: bool,
) -> Result<Applied, ConnectError> {
    let target = follow(path)?;
    let metadata = fs::metadata(&target).ok();
    if metadata.as_ref().is_some_and(|metadata| metadata.permissions().readonly()) {
        return Err(ConnectError::ReadOnly { path: path.to_path_buf() });
    }
    if read(&target)?.as_deref() != before {
        return Err(ConnectError::Changed { path: path.to_path_buf() });
    }
    let backup = backup_path(path);
    if let (true, Some(before)) = (keep_backup, before) {
        back_up(&backup, before, metadata.as_ref())?;
    }
    match after {
        Some(after) => put(&target, after, metadata.as_ref())?,
        None => fs::remove_file(&target).map_err(failed("delete", &target))?,
    }
    if !keep_backup && after.is_some() && read(&backup).ok().flatten().as_deref() == after {
        // What it holds is back in place: nothing is lost with it.
        fs::remove_file(&backup).map_err(failed("delete", &backup))?;
    }
    Ok(Applied { backup: Some(backup).filter(|backup| backup.exists()) })
}

/// The file at the end of the links, which need not exist. People who keep their settings in one folder link to it
/// from where hosts look; replacing the link would cut that.
fn follow(path: &Path) -> Result<PathBuf, ConnectError> {
    let mut target = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        let Ok(next) = fs::read_link(&target) else { return Ok(target) };
        target = target.parent().unwrap_or(Path::new("")).join(next);
    }
    Err(ConnectError::Link { path: path.to_path_buf() })
}

fn back_up(backup: &Path, text: &str, original: Option<&Metadata>) -> Result<(), ConnectError> {
    let mut file = match private_file().open(backup) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        opened => opened.map_err(failed("make the backup", backup))?,
    };
    let written =
        file.write_all(text.as_bytes()).and_then(|()| like(&file, original)).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // A backup that is cut short would be trusted later; without one, the next try makes it.
        _ = fs::remove_file(backup);
        failed("make the backup", backup)(error)
    })
}

/// A new file that only its owner can read.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Writes beside the file and renames, so that a crash leaves the old text or the new one.
fn put(target: &Path, text: &str, original: Option<&Metadata>) -> Result<(), ConnectError> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed("make the folder", folder))?;
    let mut file = NamedTempFile::new_in(folder).map_err(failed("write in", folder))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| like(file.as_file(), original));
    written.and_then(|()| file.as_file().sync_all()).map_err(failed("write", target))?;
    file.persist(target).map_err(|error| failed("replace", target)(error.error))?;
    // The new name must be on disk too. Not every file system can do it, and the file itself is safe already.
    if cfg!(unix) {
        _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// Gives a new file the permissions and the owner of the old one; without an old one it stays the user's alone.
fn like(file: &File, original: Option<&Metadata>) -> io::Result<()> {
    let Some(original) = original else { return Ok(()) };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let ours = file.metadata()?;
        if (ours.uid(), ours.gid()) != (original.uid(), original.gid()) {
            fchown(file, Some(original.uid()), Some(original.gid()))?;
        }
    }
    file.set_permissions(original.permissions())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ConnectError {
    move |source| ConnectError::Write { action, path: path.to_path_buf(), source }
}
