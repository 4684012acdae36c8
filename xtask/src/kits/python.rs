//! Kits from PyPI: a virtual environment for each.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs::{self, PYTHON_VENV};
use super::stock;
use crate::failure::Result;
use crate::process;

/// The file that makes a folder a Python kit: every package with its exact version.
pub(super) const LOCK: &str = "requirements.txt";

/// Installs what a folder's lock file names; returns the virtual environment.
///
/// # Errors
/// Python or its `venv` module are missing and cannot be installed, or a package cannot be had.
pub(super) fn install(kit: &Path) -> Result<PathBuf> {
    let title = kit.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let lock = kit.join(LOCK);
    stock::obtain(&stock::name_of(&title, std::slice::from_ref(&lock)), |folder| {
        programs::ensure(&PYTHON_VENV)?;
        println!("Installing {} from PyPI", kit.display());
        process::run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let mut pip = Command::new(python_in(folder));
        pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&lock);
        process::run_patiently(&mut pip)
    })
}

/// The Python of a virtual environment.
fn python_in(environment: &Path) -> PathBuf {
    environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}
