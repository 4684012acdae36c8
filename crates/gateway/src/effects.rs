//! What rules let each caller do: shown to the owner before they hold.

use std::sync::Arc;

use drawbridge_contract::Licensing;

use crate::catalog::{Catalog, Subject};
use crate::gateway::{Gateway, GatewayError};
use crate::policy::{Before, Bounds, Policy};
use crate::rules::{Decision, RuleSettings, Rules};

/// What rules say of one caller and one thing that it may see but for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The caller's id.
    pub caller: Arc<str>,
    /// A tool, or what counts as one: `files_resource`, `terminal_watch`.
    pub tool: Box<str>,
    /// What holds.
    pub decision: Decision,
    /// The rule or the default that says so.
    pub why: Arc<str>,
}

impl Gateway {
    /// What these rules would say of every caller and tool there is now; without rules, what those say that hold. Sorted
    /// by caller, then as the catalog is. Nothing is changed, recorded or used up.
    ///
    /// # Errors
    /// A pattern that is none, or when the state cannot be read.
    pub fn effects(&self, rules: Option<&[RuleSettings]>) -> Result<Vec<Effect>, GatewayError> {
        let given = rules.map(Rules::compile).transpose()?.map(Arc::new);
        let rules = given.unwrap_or_else(|| self.rules.load_full());
        let now = self.current()?;
        Ok(said(&now.catalog, &now.policy, &rules))
    }

    /// What the rules that hold would say of every caller and tool if these were the tiers and the licence. Sorted as
    /// [`effects`](Self::effects) are. Nothing is changed, recorded or used up.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn effects_of(&self, licensing: Licensing) -> Result<Vec<Effect>, GatewayError> {
        let now = self.current()?;
        let bounds = Bounds { meters: Arc::default(), ..self.bounds.load().licensed(licensing) };
        let policy = Policy::read(&self.store, &bounds, Before::Nothing)?;
        Ok(said(&now.catalog, &policy, &self.rules.load()))
    }

    /// Puts other rules in the place of those there are; calls that come from now on go by them.
    ///
    /// # Errors
    /// A pattern that is none, or when the state cannot be read; then everything stays as it was.
    pub fn rerule(&self, rules: &[RuleSettings]) -> Result<(), GatewayError> {
        let rules = Rules::compile(rules)?;
        self.exchange_rules(rules)?;
        Ok(())
    }
}

/// What rules say of everything that each caller may see but for them.
fn said(catalog: &Catalog, policy: &Policy, rules: &Rules) -> Vec<Effect> {
    let mut effects = Vec::new();
    for access in policy.accesses() {
        let entries = catalog.entries.iter().filter(|entry| access.covers(entry));
        effects.extend(entries.filter(|entry| !matches!(entry.subject, Subject::Exchange(..))).map(
            |entry| {
                let ruling = rules.decide(&access.caller, &entry.name, entry.annotations);
                let (caller, tool) = (access.caller.id.clone(), entry.name.clone());
                Effect { caller, tool, decision: ruling.decision, why: ruling.why }
            },
        ));
    }
    effects
}
