//! What everybody used in the last hour, minute by minute: for charts, in memory.

use std::collections::BTreeMap;

use super::books::Use;

/// How many minutes are kept.
pub(crate) const MINUTES_KEPT: usize = 60;

/// By the minute's number since 1970. Minutes in which nothing was used are not there.
#[derive(Default)]
pub(crate) struct Minutes(BTreeMap<i64, Use>);

impl Minutes {
    /// Counts what a request used that ended at `at_s`, in seconds since 1970. Entries of other processes come late.
    pub(crate) fn count(&mut self, at_s: i64, used: &Use) {
        self.0.entry(at_s.div_euclid(60)).or_default().add(used);
        while self.0.len() > MINUTES_KEPT {
            self.0.pop_first();
        }
    }

    /// Minute, tokens of prompts, tokens of answers; of the hour that ends at `now_s`.
    pub(crate) fn of_the_hour(&self, now_s: i64) -> Vec<(i64, u64, u64)> {
        let first = now_s.div_euclid(60) + 1 - MINUTES_KEPT as i64;
        let told = |(minute, used): (&i64, &Use)| (*minute, used.prompt_tokens, used.completion_tokens);
        self.0.range(first..).map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(prompt_tokens: u64) -> Use {
        Use { prompt_tokens, completion_tokens: 1, ..Use::default() }
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let mut minutes = Minutes::default();
        for second in [0, 59, 60, 59 * 60] {
            minutes.count(second, &used(10));
        }
        assert_eq!(minutes.of_the_hour(59 * 60 + 59), [(0, 20, 2), (1, 10, 1), (59, 10, 1)]);
        assert_eq!(minutes.of_the_hour(60 * 60), [(1, 10, 1), (59, 10, 1)]);
        for minute in 0..200 {
            minutes.count(minute * 60, &used(1));
        }
        assert_eq!(minutes.0.len(), MINUTES_KEPT);
        minutes.count(0, &used(1));
        assert_eq!(minutes.0.len(), MINUTES_KEPT, "one that comes late takes no place");
    }
}
