//! What the tests and benchmarks need beyond Rust, installed by name from the package registries.
//!
//! A *kit* is a folder below `tests/` with a lock file: `package-lock.json` (npm) or `requirements.txt` (Python).
//! Each is installed once for each content of its lock file, in the cache outside the checkout, and a test finds it
//! in the environment: `tests/conformance/` becomes `DRAWBRIDGE_TEST_CONFORMANCE`.

pub(crate) mod console;
pub(crate) mod deny;
mod npm;
pub(crate) mod programs;
mod python;
mod stock;

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Result};
use crate::{places, process};

/// The name of an environment variable, and the path it carries.
pub(crate) type Variable = (String, PathBuf);

/// Installs what the tests need, and returns the variables that tell them where it is.
///
/// # Errors
/// Something is missing and cannot be installed; the failure says what to do.
pub(crate) fn for_tests() -> Result<Vec<Variable>> {
    process::announce("What the tests need");
    // They run on Linux only, as the sandbox does that they are about.
    if cfg!(target_os = "linux") {
        programs::DRIVEN.iter().try_for_each(programs::ensure)?;
        programs::ensure(&programs::REDIS)?;
        programs::ensure(&programs::SYSTEMD)?;
        programs::ensure(&programs::CHROMIUM)?;
    }
    let mut variables = Vec::new();
    for folder in folders_of(&places::checkout().join("tests"))? {
        variables.extend(kit_in(&folder)?);
    }
    if variables.iter().any(|(_, path)| path.join("node_modules").is_dir()) {
        variables.push(("DRAWBRIDGE_TEST_NODE".into(), npm::node()?));
    }
    for (name, path) in &variables {
        println!("{name}={}", path.display());
    }
    Ok(variables)
}

fn kit_in(folder: &Path) -> Result<Option<Variable>> {
    let place = if folder.join(npm::LOCK).is_file() {
        npm::install(folder)?
    } else if folder.join(python::LOCK).is_file() {
        python::install(folder)?
    } else {
        return Ok(None);
    };
    Ok(Some((variable_of(folder), place)))
}

/// The variable that tells tests where the kit of this folder was installed.
fn variable_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    format!("DRAWBRIDGE_TEST_{}", name.to_uppercase().replace('-', "_"))
}

fn folders_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).doing(|| format!("cannot list {}", folder.display()))?;
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_its_variable() {
        assert_eq!(variable_of(Path::new("tests/conformance")), "DRAWBRIDGE_TEST_CONFORMANCE");
        assert_eq!(variable_of(Path::new("tests/old-clients")), "DRAWBRIDGE_TEST_OLD_CLIENTS");
    }

    #[test]
    fn a_folder_without_a_lock_file_is_no_kit() {
        let folder = tempfile::tempdir().unwrap();
        assert!(kit_in(folder.path()).unwrap().is_none());
    }
}
