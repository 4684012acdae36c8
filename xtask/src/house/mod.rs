//! The rules of the house, as code: each in its own file, one line in [`RULES`].
//!
//! A rule sees the whole house (every file that git tracks or would, and every crate with what it depends on) and
//! returns its findings. Where a rule has exceptions, they are a list with reasons in the rule's own file.

mod arrows;
mod dependencies;
mod documents;
mod hosts;
mod lengths;
mod lints;
mod names;
mod paths;
mod read;
mod text;
mod unfinished;

use std::fmt;

/// Everything that is looked at.
#[derive(Default)]
pub(crate) struct House {
    files: Vec<SourceFile>,
    crates: Vec<Crate>,
}

/// One file of the checkout.
struct SourceFile {
    /// Below the checkout, with `/` on every system.
    path: String,
    bytes: Vec<u8>,
}

/// One crate of the workspace.
#[derive(Default)]
struct Crate {
    /// Its folder below the checkout, such as `crates/store`.
    folder: String,
    /// The folders of our own crates that it depends on, in whatever way.
    ours: Vec<String>,
    /// The names of other people's crates that it depends on, tests left out.
    others: Vec<String>,
}

/// Something to mend.
pub(crate) struct Finding {
    /// A file, a file and line, or a crate's folder.
    place: String,
    /// What is wrong and what to do.
    says: String,
}

/// Looks at the house and says what breaks one rule.
type Rule = fn(&House) -> Vec<Finding>;

const RULES: &[Rule] = &[
    arrows::inspect,
    dependencies::inspect,
    documents::inspect,
    hosts::inspect,
    lengths::inspect,
    lints::inspect,
    names::inspect,
    paths::inspect,
    text::inspect,
    unfinished::inspect,
];

impl House {
    /// Everything that breaks a rule, rule by rule.
    pub(crate) fn inspect(&self) -> Vec<Finding> {
        RULES.iter().flat_map(|rule| rule(self)).collect()
    }

    /// The files that are text; those that are not are `text`'s business.
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|file| Some((file.path.as_str(), str::from_utf8(&file.bytes).ok()?)))
    }

    /// The text of one file, if it is there.
    fn text_of(&self, path: &str) -> Option<&str> {
        self.texts().find(|(at, _)| *at == path).map(|(_, text)| text)
    }

    /// Every line of every text whose path fits, with its place (`path:number`).
    fn lines(&self, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = (String, &str)> {
        self.texts().filter(move |(path, _)| fits(path)).flat_map(|(path, text)| {
            text.lines().enumerate().map(move |(index, line)| (format!("{path}:{}", index + 1), line))
        })
    }
}

impl Finding {
    fn new(place: impl Into<String>, says: impl Into<String>) -> Self {
        Self { place: place.into(), says: says.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places;

    impl House {
        /// A house of these files and no crates.
        pub(super) fn of_files(files: &[(&str, &str)]) -> Self {
            let file =
                |(path, text): &(&str, &str)| SourceFile { path: (*path).into(), bytes: (*text).into() };
            Self { files: files.iter().map(file).collect(), ..Self::default() }
        }

        /// A house of one crate.
        pub(super) fn of_crate(folder: &str, ours: &[&str], others: &[&str]) -> Self {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let one = Crate { folder: folder.into(), ours: owned(ours), others: owned(others) };
            Self { crates: vec![one], ..Self::default() }
        }
    }

    /// The places where a rule finds something.
    pub(super) fn places_found(rule: Rule, house: &House) -> Vec<String> {
        rule(house).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn our_own_house_is_in_order() {
        let findings = House::read(&places::checkout()).unwrap().inspect();
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
    }
}
