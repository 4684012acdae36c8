//! A file that grows past a length has to say why.

use super::{Finding, House};

/// Past this many lines of code, a source file needs a reason. Its tests at the end do not count.
const LINES_MAX: usize = 600;

const SOURCES: [&str; 4] = [".rs", ".ts", ".tsx", ".css"];

/// Files that are longer, and why. A row whose file is no longer long has to go.
const LONG: &[(&str, &str)] = &[];

/// Every long file without a reason, and every reason without a long file.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    inspect_with(house, LONG)
}

fn inspect_with(house: &House, long: &[(&str, &str)]) -> Vec<Finding> {
    let sources = house.texts().filter(|(path, _)| SOURCES.iter().any(|end| path.ends_with(end)));
    let sources = sources.filter(|(path, _)| !is_test(path));
    let found: Vec<(&str, usize)> = sources
        .map(|(path, text)| (path, lines_of_code(text)))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .collect();
    let excused = |path: &str| long.iter().any(|(at, _)| *at == path);
    let stale = |path: &str| found.iter().all(|(at, _)| *at != path);
    let too_long = found.iter().filter(|(path, _)| !excused(path)).map(|(path, lines)| {
        Finding::new(
            *path,
            format!("{lines} lines of code, more than {LINES_MAX}: split it, or give it a reason in xtask"),
        )
    });
    let reasons = long.iter().filter(|(path, _)| stale(path));
    too_long
        .chain(reasons.map(|(path, _)| Finding::new(*path, "not long any more: take its row out of xtask")))
        .collect()
}

/// Files that hold nothing but tests.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The lines before the tests that end the file.
fn lines_of_code(text: &str) -> usize {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::super::tests::places_found;
    use super::*;

    fn lines(count: usize) -> String {
        "x\n".repeat(count)
    }

    #[test]
    fn the_limit_holds_at_its_edge() {
        let house = House::of_files(&[("a.rs", &lines(LINES_MAX)), ("b.rs", &lines(LINES_MAX + 1))]);
        assert_eq!(places_found(inspect, &house), ["b.rs"]);
    }

    #[test]
    fn tests_and_texts_do_not_count() {
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(10), lines(LINES_MAX));
        let long = lines(LINES_MAX + 1);
        let house = House::of_files(&[
            ("a.rs", &tested),
            ("tests/b.rs", &long),
            ("crates/c/tests/it/d.rs", &long),
            ("e.md", &long),
        ]);
        assert!(places_found(inspect, &house).is_empty());
    }

    #[test]
    fn a_reason_excuses_a_long_file_and_only_a_long_one() {
        let house = House::of_files(&[("table.rs", &lines(LINES_MAX + 1)), ("short.rs", "x")]);
        let reasons = [("table.rs", "a flat table"), ("short.rs", "was a table once")];
        let found: Vec<String> =
            inspect_with(&house, &reasons).into_iter().map(|finding| finding.place).collect();
        assert_eq!(found, ["short.rs"]);
    }
}
