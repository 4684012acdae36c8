//! Which names and paths are wanted.

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use crate::error::{FileError, Result};

/// How long a pattern may be.
pub(crate) const PATTERN_BYTES_MAX: usize = 4096;
/// How many patterns one call may name.
pub(crate) const PATTERNS_MAX: usize = 100;

/// One glob. Without a slash it is compared with names, with one with paths below the start.
pub(crate) struct Pattern {
    matcher: GlobMatcher,
    of_path: bool,
}

impl Pattern {
    /// Reads a glob: `*`, `?`, `[…]`, `{a,b}`, and `**` for any number of folders.
    pub(crate) fn new(pattern: &str, case_sensitive: bool) -> Result<Self> {
        Ok(Self { matcher: glob(pattern, case_sensitive)?.compile_matcher(), of_path: pattern.contains('/') })
    }

    /// Whether an entry fits, by its path below the start and its name.
    pub(crate) fn fits(&self, path: &str, name: &str) -> bool {
        self.matcher.is_match(if self.of_path { path } else { name })
    }
}

/// Globs that choose and globs that exclude, which begin with `!`.
pub(crate) struct Choice {
    chosen: Set,
    excluded: Set,
}

struct Set {
    names: GlobSet,
    paths: GlobSet,
}

impl Choice {
    /// From what a caller wrote.
    pub(crate) fn new(patterns: &[String]) -> Result<Self> {
        if patterns.len() > PATTERNS_MAX {
            return Err(FileError::Invalid(format!(
                "{} globs are too many; at most {PATTERNS_MAX}",
                patterns.len()
            )));
        }
        let (excluded, chosen): (Vec<&str>, Vec<&str>) =
            patterns.iter().map(String::as_str).partition(|pattern| pattern.starts_with('!'));
        let excluded: Vec<&str> = excluded.iter().map(|pattern| &pattern[1..]).collect();
        Ok(Self { chosen: Set::new(&chosen)?, excluded: Set::new(&excluded)? })
    }

    /// Whether an entry is chosen, by its path below the start and its name.
    pub(crate) fn fits(&self, path: &str, name: &str) -> bool {
        (self.chosen.is_empty() || self.chosen.fits(path, name)) && !self.excluded.fits(path, name)
    }
}

impl Set {
    fn new(patterns: &[&str]) -> Result<Self> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let set = if pattern.contains('/') { &mut paths } else { &mut names };
            set.add(glob(pattern, true)?);
        }
        let build = |set: GlobSetBuilder| set.build().map_err(|error| FileError::Invalid(error.to_string()));
        Ok(Self { names: build(names)?, paths: build(paths)? })
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.paths.is_empty()
    }

    fn fits(&self, path: &str, name: &str) -> bool {
        self.names.is_match(name) || self.paths.is_match(path)
    }
}

fn glob(pattern: &str, case_sensitive: bool) -> Result<Glob> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(FileError::Invalid(format!("a pattern may have at most {PATTERN_BYTES_MAX} bytes")));
    }
    let pattern = pattern.trim_start_matches("./").trim_start_matches('/');
    let glob = GlobBuilder::new(pattern).literal_separator(true).case_insensitive(!case_sensitive).build();
    glob.map_err(|error| FileError::Invalid(format!("the glob cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_slash_the_path_counts_else_the_name() {
        let fits = |pattern: &str, path: &str| {
            let name = path.rsplit('/').next().unwrap();
            Pattern::new(pattern, false).unwrap().fits(path, name)
        };
        assert!(fits("*.RS", "a/b/c.rs"));
        assert!(fits("a/**/*.rs", "a/b/c.rs"));
        assert!(fits("./a/*", "a/b"));
        assert!(!fits("a/*", "a/b/c.rs"));
        assert!(Pattern::new("[", false).is_err());
    }

    #[test]
    fn what_is_excluded_is_not_chosen() {
        let choice = |patterns: &[&str]| {
            Choice::new(&patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>()).unwrap()
        };
        assert!(choice(&[]).fits("a/b.rs", "b.rs"));
        assert!(choice(&["*.rs", "!test*"]).fits("a/b.rs", "b.rs"));
        assert!(!choice(&["*.rs", "!test*"]).fits("a/test.rs", "test.rs"));
        assert!(!choice(&["!a/**"]).fits("a/b.rs", "b.rs"));
    }
}
