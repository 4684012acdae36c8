//! Tiers: how much a caller may do, where the owner gave it less than everything.

use std::collections::HashMap;
use std::sync::Arc;

/// With what the accounts of licences begin; those of keys begin otherwise.
const LICENCE: &str = "licence:";

/// What one tier allows. The owner has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// As the owner calls it: `PRO`.
    pub name: Box<str>,
    /// Patterns of tools and of older clients' methods, of which any may match: `files_*`, `mcp.fs.*`, `*`.
    pub allowed: Vec<Box<str>>,
    /// Patterns of what stays hidden even so.
    pub hidden: Vec<Box<str>>,
    /// How many calls fit in any window of time; `None` is no limit.
    pub calls: Option<CallLimit>,
    /// Which language models may be asked, and how much; `None` is none at all.
    pub llm: Option<LlmLimits>,
}

impl Tier {
    /// The tier of those whose licence cannot be trusted: it sees nothing and may do nothing.
    pub fn nothing() -> Self {
        Self { name: "NONE".into(), allowed: Vec::new(), hidden: Vec::new(), calls: None, llm: None }
    }
}

/// At most `count` calls in any `window_seconds` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimit {
    /// 0 lets nobody call.
    pub count: u32,
    /// At least 1.
    pub window_seconds: u32,
}

/// How much a tier may use of language models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LlmLimits {
    /// Patterns of models, by any of their names: `ollama/*`, `gpt-4o`, `*`.
    pub models: Vec<Box<str>>,
    /// Of one request, its prompt and answer together; `None` is no limit.
    pub tokens_per_request: Option<u64>,
    /// Of one day (UTC); `None` is no limit.
    pub tokens_per_day: Option<u64>,
}

/// A tier that a caller is in, and whose account its use goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// What it allows.
    pub tier: Arc<Tier>,
    /// Under which name its use is counted: `key:laptop`, or `licence:…` for all who share that licence.
    pub account: Arc<str>,
    /// From when on it gives nothing, in microseconds since the epoch; `None` never ends.
    pub until_us: Option<i64>,
    /// Why the caller has so few rights, where the licence is at fault: for the owner, and for who is refused.
    pub fault: Option<Arc<str>>,
}

/// The tiers there are, and the licence that says which one keys are in that name none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Licensing {
    /// By their names.
    pub tiers: HashMap<Box<str>, Arc<Tier>>,
    /// Where the owner uses one.
    pub licence: Option<Arc<Licence>>,
}

impl Licensing {
    /// The grade of a key, by its own tier, or else by the licence; `None` where neither is there. A tier that does not
    /// exist, and a licence at fault, give nothing.
    pub fn grade(&self, account: &str, tier: Option<&str>) -> Option<Grade> {
        match (tier, &self.licence) {
            (Some(name), _) => Some(self.own(account, name)),
            (None, Some(licence)) => Some(self.licensed(licence)),
            (None, None) => None,
        }
    }

    fn own(&self, account: &str, name: &str) -> Grade {
        let fault = || format!("its tier {name} is not among the owner's tiers").into();
        match self.tiers.get(name) {
            Some(tier) => Grade { tier: tier.clone(), account: account.into(), until_us: None, fault: None },
            None => Grade::nothing(account.into(), fault()),
        }
    }

    fn licensed(&self, licence: &Licence) -> Grade {
        let account: Arc<str> = format!("{LICENCE}{}", licence.key_id).into();
        match (&licence.fault, self.tiers.get(&licence.tier)) {
            (None, Some(tier)) => {
                Grade { tier: tier.clone(), account, until_us: licence.expires_us, fault: None }
            }
            (Some(fault), _) => Grade::nothing(account, fault.clone()),
            (None, None) => {
                let fault = format!("the licence's tier {} is not among the owner's tiers", licence.tier);
                Grade::nothing(account, fault.into())
            }
        }
    }
}

impl Grade {
    /// Whether this licence gave it.
    pub fn is_of(&self, licence: &Licence) -> bool {
        self.account.strip_prefix(LICENCE).is_some_and(|key_id| *key_id == *licence.key_id)
    }

    fn nothing(account: Arc<str>, fault: Arc<str>) -> Self {
        Self { tier: Arc::new(Tier::nothing()), account, until_us: None, fault: Some(fault) }
    }
}

/// A licence, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// The first 16 hexadecimal digits of the SHA-256 of its text.
    pub key_id: Box<str>,
    /// Who it was given to; empty when it cannot be read.
    pub user: Box<str>,
    /// Which tier it gives; empty when it cannot be read.
    pub tier: Box<str>,
    /// From when on it gives nothing, in microseconds since the epoch; `None` never ends.
    pub expires_us: Option<i64>,
    /// Whether it carries a signature that was checked.
    pub is_signed: bool,
    /// Why it gives nothing.
    pub fault: Option<Arc<str>>,
}

/// Where a caller stands: what it may do, and what is left of that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its tier and account; `None` where nothing limits it.
    pub grade: Option<Grade>,
    /// How many calls are left in the window; `None` is no limit.
    pub calls_left: Option<u32>,
    /// The licence that gave the tier, if one did.
    pub licence: Option<Arc<Licence>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licensing(licence: Option<Licence>) -> Licensing {
        let pro = Tier { name: "PRO".into(), allowed: vec!["*".into()], ..Tier::nothing() };
        Licensing { tiers: [("PRO".into(), Arc::new(pro))].into(), licence: licence.map(Arc::new) }
    }

    fn licence(tier: &str, fault: Option<&str>) -> Licence {
        let (key_id, user, fault) = ("0123".into(), "me".into(), fault.map(Into::into));
        Licence { key_id, user, tier: tier.into(), expires_us: Some(9), is_signed: false, fault }
    }

    fn of(licensing: &Licensing, tier: Option<&str>) -> (String, String, bool) {
        let grade = licensing.grade("key:a", tier).unwrap();
        (grade.tier.name.to_string(), grade.account.to_string(), grade.fault.is_some())
    }

    #[test]
    fn without_tier_and_licence_nothing_bounds_a_key() {
        assert_eq!(licensing(None).grade("key:a", None), None);
    }

    #[test]
    fn a_keys_own_tier_counts_for_itself_and_a_licences_for_all_who_share_it() {
        let licensing = licensing(Some(licence("PRO", None)));
        assert_eq!(of(&licensing, Some("PRO")), ("PRO".into(), "key:a".into(), false));
        assert_eq!(of(&licensing, None), ("PRO".into(), "licence:0123".into(), false));
        assert_eq!(licensing.grade("key:a", None).unwrap().until_us, Some(9));
    }

    #[test]
    fn whatever_is_at_fault_gives_nothing_and_says_why() {
        assert_eq!(of(&licensing(None), Some("GOLD")).0, "NONE");
        for one in [licence("GOLD", None), licence("PRO", Some("it has expired"))] {
            let (tier, _, is_at_fault) = of(&licensing(Some(one)), None);
            assert_eq!((tier.as_str(), is_at_fault), ("NONE", true));
        }
        assert!(Tier::nothing().allowed.is_empty() && Tier::nothing().llm.is_none());
    }
}
