//! Tools that a provider runs itself, such as a search of the web: how many of them a question asks for, and how often
//! they were used. They may cost money besides tokens.

use std::collections::BTreeMap;

/// How often a tool is taken to be used at most, where a question does not say.
pub const OWN_TOOL_USES_ASSUMED: u64 = 5;

/// A tool that a question lets its provider use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTool {
    /// Its name without version, such as `web_search`.
    pub name: String,
    /// How often it may be used, where the question says.
    pub uses_max: Option<u64>,
    /// Whether the answer tells how often it was used; else each question counts as one use.
    pub is_told: bool,
}

/// How often tools were used for one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnToolUses(BTreeMap<String, Counts>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// As they went by.
    seen: u64,
    /// As the provider says.
    told: u64,
}

impl OwnToolUses {
    /// Another use was seen.
    pub fn see(&mut self, name: &str) {
        let seen = &mut self.counts(name).seen;
        *seen = seen.saturating_add(1);
    }

    /// The provider says how often it was used so far.
    pub fn tell(&mut self, name: &str, uses: u64) {
        let told = &mut self.counts(name).told;
        *told = uses.max(*told);
    }

    fn counts(&mut self, name: &str) -> &mut Counts {
        self.0.entry(name.to_owned()).or_default()
    }

    /// Each tool, and how often it was used: what was seen or what was told, whichever is more.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, counts)| (name.as_str(), counts.seen.max(counts.told)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_and_what_is_told_are_the_same_uses() {
        let mut uses = OwnToolUses::default();
        uses.see("web_search");
        uses.see("web_search");
        uses.tell("web_search", 1);
        uses.tell("code_execution", 3);
        uses.tell("code_execution", 2);
        assert_eq!(uses.iter().collect::<Vec<_>>(), [("code_execution", 3), ("web_search", 2)]);
    }
}
