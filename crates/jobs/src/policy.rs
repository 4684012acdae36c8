//! How often the jobs of a tool are tried, and how long they may take.

use serde::{Deserialize, Serialize};

use crate::{Backoff, bounds::ATTEMPTS_MAX};

/// How a job is treated when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How many attempts there may be, the first one included; 1 to [`ATTEMPTS_MAX`]. 1 for a tool whose effects
    /// must not happen twice: a job whose worker was lost then becomes a dead letter, instead of being tried again.
    pub attempts_max: u32,
    /// How long to wait between them.
    pub backoff: Backoff,
    /// How long after its submission a job must have ended, in milliseconds; `None` for no such bound.
    pub deadline_after_ms: Option<u64>,
}

impl Default for Policy {
    /// Three attempts, as the predecessor did.
    fn default() -> Self {
        Self { attempts_max: 3, backoff: Backoff::default(), deadline_after_ms: None }
    }
}

impl Policy {
    /// One attempt: for what is not safe to be done twice.
    pub const ONCE: Self = Self { attempts_max: 1, backoff: Backoff::NONE, deadline_after_ms: None };

    /// The same within its bounds.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { attempts_max: self.attempts_max.clamp(1, ATTEMPTS_MAX), ..self }
    }
}

/// The policies of tools. The first pattern that fits wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policies(pub Vec<(ToolPattern, Policy)>);

impl Policies {
    /// The policy of a tool; [`Policy::default`] for one that no pattern fits.
    pub fn of(&self, tool: &str) -> Policy {
        let found = self.0.iter().find(|(pattern, _)| pattern.fits(tool));
        found.map(|(_, policy)| *policy).unwrap_or_default()
    }
}

/// A tool's name, or the beginning of several names with `*` for the rest: `mail_*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToolPattern(pub Box<str>);

impl ToolPattern {
    /// Whether it means this tool.
    pub fn fits(&self, tool: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => tool.starts_with(beginning),
            None => *self.0 == *tool,
        }
    }
}

impl From<&str> for ToolPattern {
    fn from(pattern: &str) -> Self {
        Self(pattern.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_fits_wins() {
        let twice = Policy { attempts_max: 2, ..Policy::default() };
        let policies = Policies(vec![("mail_read".into(), twice), ("mail_*".into(), Policy::ONCE)]);
        assert_eq!(policies.of("mail_read"), twice);
        assert_eq!(policies.of("mail_send"), Policy::ONCE);
        assert_eq!(policies.of("mail"), Policy::default());
    }

    #[test]
    fn attempts_stay_in_their_bounds() {
        let bounded = |attempts_max| Policy { attempts_max, ..Policy::default() }.bounded().attempts_max;
        assert_eq!([0, 1, ATTEMPTS_MAX, ATTEMPTS_MAX + 1].map(bounded), [1, 1, ATTEMPTS_MAX, ATTEMPTS_MAX]);
    }
}
