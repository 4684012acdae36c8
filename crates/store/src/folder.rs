//! The folder and the files in it: made private, and refused when others could read or change them.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::StoreError;

/// The database's name in the folder.
pub const DATABASE_FILE: &str = "drawbridge.db";

/// What SQLite keeps beside a database.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Group and others may do nothing with a file of ours: it holds key hashes and the sealing secret.
const FILE_BITS_REFUSED: u32 = 0o077;

/// Nobody else may add or replace files in our folder; looking at their names is harmless.
const FOLDER_BITS_REFUSED: u32 = 0o022;

/// Makes `folder` (mode 0700) and its database file (mode 0600) where they are missing, checks both, and
/// returns the database's path.
///
/// # Errors
/// [`StoreError::Unsafe`] names the first file or folder that another user owns, could read or could change.
pub(crate) fn prepare(folder: &Path) -> Result<PathBuf, StoreError> {
    private_file(folder, DATABASE_FILE)
}

/// As the store does for its own: makes `folder` (mode 0700) and the file `name` in it (mode 0600) where they are
/// missing, checks both and what SQLite may keep beside the file, and returns the file's path.
///
/// # Errors
/// [`StoreError::Unsafe`] names the first file or folder that another user owns, could read or could change.
pub fn private_file(folder: &Path, name: &str) -> Result<PathBuf, StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(StoreError::io("make the folder", folder))?;
    check_folder(folder)?;
    let file = folder.join(name);
    open_private(&file)?;
    for suffix in COMPANIONS {
        check_if_there(&folder.join(format!("{name}{suffix}")))?;
    }
    Ok(file)
}

/// Opens a private file for reading and writing; makes it, mode 0600, where it is missing.
///
/// # Errors
/// As [`prepare`]; a symbolic link is refused, because its target may lie anywhere. Nobody can exchange the file
/// between looking and opening: the folder was checked, and only its owner may change it.
pub(crate) fn open_private(path: &Path) -> Result<File, StoreError> {
    check_if_there(path)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::io("open", path))
}

fn check_folder(folder: &Path) -> Result<(), StoreError> {
    let meta = fs::metadata(folder).map_err(StoreError::io("look at", folder))?;
    if !meta.is_dir() {
        return Err(refusal(folder, "it is not a folder".into(), "choose another place".into()));
    }
    check_owner(folder, &meta)?;
    check_bits(folder, &meta, FOLDER_BITS_REFUSED, "700")
}

fn check_if_there(path: &Path) -> Result<(), StoreError> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("look at", path)(error)),
    };
    if !meta.is_file() {
        return Err(refusal(path, "it is not a regular file".into(), "move it away".into()));
    }
    check_owner(path, &meta)?;
    check_bits(path, &meta, FILE_BITS_REFUSED, "600")
}

fn check_owner(path: &Path, meta: &Metadata) -> Result<(), StoreError> {
    let us = rustix::process::geteuid().as_raw();
    if meta.uid() == us {
        return Ok(());
    }
    let problem = format!("user {} owns it, and this program runs as user {us}", meta.uid());
    Err(refusal(path, problem, format!("run as its owner, or `chown {us}` it")))
}

fn check_bits(path: &Path, meta: &Metadata, refused: u32, right: &str) -> Result<(), StoreError> {
    let mode = meta.mode() & 0o777;
    if mode & refused == 0 {
        return Ok(());
    }
    let problem = format!("its mode {mode:03o} lets other users in");
    Err(refusal(path, problem, format!("`chmod {right}` it")))
}

fn refusal(path: &Path, problem: String, remedy: String) -> StoreError {
    StoreError::Unsafe { path: path.into(), problem, remedy }
}
