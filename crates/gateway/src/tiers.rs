//! Tiers at the door: which one a key is in, and what it sees by that.

use std::collections::HashMap;

use drawbridge_contract::{Grade, Licensing};

use crate::catalog::{Entry, Subject};
use crate::pattern::{PatternError, Patterns};

/// The methods of older clients that one tool answers, by the tool's name.
pub(crate) type OldNames = HashMap<Box<str>, Vec<Box<str>>>;

/// What the tier of one caller shows.
pub(crate) struct TierScope {
    allowed: Patterns,
    hidden: Patterns,
}

impl TierScope {
    /// Compiles a tier's patterns.
    ///
    /// # Errors
    /// [`PatternError`] names the pattern at fault.
    pub(crate) fn of(grade: &Grade) -> Result<Self, PatternError> {
        let compile = |patterns: &[Box<str>]| Patterns::compile(patterns.iter().map(|pattern| &**pattern));
        Ok(Self { allowed: compile(&grade.tier.allowed)?, hidden: compile(&grade.tier.hidden)? })
    }

    /// Whether an entry is among what the tier allows, by its own name or by one that older clients call it.
    pub(crate) fn shows(&self, entry: &Entry, old: &OldNames) -> bool {
        self.fits(&self.allowed, entry, old) && !self.fits(&self.hidden, entry, old)
    }

    fn fits(&self, patterns: &Patterns, entry: &Entry, old: &OldNames) -> bool {
        patterns.matches(&entry.name)
            || old.get(&entry.name).is_some_and(|names| names.iter().any(|name| patterns.matches(name)))
            || matches!(&entry.subject, Subject::Tool(tool, _)
                if tool.old_method().is_some_and(|method| patterns.matches(&method.name)))
    }
}

/// The tiers, and what the door needs besides to see by them.
#[derive(Default)]
pub(crate) struct Tiers {
    pub(crate) licensing: Licensing,
    pub(crate) old_names: std::sync::Arc<OldNames>,
}

/// By tool, from pairs of an old method and the tool that answers it.
pub(crate) fn by_tool(pairs: &[(&str, &str)]) -> OldNames {
    let mut names = OldNames::new();
    for (method, tool) in pairs {
        names.entry((*tool).into()).or_default().push((*method).into());
    }
    names
}
