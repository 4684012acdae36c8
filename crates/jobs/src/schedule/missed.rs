//! What to do about times that passed while nobody was there: the hub was off, the machine slept, the clock was set.

use serde::{Deserialize, Serialize};

use super::plan::{BadPlan, Calendar, in_range};

/// A time that passed no longer ago than this is not missed, only late; in milliseconds.
pub const GRACE_MS: i64 = 60_000;

/// How many missed times may be made up for.
const ALL_MAX: u64 = 100;

/// How many times are counted that are left out; if there are more, nobody asks how many.
const COUNTED_MAX: usize = 1_000;

/// How far we look back for the latest planned times, in milliseconds: further and further, so that neither what comes every
/// second nor what comes once a year takes long to find.
const LOOK_BACK_MS: [i64; 6] =
    [60_000, 1_800_000, 24 * 3_600_000, 40 * 86_400_000, 400 * 86_400_000, 3_000 * 86_400_000];

/// What to do about missed times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Nothing: wait for the next time.
    Skip,
    /// Once, for the latest of them.
    #[default]
    Once,
    /// Once for each, the latest so many; at most 100.
    All(u64),
}

/// What is to be begun now, and what comes then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beginning {
    /// The planned times to begin, oldest first.
    pub(crate) times: Vec<i64>,
    /// How many are left out; not counted beyond a thousand.
    pub(crate) left_out: u64,
    /// The next planned time.
    pub(crate) next_ms: Option<i64>,
}

impl Missed {
    pub(super) fn check(self) -> Result<(), BadPlan> {
        match self {
            Self::All(count) => in_range("the number of missed times to make up for", count, 1, ALL_MAX)
                .map_err(|_| BadPlan::Range { what: "\"all\" counts times, and", min: 1, max: ALL_MAX }),
            _ => Ok(()),
        }
    }
}

/// Decides. `due_ms` is the first planned time that was not begun; it has come. `slack_ms` is by how much chance may have
/// delayed it.
pub(crate) fn begin(
    calendar: &Calendar,
    missed: Missed,
    due_ms: i64,
    now_ms: i64,
    slack_ms: i64,
) -> Beginning {
    let wanted = match missed {
        Missed::All(count) => usize::try_from(count.min(ALL_MAX)).unwrap_or(1),
        Missed::Skip | Missed::Once => 1,
    };
    let mut times = latest(calendar, due_ms, now_ms, wanted);
    if missed == Missed::Skip {
        times.retain(|time| now_ms - time <= GRACE_MS + slack_ms);
    }
    let passed = count(calendar, due_ms, now_ms);
    let left_out = passed.saturating_sub(times.len());
    Beginning { times, left_out: left_out as u64, next_ms: calendar.next(now_ms.max(due_ms)) }
}

/// The latest `wanted` planned times from `due_ms` on, up to now; oldest first.
fn latest(calendar: &Calendar, due_ms: i64, now_ms: i64, wanted: usize) -> Vec<i64> {
    for back_ms in LOOK_BACK_MS {
        let from_ms = (now_ms - back_ms).max(due_ms - 1);
        let times: Vec<i64> = calendar.between(from_ms, now_ms).collect();
        if times.len() >= wanted || from_ms < due_ms {
            return times[times.len().saturating_sub(wanted)..].to_vec();
        }
    }
    vec![due_ms]
}

fn count(calendar: &Calendar, due_ms: i64, now_ms: i64) -> usize {
    calendar.between(due_ms - 1, now_ms).take(COUNTED_MAX).count()
}

#[cfg(test)]
mod tests {
    use super::super::When;
    use super::*;

    const MINUTE: i64 = 60_000;

    fn every_minute() -> Calendar {
        When::Every { every_ms: 60_000, from_ms: 0 }.calendar().unwrap()
    }

    fn begun(missed: Missed, now_ms: i64) -> (Vec<i64>, u64, Option<i64>) {
        let Beginning { times, left_out, next_ms } = begin(&every_minute(), missed, 10 * MINUTE, now_ms, 0);
        (times.into_iter().map(|time| time / MINUTE).collect(), left_out, next_ms.map(|next| next / MINUTE))
    }

    #[test]
    fn in_time_every_rule_is_alike() {
        for missed in [Missed::Skip, Missed::Once, Missed::All(5)] {
            assert_eq!(begun(missed, 10 * MINUTE), (vec![10], 0, Some(11)), "{missed:?}");
            assert_eq!(begun(missed, 10 * MINUTE + 59_999), (vec![10], 0, Some(11)), "{missed:?}");
        }
    }

    #[test]
    fn after_a_while_away_each_rule_does_what_it_says() {
        let now = 20 * MINUTE + 30_000;
        assert_eq!(begun(Missed::Skip, now), (vec![20], 10, Some(21)), "the latest is only late");
        assert_eq!(begun(Missed::Once, now), (vec![20], 10, Some(21)));
        assert_eq!(begun(Missed::All(3), now), (vec![18, 19, 20], 8, Some(21)));
        assert_eq!(begun(Missed::All(100), now), ((10..=20).collect(), 0, Some(21)));
    }

    #[test]
    fn skipping_leaves_out_what_is_longer_ago_than_the_grace() {
        let daily = When::Every { every_ms: 86_400_000, from_ms: 0 }.calendar().unwrap();
        let at = |late_ms, slack_ms| begin(&daily, Missed::Skip, 86_400_000, 86_400_000 + late_ms, slack_ms);
        assert_eq!(at(GRACE_MS, 0).times, [86_400_000]);
        assert_eq!((at(GRACE_MS + 1, 0).times, at(GRACE_MS + 1, 0).left_out), (vec![], 1));
        assert_eq!(at(GRACE_MS + 1, 1).times, [86_400_000], "chance itself delayed it");
    }

    #[test]
    fn a_long_absence_takes_no_time() {
        let cron = |pattern: &str| When::Cron { pattern: pattern.into(), zone: "Europe/Berlin".into() };
        let began = std::time::Instant::now();
        let (due, now) = (1_600_000_000_000, 1_900_000_000_000);
        let each_second = begin(&cron("* * * * * *").calendar().unwrap(), Missed::All(100), due, now, 0);
        assert_eq!((each_second.times.len(), each_second.times.last()), (100, Some(&now)));
        let yearly = begin(&cron("0 0 1 1 *").calendar().unwrap(), Missed::Once, due, now, 0);
        assert_eq!(yearly.times.len(), 1);
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{:?}", began.elapsed());
    }

    #[test]
    fn only_so_many_are_made_up_for() {
        for (count, is_good) in [(0, false), (1, true), (ALL_MAX, true), (ALL_MAX + 1, false)] {
            assert_eq!(Missed::All(count).check().is_ok(), is_good, "{count}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_planned_is_begun_twice_and_nothing_unplanned(
            away in proptest::collection::vec(1_i64..400_000, 1..20), all in 1_u64..5,
        ) {
            for missed in [Missed::Skip, Missed::Once, Missed::All(all)] {
                let (mut due, mut now, mut seen, mut counted) = (10 * MINUTE, 10 * MINUTE, Vec::new(), 0);
                for pause in &away {
                    now += pause;
                    if now < due { continue }
                    let beginning = begin(&every_minute(), missed, due, now, 0);
                    counted += beginning.times.len() as u64 + beginning.left_out;
                    seen.extend(beginning.times);
                    due = beginning.next_ms.unwrap();
                    proptest::prop_assert!(due > now);
                }
                proptest::prop_assert!(seen.windows(2).all(|two| two[0] < two[1]), "{:?}", seen);
                proptest::prop_assert!(seen.iter().all(|time| time % MINUTE == 0));
                let planned = if now < 10 * MINUTE { 0 } else { (due - 10 * MINUTE) / MINUTE };
                proptest::prop_assert_eq!(counted, planned.unsigned_abs());
            }
        }
    }
}
