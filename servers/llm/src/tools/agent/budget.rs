//! When an agent has to stop. Pure: whoever asks brings the time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

/// So often the very same call may fail.
pub(super) const SAME_FAILURES_MAX: u32 = 3;
/// In so many rounds one after the other may everything fail.
pub(super) const FAILED_ROUNDS_MAX: u32 = 4;

/// So few tokens are few for one answer.
const LITTLE_TOKENS: u64 = 4_096;

/// What an agent may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) rounds: u32,
    pub(super) tokens: u64,
    pub(super) time: Duration,
}

/// Why an agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stopped {
    /// The model had its answer.
    Answered,
    /// It was asked as often as it may be.
    Rounds,
    /// Its tokens are used up.
    Tokens,
    /// Its time is over.
    Time,
    /// It kept doing what had failed.
    Repeated,
    /// The model could not be asked, or its answer broke off.
    Failed,
}

/// What was used, and what failed.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    until: Instant,
    rounds: u32,
    tokens: u64,
    failures: HashMap<String, u32>,
    failed_rounds: u32,
}

impl Budget {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        let (until, failures) = (now + limits.time, HashMap::new());
        Self { limits, until, rounds: 0, tokens: 0, failures, failed_rounds: 0 }
    }

    /// Why there may be no further round, if so.
    pub(super) fn over(&self, now: Instant) -> Option<Stopped> {
        let repeated = self.failures.values().any(|count| *count >= SAME_FAILURES_MAX);
        if repeated || self.failed_rounds >= FAILED_ROUNDS_MAX {
            return Some(Stopped::Repeated);
        }
        if now >= self.until {
            return Some(Stopped::Time);
        }
        if self.tokens >= self.limits.tokens {
            return Some(Stopped::Tokens);
        }
        (self.rounds >= self.limits.rounds).then_some(Stopped::Rounds)
    }

    /// A round was made, with so many tokens.
    pub(super) fn count(&mut self, tokens: u64) {
        self.rounds += 1;
        self.tokens = self.tokens.saturating_add(tokens);
    }

    /// What became of a round's calls: each by what tells it from others, and whether it failed.
    pub(super) fn judge(&mut self, calls: impl Iterator<Item = (String, bool)>) {
        let mut all_failed = true;
        for (call, failed) in calls {
            if failed {
                *self.failures.entry(call).or_default() += 1;
            } else {
                all_failed = false;
                self.failures.remove(&call);
            }
        }
        self.failed_rounds = if all_failed { self.failed_rounds + 1 } else { 0 };
    }

    /// How many tokens the next answer may have: those that were asked for, or, where nothing was asked and little is
    /// left, that. A large number that nobody asked for would only be refused by providers.
    pub(super) fn tokens_of_answer(&self, asked: Option<u64>) -> Option<u64> {
        let left = self.limits.tokens.saturating_sub(self.tokens).max(1);
        asked.map(|asked| asked.min(left)).or((left < LITTLE_TOKENS).then_some(left))
    }

    pub(super) fn time_left(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }

    pub(super) fn used(&self) -> u64 {
        self.tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> (Budget, Instant) {
        let now = Instant::now();
        let limits = Limits { rounds: 3, tokens: 100, time: Duration::from_secs(10) };
        (Budget::new(limits, now), now)
    }

    fn failed(name: &str) -> std::vec::IntoIter<(String, bool)> {
        vec![(name.to_owned(), true)].into_iter()
    }

    #[test]
    fn each_limit_ends_it_at_its_edge() {
        let (mut spent, now) = budget();
        assert_eq!(spent.over(now + Duration::from_secs(10)), Some(Stopped::Time));
        spent.count(99);
        assert_eq!(
            (spent.over(now), spent.tokens_of_answer(Some(50)), spent.tokens_of_answer(None)),
            (None, Some(1), Some(1))
        );
        spent.count(1);
        assert_eq!(spent.over(now), Some(Stopped::Tokens));
        let (mut rounds, now) = budget();
        for _ in 0..3 {
            assert_eq!(rounds.over(now), None);
            rounds.count(1);
        }
        assert_eq!(rounds.over(now), Some(Stopped::Rounds));
    }

    #[test]
    fn the_same_failure_again_and_again_ends_it() {
        let (mut budget, now) = budget();
        for _ in 1..SAME_FAILURES_MAX {
            budget.judge(failed("a").chain([("b".to_owned(), false)]));
            assert_eq!(budget.over(now), None);
        }
        budget.judge(failed("a").chain([("b".to_owned(), false)]));
        assert_eq!(budget.over(now), Some(Stopped::Repeated));
    }

    #[test]
    fn rounds_in_which_everything_fails_end_it() {
        let (mut budget, now) = budget();
        for round in 1..FAILED_ROUNDS_MAX {
            budget.judge(failed(&round.to_string()));
        }
        assert_eq!(budget.over(now), None);
        budget.judge(vec![("good".to_owned(), false)].into_iter());
        for round in 0..FAILED_ROUNDS_MAX {
            assert_eq!(budget.over(now), None);
            budget.judge(failed(&format!("again {round}")));
        }
        assert_eq!(budget.over(now), Some(Stopped::Repeated));
    }
}
