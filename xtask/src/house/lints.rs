//! Every crate takes the workspace's lints; a crate that forgets to is not linted at all.

use super::{Finding, House};

/// Every crate's manifest without `[lints] workspace = true`.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    let manifests = house.texts().filter(|(path, _)| path.ends_with("/Cargo.toml"));
    let careless = manifests.filter(|(_, text)| !takes_the_workspace_lints(text));
    careless.map(|(path, _)| Finding::new(path, "add `[lints]` with `workspace = true`")).collect()
}

fn takes_the_workspace_lints(manifest: &str) -> bool {
    let lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.take_while(|line| !line.starts_with('[')).any(|line| line == "workspace = true")
}

#[cfg(test)]
mod tests {
    use super::super::tests::places_found;
    use super::*;

    #[test]
    fn only_the_manifest_that_takes_the_lints_is_good() {
        let house = House::of_files(&[
            ("Cargo.toml", "[workspace]"),
            ("crates/good/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n"),
            ("crates/none/Cargo.toml", "[package]\n"),
            ("crates/own/Cargo.toml", "[lints]\n[package]\nworkspace = true\n"),
        ]);
        assert_eq!(places_found(inspect, &house), ["crates/none/Cargo.toml", "crates/own/Cargo.toml"]);
    }
}
