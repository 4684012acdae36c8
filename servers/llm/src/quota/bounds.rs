//! What bounds one caller: the owner's quota for it and its tier, whichever is stricter in each thing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use drawbridge_contract::{Caller, Grade, LlmLimits};
use globset::{Glob, GlobMatcher};

use super::books::DayLimit;
use super::{Quota, QuotaError};

/// How many patterns of tiers are kept compiled; beyond that all are compiled anew.
const COMPILED_MAX: usize = 1_024;

/// Compiled patterns of tiers, by their text. Tiers come and go while we run.
#[derive(Default)]
pub(super) struct Compiled(Mutex<HashMap<Box<str>, Option<GlobMatcher>>>);

impl Compiled {
    /// Whether a pattern fits; one that is none fits nothing.
    fn fits(&self, pattern: &str, name: &str) -> bool {
        if pattern == "*" {
            return true;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= COMPILED_MAX {
            kept.clear();
        }
        let compile = || Glob::new(pattern).ok().map(|glob| glob.compile_matcher());
        let matcher = kept.entry(pattern.into()).or_insert_with(compile);
        matcher.as_ref().is_some_and(|matcher| matcher.is_match(name))
    }
}

/// What bounds one caller.
pub(super) struct Bounds<'a> {
    pub(super) caller: &'a Caller,
    pub(super) quota: Option<&'a Quota>,
    pub(super) compiled: &'a Compiled,
}

impl<'a> Bounds<'a> {
    fn grade(&self) -> Option<&'a Grade> {
        self.caller.grade.as_ref()
    }

    fn tier(&self) -> Option<&'a LlmLimits> {
        self.grade().and_then(|grade| grade.tier.llm.as_ref())
    }

    /// Under which name its use is counted: callers who share a licence share its account.
    pub(super) fn account(&self) -> &'a Arc<str> {
        self.grade().map_or(&self.caller.id, |grade| &grade.account)
    }

    /// Whether it may use a model, by any of its names.
    ///
    /// # Errors
    /// [`QuotaError::Model`].
    pub(super) fn allow(&self, names: &[&str]) -> Result<(), QuotaError> {
        let by_quota = self
            .quota
            .and_then(|quota| quota.models.as_ref())
            .is_none_or(|models| names.iter().any(|name| models.is_match(name)));
        let by_tier = self.grade().is_none_or(|_| self.tier().is_some_and(|tier| self.tier_has(tier, names)));
        if by_quota && by_tier {
            return Ok(());
        }
        Err(QuotaError::Model { model: names.first().copied().unwrap_or_default().to_owned() })
    }

    fn tier_has(&self, tier: &LlmLimits, names: &[&str]) -> bool {
        tier.models.iter().any(|pattern| names.iter().any(|name| self.compiled.fits(pattern, name)))
    }

    pub(super) fn tokens_per_request(&self) -> Option<u64> {
        let by_tier = self.tier().and_then(|tier| tier.tokens_per_request);
        stricter(self.quota.and_then(|quota| quota.tokens_per_request), by_tier)
    }

    pub(super) fn day(&self) -> DayLimit {
        let day = self.quota.map(|quota| quota.day).unwrap_or_default();
        let by_tier = self.tier().and_then(|tier| tier.tokens_per_day);
        DayLimit { tokens: stricter(day.tokens, by_tier), ..day }
    }
}

fn stricter(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}
