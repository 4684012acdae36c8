//! Nothing is promised in code: what is not done is in an issue, not in a marker.

use super::{Finding, House};

/// Marks of unfinished work. Put together here, so that this file is not found itself.
const MARKS: [&str; 3] = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME")];

const SOURCES: [&str; 6] = [".rs", ".ts", ".tsx", ".toml", ".sh", ".ci/run"];

/// Every line with such a mark.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    let lines = house.lines(|path| SOURCES.iter().any(|end| path.ends_with(end)));
    let marked =
        lines.filter_map(|(place, line)| Some((place, MARKS.iter().find(|mark| line.contains(**mark))?)));
    marked
        .map(|(place, mark)| Finding::new(place, format!("`{mark}`: finish it, or write an issue")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::places_found;
    use super::*;

    #[test]
    fn every_mark_is_found_with_its_line() {
        for mark in MARKS {
            let house =
                House::of_files(&[("a.rs", &format!("fn f() {{\n    {mark}\n}}\n")), ("notes.md", mark)]);
            assert_eq!(places_found(inspect, &house), ["a.rs:2"]);
        }
    }
}
