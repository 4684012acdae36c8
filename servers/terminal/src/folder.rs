//! Folders of ours that commands use and that must not pile up.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Makes a folder that only we can read, and what is above it.
///
/// # Errors
/// As the operating system says.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A folder of this process alone, below one that several may use.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) path: PathBuf,
    /// Locked for as long as we live: who finds it free may remove the folder.
    _lock: File,
}

impl Own {
    /// Makes one below `shared`, and removes those whose processes have ended without removing them.
    ///
    /// # Errors
    /// As the operating system says.
    pub(crate) fn below(shared: &Path) -> io::Result<Self> {
        make(shared)?;
        for entry in fs::read_dir(shared)?.flatten() {
            remove_if_left(&entry.path());
        }
        let path = shared.join(uuid::Uuid::new_v4().simple().to_string());
        // The lock comes before the folder, so that nobody finds the folder free.
        let lock = File::create(lock_of(&path))?;
        lock.lock()?;
        make(&path)?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // What cannot be removed now is at the next start.
        let _ = fs::remove_dir_all(&self.path);
        let _ = fs::remove_file(lock_of(&self.path));
    }
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

/// Removes a folder of ours whose lock nobody holds. Anything else is not ours to remove.
fn remove_if_left(path: &Path) {
    let Ok(lock) = File::open(lock_of(path)) else { return };
    if path.is_dir() && lock.try_lock().is_ok() {
        let _ = fs::remove_dir_all(path);
        let _ = fs::remove_file(lock_of(path));
    }
}

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Temporary(pub(crate) PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        remove_later(std::mem::take(&mut self.0));
    }
}

/// Removes a folder aside. What cannot be removed now is at the next start.
pub(crate) fn remove_later(path: PathBuf) {
    let remove = move || {
        let _ = fs::remove_dir_all(path);
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(remove)),
        Err(_) => remove(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_living_stay_and_those_of_the_dead_go() {
        let shared = tempfile::tempdir().unwrap();
        let (alive, dead) = (Own::below(shared.path()).unwrap(), Own::below(shared.path()).unwrap());
        let left = dead.path.clone();
        // As after a kill: the lock is gone, the folder is not.
        let Own { path, .. } = &dead;
        fs::write(path.join("file"), "").unwrap();
        dead._lock.unlock().unwrap();
        fs::write(shared.path().join("theirs"), "").unwrap();
        fs::create_dir(shared.path().join("other")).unwrap();
        let third = Own::below(shared.path()).unwrap();
        assert!(alive.path.is_dir() && third.path.is_dir() && !left.exists());
        assert!(shared.path().join("theirs").exists() && shared.path().join("other").exists());
        drop(third);
        assert!(alive.path.is_dir());
    }
}
