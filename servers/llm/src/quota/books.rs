//! What everybody used today: in memory, pure.
//!
//! Before a request is sent, what it may use at most is reserved, and what it did use is settled afterwards. So many
//! requests at once stay below a limit together; those that were let in may use it up, and no other gets in.

use std::collections::HashMap;
use std::sync::Arc;

use super::QuotaError;

/// One amount of use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) requests: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    /// Money, in millionths.
    pub(crate) micros: u64,
    /// Of the requests, those that got an answer that was kept, for nothing.
    pub(crate) cached: u64,
}

impl Use {
    pub(crate) fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(other.completion_tokens);
        self.micros = self.micros.saturating_add(other.micros);
        self.cached = self.cached.saturating_add(other.cached);
    }
}

/// What one request may use at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) tokens: u64,
    pub(crate) micros: u64,
}

/// What one caller may use in a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DayLimit {
    pub(crate) tokens: Option<u64>,
    pub(crate) micros: Option<u64>,
}

/// The books of one day.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Days since 1970-01-01 (UTC).
    day: i64,
    accounts: HashMap<Arc<str>, Account>,
}

#[derive(Debug, Default)]
struct Account {
    used: Use,
    reserved: Claim,
}

impl Books {
    /// Turns the page if a new day has begun. What is reserved goes on: it will be used today.
    pub(crate) fn turn_to(&mut self, day: i64) {
        if self.day != day {
            self.day = day;
            self.accounts.retain(|_, account| account.reserved != Claim::default());
            for account in self.accounts.values_mut() {
                account.used = Use::default();
            }
        }
    }

    /// Reserves what a request may use at most.
    ///
    /// # Errors
    /// [`QuotaError`] when what was used and what is reserved already leaves less than that.
    pub(crate) fn reserve(
        &mut self,
        caller: &Arc<str>,
        claim: Claim,
        limit: DayLimit,
    ) -> Result<(), QuotaError> {
        let account = self.accounts.entry(caller.clone()).or_default();
        let tokens = account.used.tokens().saturating_add(account.reserved.tokens);
        let micros = account.used.micros.saturating_add(account.reserved.micros);
        if let Some(limit) = limit.tokens.filter(|limit| tokens.saturating_add(claim.tokens) > *limit) {
            return Err(QuotaError::TokensToday {
                limit,
                left: limit.saturating_sub(tokens),
                wanted: claim.tokens,
            });
        }
        if let Some(limit) = limit.micros.filter(|limit| micros.saturating_add(claim.micros) > *limit) {
            return Err(QuotaError::MoneyToday { limit, left: limit.saturating_sub(micros) });
        }
        account.reserved.tokens = account.reserved.tokens.saturating_add(claim.tokens);
        account.reserved.micros = account.reserved.micros.saturating_add(claim.micros);
        Ok(())
    }

    /// Gives back what was reserved.
    pub(crate) fn release(&mut self, caller: &str, claim: Claim) {
        if let Some(account) = self.accounts.get_mut(caller) {
            account.reserved.tokens = account.reserved.tokens.saturating_sub(claim.tokens);
            account.reserved.micros = account.reserved.micros.saturating_sub(claim.micros);
        }
    }

    /// Counts what was used.
    pub(crate) fn count(&mut self, caller: &Arc<str>, used: &Use) {
        self.accounts.entry(caller.clone()).or_default().used.add(used);
    }

    /// What one caller used today, and what is reserved.
    pub(crate) fn of(&self, caller: &str) -> (Use, Claim) {
        self.accounts.get(caller).map(|one| (one.used, one.reserved)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: DayLimit = DayLimit { tokens: Some(100), micros: Some(50) };

    fn caller() -> Arc<str> {
        "key:a".into()
    }

    #[test]
    fn what_is_reserved_counts_until_it_is_settled() {
        let mut books = Books::default();
        let claim = Claim { tokens: 60, micros: 10 };
        books.reserve(&caller(), claim, LIMIT).unwrap();
        assert!(matches!(
            books.reserve(&caller(), claim, LIMIT),
            Err(QuotaError::TokensToday { left: 40, .. })
        ));
        books.release("key:a", claim);
        books.count(
            &caller(),
            &Use { prompt_tokens: 30, completion_tokens: 10, requests: 1, micros: 45, cached: 0 },
        );
        assert!(matches!(
            books.reserve(&caller(), claim, LIMIT),
            Err(QuotaError::MoneyToday { left: 5, .. })
        ));
        books.reserve(&caller(), Claim { tokens: 60, micros: 5 }, LIMIT).unwrap();
    }

    #[test]
    fn the_edge_of_a_limit_is_inside() {
        let mut books = Books::default();
        assert!(books.reserve(&caller(), Claim { tokens: 101, micros: 0 }, LIMIT).is_err());
        assert!(books.reserve(&caller(), Claim { tokens: 100, micros: 50 }, LIMIT).is_ok());
        assert!(books.reserve(&caller(), Claim { tokens: 0, micros: 1 }, LIMIT).is_err());
    }

    #[test]
    fn a_new_day_forgets_what_was_used_and_not_what_runs() {
        let mut books = Books::default();
        books.turn_to(1);
        books.count(&caller(), &Use { prompt_tokens: 100, ..Use::default() });
        books.reserve(&"key:b".into(), Claim { tokens: 7, micros: 0 }, LIMIT).unwrap();
        books.turn_to(2);
        assert_eq!(books.of("key:a").0, Use::default());
        assert_eq!(books.of("key:b").1.tokens, 7);
    }

    proptest::proptest! {
        #[test]
        fn however_many_come_they_stay_below_the_limit_together(claims in proptest::collection::vec(0..40_u64, 0..50)) {
            let mut books = Books::default();
            let let_in: u64 = claims.iter()
                .filter(|tokens| books.reserve(&caller(), Claim { tokens: **tokens, micros: 0 }, LIMIT).is_ok())
                .sum();
            proptest::prop_assert!(let_in <= 100);
        }
    }
}
