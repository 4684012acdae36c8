//! Reads the house: its files from git, its crates from cargo.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

use serde_json::Value;

use super::{Crate, House, SourceFile};
use crate::failure::{Doing, Failure, Result};
use crate::{cargo, process};

impl House {
    /// Reads what is in the checkout: everything tracked, and everything that would be after `git add`.
    ///
    /// # Errors
    /// This is not a git checkout, a file cannot be read, or the manifests are wrong.
    pub(crate) fn read(checkout: &Path) -> Result<Self> {
        Ok(Self { files: files(checkout)?, crates: crates(checkout)? })
    }
}

fn files(checkout: &Path) -> Result<Vec<SourceFile>> {
    let mut git = Command::new("git");
    git.current_dir(checkout).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = process::output(&mut git)?;
    let paths = listed.split_terminator('\0');
    paths.filter_map(|path| file(checkout, path).transpose()).collect()
}

/// Nothing for a file that is tracked and was deleted since, and for a link to a folder.
fn file(checkout: &Path, path: &str) -> Result<Option<SourceFile>> {
    match fs::read(checkout.join(path)) {
        Ok(bytes) => Ok(Some(SourceFile { path: path.to_owned(), bytes })),
        Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::IsADirectory].contains(&error.kind()) => {
            Ok(None)
        }
        Err(error) => Err(error).doing(|| format!("cannot read {path}")),
    }
}

fn crates(checkout: &Path) -> Result<Vec<Crate>> {
    let printed = process::output(&mut cargo::command(&["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: Value = serde_json::from_str(&printed).doing(|| "cannot read cargo's metadata".into())?;
    let root = metadata["workspace_root"].as_str().map_or(checkout, Path::new);
    let packages = metadata["packages"].as_array().ok_or_else(|| Failure::new("cargo names no packages"))?;
    packages.iter().map(|package| crate_of(root, package)).collect()
}

fn crate_of(root: &Path, package: &Value) -> Result<Crate> {
    let manifest = package["manifest_path"].as_str().and_then(|path| Path::new(path).parent());
    let manifest = manifest.ok_or_else(|| Failure::new("cargo names a package without a manifest"))?;
    let mut found = Crate { folder: below(root, manifest), ..Crate::default() };
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        if let Some(path) = dependency["path"].as_str() {
            found.ours.push(below(root, Path::new(path)));
        } else if dependency["kind"] != "dev" {
            found.others.extend(dependency["name"].as_str().map(String::from));
        }
    }
    Ok(found)
}

fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::places;

    #[test]
    fn a_package_is_read_with_what_it_depends_on() {
        let package = json!({
            "manifest_path": "/house/crates/store/Cargo.toml",
            "dependencies": [
                { "name": "drawbridge-contract", "path": "/house/crates/contract", "kind": null },
                { "name": "drawbridge-web", "path": "/house/crates/web", "kind": "dev" },
                { "name": "rusqlite", "kind": null },
                { "name": "proptest", "kind": "dev" },
            ],
        });
        let store = crate_of(Path::new("/house"), &package).unwrap();
        assert_eq!(store.folder, "crates/store");
        assert_eq!(store.ours, ["crates/contract", "crates/web"]);
        assert_eq!(store.others, ["rusqlite"]);
    }

    #[test]
    fn the_real_house_is_seen() {
        let house = House::read(&places::checkout()).unwrap();
        assert!(house.text_of("xtask/src/house/read.rs").is_some());
        let contract = house.crates.iter().find(|one| one.folder == "crates/gateway").unwrap();
        assert!(contract.ours.iter().any(|folder| folder == "crates/contract"));
        assert!(house.files.iter().all(|file| !file.path.starts_with("target/")));
    }
}
