//! Completion of what a person types.

use std::collections::BTreeMap;

/// A request for completions (MCP `completion/complete`).
#[derive(Debug, Clone)]
pub struct Completion {
    /// Of what.
    pub of: CompletionOf,
    /// Which argument or variable.
    pub argument: String,
    /// What was typed so far.
    pub prefix: String,
    /// The arguments or variables that are filled in already, by name.
    pub known: BTreeMap<String, String>,
}

/// What is being filled in.
#[derive(Debug, Clone)]
pub enum CompletionOf {
    /// A prompt, by name.
    Prompt(String),
    /// A resource template, by its text.
    Template(String),
}

/// Values to choose from, best first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suggestions {
    /// At most [`Suggestions::MAX`].
    pub values: Vec<String>,
    /// How many there are in all, if known.
    pub total: Option<usize>,
    /// Whether there are more than `values` holds.
    pub has_more: bool,
}

impl Suggestions {
    /// How many values one answer may hold (MCP, `completion/complete`).
    pub const MAX: usize = 100;

    /// All of these, cut to [`Suggestions::MAX`].
    pub fn of(mut values: Vec<String>) -> Self {
        let total = values.len();
        values.truncate(Self::MAX);
        Self { values, total: Some(total), has_more: total > Self::MAX }
    }
}
