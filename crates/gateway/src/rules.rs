//! Rules: allow, ask or deny, by tool pattern, annotation and caller.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Caller};
use serde::{Deserialize, Serialize};

use crate::pattern::{PatternError, Patterns};

/// What a rule says about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Let it through.
    Allow,
    /// Ask the owner first.
    Ask,
    /// Refuse it; the caller does not even see the tool.
    Deny,
}

/// Which tools a rule is about, by what they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Tools that change nothing.
    ReadOnly,
    /// Tools that change something.
    Changes,
    /// Tools that may destroy what cannot be had back.
    Destructive,
    /// Tools that reach beyond this machine.
    OpenWorld,
}

/// One rule, as it stands in the configuration.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct RuleSettings {
    /// Tool patterns, of which any may match. Resources and prompts of a server `files` are `files_resource` and
    /// `files_prompt` here.
    pub tools: Vec<String>,
    /// Only tools that may do this; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// Only callers that match one of these patterns (`key:laptop`, `owner`); all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<String>>,
    /// What to do.
    pub then: Decision,
}

impl RuleSettings {
    /// Whether this rule can be used.
    ///
    /// # Errors
    /// [`PatternError`] names the pattern at fault.
    pub fn check(&self) -> Result<(), PatternError> {
        Rule::compile(self).map(drop)
    }
}

/// The rules in their order: the first that fits decides, and the defaults decide the rest.
#[derive(Debug, Clone)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    tools: Patterns,
    when: Option<When>,
    callers: Option<Patterns>,
    then: Decision,
}

/// A decision and where it comes from, for the audit and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruling {
    /// What to do.
    pub(crate) decision: Decision,
    /// Such as `rule 2` or `default: destructive tools ask`.
    pub(crate) why: Arc<str>,
}

impl Rules {
    /// Compiles rules.
    ///
    /// # Errors
    /// [`PatternError`] names the pattern at fault.
    pub(crate) fn compile(settings: &[RuleSettings]) -> Result<Self, PatternError> {
        settings.iter().map(Rule::compile).collect::<Result<_, _>>().map(Self)
    }

    /// What holds for this caller and tool.
    pub(crate) fn decide(&self, caller: &Caller, tool: &str, annotations: Annotations) -> Ruling {
        let first = self.0.iter().position(|rule| rule.fits(caller, tool, annotations));
        match first {
            Some(index) => Ruling { decision: self.0[index].then, why: format!("rule {}", index + 1).into() },
            None => default_ruling(annotations),
        }
    }
}

/// Reads and changes that can be had back are allowed; what destroys or reaches outside asks.
fn default_ruling(annotations: Annotations) -> Ruling {
    let (decision, why) = match annotations {
        Annotations { destructive: true, .. } => (Decision::Ask, "default: destructive tools ask"),
        Annotations { open_world: true, .. } => (Decision::Ask, "default: tools that reach outside ask"),
        Annotations { read_only: true, .. } => (Decision::Allow, "default: reads are allowed"),
        _ => (Decision::Allow, "default: changes that can be had back are allowed"),
    };
    Ruling { decision, why: why.into() }
}

impl Rule {
    fn compile(settings: &RuleSettings) -> Result<Self, PatternError> {
        let compile = |patterns: &Vec<String>| Patterns::compile(patterns.iter().map(String::as_str));
        Ok(Self {
            tools: compile(&settings.tools)?,
            when: settings.when,
            callers: settings.callers.as_ref().map(compile).transpose()?,
            then: settings.then,
        })
    }

    fn fits(&self, caller: &Caller, tool: &str, annotations: Annotations) -> bool {
        self.tools.matches(tool)
            && self.when.is_none_or(|when| when.fits(annotations))
            && self.callers.as_ref().is_none_or(|callers| callers.matches(&caller.id))
    }
}

impl When {
    fn fits(self, annotations: Annotations) -> bool {
        match self {
            Self::ReadOnly => annotations.read_only,
            Self::Changes => !annotations.read_only,
            Self::Destructive => annotations.destructive,
            Self::OpenWorld => annotations.open_world,
        }
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::CallerKind;

    use super::*;

    const OUTWARD: Annotations = Annotations { open_world: true, ..Annotations::READS };

    fn decide(rules: &[RuleSettings], caller: &str, annotations: Annotations) -> Decision {
        let caller = Caller::new(caller, CallerKind::Key);
        Rules::compile(rules).unwrap().decide(&caller, "files_write", annotations).decision
    }

    fn rule(tools: &str, when: Option<When>, callers: Option<&str>, then: Decision) -> RuleSettings {
        RuleSettings {
            tools: vec![tools.to_owned()],
            when,
            callers: callers.map(|one| vec![one.to_owned()]),
            then,
        }
    }

    #[test]
    fn without_rules_reads_and_changes_pass_and_the_rest_asks() {
        assert_eq!(decide(&[], "owner", Annotations::READS), Decision::Allow);
        assert_eq!(decide(&[], "owner", Annotations::CHANGES), Decision::Allow);
        assert_eq!(decide(&[], "owner", Annotations::DESTROYS), Decision::Ask);
        assert_eq!(decide(&[], "owner", OUTWARD), Decision::Ask);
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = [
            rule("files_*", Some(When::Changes), Some("key:guest"), Decision::Deny),
            rule("files_*", None, None, Decision::Ask),
            rule("*", None, None, Decision::Deny),
        ];
        assert_eq!(decide(&rules, "key:guest", Annotations::CHANGES), Decision::Deny);
        assert_eq!(decide(&rules, "key:guest", Annotations::READS), Decision::Ask);
        assert_eq!(decide(&rules, "key:laptop", Annotations::CHANGES), Decision::Ask);
    }
}
