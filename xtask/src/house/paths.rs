//! No file tells on whose machine it was written.

use super::{Finding, House};
use crate::places;

/// The beginnings of such paths. Put together here, so that this file is not found itself.
const MACHINES: [&str; 5] = [
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/main"),
    concat!("/wo", "rk/shared"),
    concat!("/home/", "runner"),
    concat!("/tmp", "/t-"),
];

/// Every line that names such a path, or the folder of this very checkout.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    let checkout = places::checkout().to_string_lossy().into_owned();
    let private = |line: &str| {
        MACHINES.iter().copied().chain([checkout.as_str()]).find(|path| names(line, path)).is_some()
    };
    let lines = house.lines(|_| true).filter(|(_, line)| private(line));
    lines
        .map(|(place, _)| {
            Finding::new(place, "the path of one machine: find it at run time, or use a made-up one")
        })
        .collect()
}

/// Whether the line has this path from its beginning, and not as the end of a longer one.
fn names(line: &str, path: &str) -> bool {
    let begins = |at: usize| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || "/._-~}>)".contains(before))
    };
    line.match_indices(path).any(|(at, _)| begins(at))
}

#[cfg(test)]
mod tests {
    use super::super::tests::places_found;
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found() {
        for path in MACHINES {
            let house = House::of_files(&[("a.rs", &format!("one\nlet x = \"{path}x\";\n"))]);
            assert_eq!(places_found(inspect, &house), ["a.rs:2"]);
        }
        let here = format!("see {}", places::checkout().display());
        assert_eq!(places_found(inspect, &House::of_files(&[("a.md", &here)])), ["a.md:1"]);
    }

    #[test]
    fn made_up_paths_and_tails_of_others_are_not() {
        let tail = format!("/home/ada{}x and ${{HOME}}{}x", MACHINES[0], MACHINES[1]);
        assert!(
            places_found(inspect, &House::of_files(&[("a.md", &tail), ("b.md", "/home/ada/notes")]))
                .is_empty()
        );
    }
}
