//! Where things are: the checkout, and the folder outside it that keeps what is slow to make.

use std::env;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The checkout's top folder.
///
/// Taken from the environment that `cargo run` sets, and from the place of this source file otherwise.
pub(crate) fn checkout() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).filter(|path| path.ends_with("xtask"));
    let here = here.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}

/// The folder that keeps what the commands installed, shared by all checkouts; deleting it is safe at any time.
pub(crate) fn cache() -> Result<PathBuf> {
    let folder = env::var_os("XDG_CACHE_HOME")
        .filter(|value| Path::new(value).is_absolute())
        .or_else(|| env::var_os("LOCALAPPDATA"))
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cache")));
    folder.map(|folder| folder.join("drawbridge")).ok_or_else(|| {
        Failure::new("no place for a cache: neither HOME nor XDG_CACHE_HOME is set. Set one of them.")
    })
}

/// The file that would be started for `name`, looked up as a shell does it.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(&file)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_holds_the_workspace() {
        assert!(checkout().join("Cargo.toml").is_file());
        assert!(checkout().join("xtask/src/places.rs").is_file());
    }

    #[test]
    fn a_program_nobody_has_is_not_found() {
        assert!(on_path("cargo").is_some());
        assert!(on_path("drawbridge-no-such-program").is_none());
    }
}
