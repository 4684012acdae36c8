//! The console: built with npm before the program that it is put into.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::npm;
use crate::failure::{Doing, Result};
use crate::{places, process};

/// What is made, and is no source.
const MADE: [&str; 2] = ["node_modules", "dist"];
/// Says from which lock file the packages were installed, and from which sources the console was built. They lie among
/// the packages, so that they go with them.
const INSTALLED: &str = "node_modules/.drawbridge-installed";
const BUILT: &str = "node_modules/.drawbridge-built";

/// Builds the console into `console/dist`, unless it is there and its sources are what they were. Cargo sees that it
/// changed, and puts it into the program.
///
/// # Errors
/// Node or npm are missing or too old, a package cannot be had, or the console does not build.
pub(crate) fn build() -> Result<()> {
    build_in(&places::checkout().join("console"))
}

fn build_in(console: &Path) -> Result<()> {
    let sources = fingerprint(console)?;
    if is_noted(console, BUILT, sources) && console.join("dist/index.html").is_file() {
        return Ok(());
    }
    process::announce("Building the console");
    npm::require("the console needs")?;
    let lock = hash_of(&fs::read(console.join(npm::LOCK)).unwrap_or_default());
    if !is_noted(console, INSTALLED, lock) {
        process::run_patiently(npm::ci().current_dir(console))?;
        note(console, INSTALLED, lock)?;
    }
    process::run(Command::new(npm::NPM).args(["run", "--silent", "build"]).current_dir(console))?;
    note(console, BUILT, sources)
}

fn is_noted(console: &Path, name: &str, fingerprint: u64) -> bool {
    fs::read_to_string(console.join(name)).is_ok_and(|text| text == format!("{fingerprint:016x}"))
}

fn note(console: &Path, name: &str, fingerprint: u64) -> Result<()> {
    let path = console.join(name);
    fs::write(&path, format!("{fingerprint:016x}")).doing(|| format!("cannot write {}", path.display()))
}

/// Changes whenever a source does, or is named anew.
fn fingerprint(console: &Path) -> Result<u64> {
    let mut files = Vec::new();
    collect(console, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in &files {
        file.hash(&mut hasher);
        fs::read(file).doing(|| format!("cannot read {}", file.display()))?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).doing(|| format!("cannot list {}", folder.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_made = path.file_name().is_some_and(|name| MADE.iter().any(|made| name == *made));
        if path.is_dir() && !is_made {
            collect(&path, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_no_source_and_everything_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let now = || fingerprint(folder.path()).unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).and_then(|()| fs::write(path, "1")).unwrap();
        };
        let empty = now();
        write("dist/index.html");
        write("node_modules/svelte/index.js");
        assert_eq!(now(), empty);
        write("src/app.ts");
        let one = now();
        assert_ne!(one, empty);
        fs::rename(folder.path().join("src/app.ts"), folder.path().join("src/other.ts")).unwrap();
        assert_ne!(now(), one);
    }

    #[test]
    fn a_console_that_is_built_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["dist", "node_modules"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("dist/index.html"), "").unwrap();
        note(folder.path(), BUILT, fingerprint(folder.path()).unwrap()).unwrap();
        assert!(build_in(folder.path()).is_ok(), "there is no package.json: npm would have failed");
    }
}
