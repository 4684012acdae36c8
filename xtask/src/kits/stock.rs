//! The shelf of installed things: each is made once, whole or not at all, however many commands run at a time.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Result};
use crate::places;

/// Written last into a folder, so that one without it was left half made.
const READY: &str = ".ready";

/// Returns the folder `name` of the cache, made by `make` if it is not there yet.
///
/// # Errors
/// The cache cannot be written, or `make` fails; a half-made folder is made again next time.
pub(super) fn obtain(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    obtain_in(&places::cache()?, name, make)
}

fn obtain_in(cache: &Path, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = cache.join(name);
    fs::create_dir_all(cache).doing(|| format!("cannot make {}", cache.display()))?;
    // Held until the end: two commands at once would install into the same folder.
    let lock_path = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).doing(|| format!("cannot write {}", lock_path.display()))?;
    lock.lock().doing(|| format!("cannot lock {}", lock_path.display()))?;
    if !folder.join(READY).is_file() {
        begin_anew(&folder).doing(|| format!("cannot make {}", folder.display()))?;
        make(&folder)?;
        fs::write(folder.join(READY), "").doing(|| format!("cannot write {}", folder.display()))?;
    }
    Ok(folder)
}

/// Has a folder of the cache made again next time.
pub(super) fn forget(folder: &Path) {
    // What cannot be removed was not ready, or will be used as it is: neither is worth stopping for.
    let _ = fs::remove_file(folder.join(READY));
}

fn begin_anew(folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

/// A name for what these files describe: it changes when any of them does. A file that is not there counts as empty.
pub(super) fn name_of(title: &str, files: &[PathBuf]) -> String {
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(file).unwrap_or_default().hash(&mut hasher);
    }
    format!("{title}-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::failure::Failure;

    #[test]
    fn a_thing_is_made_once() {
        let cache = tempfile::tempdir().unwrap();
        let made = Cell::new(0);
        let make = |folder: &Path| {
            made.set(made.get() + 1);
            fs::write(folder.join("thing"), "whole").doing(String::new)
        };
        let first = obtain_in(cache.path(), "kit", make).unwrap();
        let again = obtain_in(cache.path(), "kit", make).unwrap();
        assert_eq!((made.get(), &first), (1, &again));
        assert_eq!(fs::read_to_string(first.join("thing")).unwrap(), "whole");
    }

    #[test]
    fn what_was_left_half_made_is_made_again_from_nothing() {
        let cache = tempfile::tempdir().unwrap();
        let fails = |folder: &Path| {
            fs::write(folder.join("half"), "").doing(String::new)?;
            Err(Failure::new("the network went away"))
        };
        assert!(obtain_in(cache.path(), "kit", fails).is_err());
        let folder = obtain_in(cache.path(), "kit", |_| Ok(())).unwrap();
        assert!(!folder.join("half").exists());
    }

    #[test]
    fn what_was_forgotten_is_made_again() {
        let cache = tempfile::tempdir().unwrap();
        let folder = obtain_in(cache.path(), "kit", |_| Ok(())).unwrap();
        forget(&folder);
        assert!(obtain_in(cache.path(), "kit", |_| Err(Failure::new("made again"))).is_err());
    }

    #[test]
    fn another_lock_file_is_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("package-lock.json");
        let name = || name_of("kit", std::slice::from_ref(&lock));
        let (none, one) = (name(), fs::write(&lock, "1").map(|()| name()).unwrap());
        let two = fs::write(&lock, "2").map(|()| name()).unwrap();
        assert!(none != one && one != two && one == fs::write(&lock, "1").map(|()| name()).unwrap());
    }
}
