//! Kits from npm, and the Node that runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{programs, stock};
use crate::failure::{Doing, Failure, Result};
use crate::{places, process};

/// The file that makes a folder an npm kit.
pub(super) const LOCK: &str = "package-lock.json";

/// What `npm ci` reads. The last one may be missing.
const READ_BY_NPM: [&str; 3] = ["package.json", LOCK, ".npmrc"];

/// The oldest Node whose npm can install our kits.
const INSTALLING_MAJOR_MIN: u32 = 20;

/// The oldest Node that the conformance suite for MCP 2026-07-28 runs on.
const RUNNING_MAJOR_MIN: u32 = 24;

/// npm is a script, and Windows wants to know which kind.
pub(super) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Installs what a folder's lock file names, exactly; returns the folder that has `node_modules`.
///
/// # Errors
/// Node or npm are missing or too old, or a package cannot be had.
pub(super) fn install(kit: &Path) -> Result<PathBuf> {
    let title = kit.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = READ_BY_NPM.map(|file| kit.join(file));
    stock::obtain(&stock::name_of(&title, &files), |folder| {
        require("the tests need")?;
        println!("Installing {} from npm", kit.display());
        for file in files.iter().filter(|file| file.is_file()) {
            let to = folder.join(file.file_name().unwrap_or_default());
            fs::copy(file, to).doing(|| format!("cannot copy {}", file.display()))?;
        }
        process::run_patiently(ci().current_dir(folder))
    })
}

/// What installs exactly what a lock file names. No package may run a program of its own meanwhile.
pub(super) fn ci() -> Command {
    let mut npm = Command::new(NPM);
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    npm
}

/// The Node that runs the kits: the one of our lock file where npm has it for this platform, else this machine's.
///
/// # Errors
/// Neither can be had.
pub(super) fn node() -> Result<PathBuf> {
    let folder = install(&places::checkout().join("xtask/node"))?;
    if let Some(node) = packaged_node(&folder) {
        return Ok(node);
    }
    // To npm a package for one platform is optional, and it passes over one that did not arrive: ask again next time.
    stock::forget(&folder);
    match (places::on_path("node"), node_major()) {
        (Some(node), Some(major)) if major >= RUNNING_MAJOR_MIN => Ok(node),
        _ => Err(Failure::new(format!(
            "the tests need Node {RUNNING_MAJOR_MIN} or newer, and npm delivered no package of it for this platform. \
             Try again, or install Node {RUNNING_MAJOR_MIN} with your package manager."
        ))),
    }
}

/// The one `node-<platform>` package that npm found fitting.
fn packaged_node(folder: &Path) -> Option<PathBuf> {
    let file = format!("bin/node{}", std::env::consts::EXE_SUFFIX);
    let packages = fs::read_dir(folder.join("node_modules")).ok()?.flatten();
    packages.map(|package| package.path().join(&file)).find(|node| node.is_file())
}

/// Whether Node and npm are there, for what needs them: `the tests need`.
///
/// # Errors
/// They are missing or too old.
pub(super) fn require(what: &str) -> Result<()> {
    let missing = match (node_major(), programs::answers(NPM)) {
        (None, _) => "there is none".to_owned(),
        (Some(major), _) if major < INSTALLING_MAJOR_MIN => format!("this is Node {major}"),
        (_, false) => "there is Node, but no npm".to_owned(),
        _ => return Ok(()),
    };
    Err(Failure::new(format!(
        "{what} Node {INSTALLING_MAJOR_MIN} or newer with npm, and {missing}. \
         Install Node with your package manager (package `nodejs`, and `npm` where that is a package of its own)."
    )))
}

fn node_major() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    major_of(&String::from_utf8_lossy(&output.stdout))
}

/// 24 of `v24.21.0`.
fn major_of(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major_of("v24.21.0\n"), Some(24));
        assert_eq!(major_of("v9.0.0"), Some(9));
        assert_eq!(major_of("command not found"), None);
        assert_eq!(major_of(""), None);
    }

    #[test]
    fn the_packaged_node_is_found_only_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(packaged_node(folder.path()), None);
        let bin = folder.path().join("node_modules/node-this-platform/bin");
        let node = bin.join(format!("node{}", std::env::consts::EXE_SUFFIX));
        fs::create_dir_all(&bin).and_then(|()| fs::write(&node, "")).unwrap();
        assert_eq!(packaged_node(folder.path()), Some(node));
    }
}
