//! Tool patterns: `files_*`, `terminal_run`, `*`.

use globset::{Glob, GlobSet, GlobSetBuilder};

/// Why a pattern is refused.
#[derive(Debug, thiserror::Error)]
#[error("{pattern:?} is not a tool pattern (such as `files_*`): {source}")]
pub struct PatternError {
    pattern: String,
    source: globset::Error,
}

/// Several tool patterns, of which any may match.
#[derive(Debug, Clone)]
pub struct Patterns(GlobSet);

impl Patterns {
    /// Compiles patterns. `*` matches any run of characters, `?` one, `[ab]` one of several, `{a,b}` either.
    ///
    /// # Errors
    /// [`PatternError`] names the pattern at fault.
    pub fn compile<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(
                Glob::new(pattern).map_err(|source| PatternError { pattern: pattern.to_owned(), source })?,
            );
        }
        let built =
            set.build().map_err(|source| PatternError { pattern: "all together".to_owned(), source })?;
        Ok(Self(built))
    }

    /// Matches every name.
    pub(crate) fn all() -> Self {
        #[expect(clippy::expect_used, reason = "`*` is a pattern")]
        Self::compile(["*"]).expect("`*` compiles")
    }

    /// Whether any of them matches `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names_only() {
        let patterns = Patterns::compile(["files_*", "terminal_run"]).unwrap();
        for (name, expected) in
            [("files_read", true), ("my_files_read", false), ("terminal_run", true), ("terminal_runs", false)]
        {
            assert_eq!(patterns.matches(name), expected, "{name}");
        }
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let error = Patterns::compile(["files_["]).unwrap_err().to_string();
        assert!(error.contains("files_["), "{error}");
    }
}
