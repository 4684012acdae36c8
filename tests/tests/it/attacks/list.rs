//! The list of attacks, held to the tests that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose sources may hold such a test, below the checkout.
const FOLDERS: &[&str] = &["tests/tests", "crates", "servers"];

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Each attack's id, and whether the list says that it is tested.
fn listed() -> BTreeMap<String, bool> {
    let text = fs::read_to_string(checkout().join("tests/attacks.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut found = BTreeMap::new();
    for line in lines {
        let (id, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?} is no entry"));
        let state = rest.trim_start();
        let is_tested = state == "tested" || state.starts_with("tested ");
        assert!(
            is_tested || state.strip_prefix("later: ").is_some_and(|why| why.len() > 10),
            "{line:?}: say why"
        );
        assert!(found.insert(id.to_owned(), is_tested).is_none(), "{id} is there twice");
    }
    found
}

/// The ids in the names of tests: `A1` of `fn a1_foreign_host()`.
fn tried() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in FOLDERS {
        for text in sources(&checkout().join(folder)) {
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[") || line.starts_with("///") {
                    is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                    continue;
                }
                if let Some(name) = std::mem::take(&mut is_test).then(|| function(line)).flatten()
                    && let Some(id) = id_of(name)
                {
                    found.entry(id).or_default().push(name.to_owned());
                }
            }
        }
    }
    found
}

fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    rest.split('(').next()
}

/// The attack that a test is named after: a letter, digits, an underscore.
fn id_of(name: &str) -> Option<String> {
    let (first, _) = name.split_once('_')?;
    let digits = first.strip_prefix(|letter: char| ('a'..='j').contains(&letter))?;
    let is_id = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit());
    is_id.then(|| first.to_uppercase())
}

fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
    found
}

#[test]
fn the_list_and_the_tests_agree() {
    let (listed, tried) = (listed(), tried());
    let tested: BTreeSet<&String> = listed.iter().filter(|(_, tested)| **tested).map(|(id, _)| id).collect();
    let found: BTreeSet<&String> = tried.keys().collect();
    let without: Vec<_> = tested.difference(&found).collect();
    assert!(without.is_empty(), "listed as tested, and no test is named after them: {without:?}");
    let unlisted: Vec<_> = found.difference(&tested).map(|id| (id, &tried[id.as_str()])).collect();
    assert!(unlisted.is_empty(), "tests of what the list does not have as tested: {unlisted:?}");
}
