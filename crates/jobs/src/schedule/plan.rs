//! When something is to be done. Times are milliseconds since 1970.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use serde::{Deserialize, Serialize};

use super::Missed;

/// The shortest interval, in milliseconds: a second.
pub const EVERY_MS_MIN: u64 = 1_000;
/// The longest interval, in milliseconds: 366 days.
pub const EVERY_MS_MAX: u64 = 366 * 24 * 3600 * 1000;
/// By how much chance may delay a beginning, in milliseconds: an hour.
pub const JITTER_MS_MAX: u64 = 3600 * 1000;
/// The longest cron pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 256;
/// What is planned later than this many years from now is never.
const YEARS_AHEAD_MAX: i64 = 30;
const YEAR_MS: i64 = 366 * 24 * 3600 * 1000;

/// A plan, as people write it and as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// When.
    #[serde(flatten)]
    pub when: When,
    /// What to do about times that passed while nobody was there.
    #[serde(default)]
    pub missed: Missed,
    /// By how much chance may delay each beginning, in milliseconds; at most [`JITTER_MS_MAX`].
    #[serde(default)]
    pub jitter_ms: u64,
}

/// When something is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At the times of a cron pattern, on the clocks of a time zone.
    Cron {
        /// Five fields (minute, hour, day of the month, month, day of the week), or six with seconds in front;
        /// `@daily` and its like.
        pattern: String,
        /// A name of the IANA database: `Europe/Berlin`, `UTC`.
        zone: String,
    },
    /// Again and again after the same time, counted from a beginning.
    Every {
        /// How long, in milliseconds; [`EVERY_MS_MIN`] to [`EVERY_MS_MAX`].
        every_ms: u64,
        /// The first time.
        from_ms: i64,
    },
}

/// Why a plan makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlan {
    /// It is no cron pattern.
    #[error("{pattern:?} is no cron pattern: {problem}; write five fields, like \"30 7 * * mon-fri\"")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// What is wrong.
        problem: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone {zone:?}; write a name like Europe/Berlin or UTC")]
    Zone {
        /// As it was written.
        zone: String,
    },
    /// It never comes.
    #[error("{pattern:?} never comes; the next thirty years have no such time")]
    Never {
        /// As it was written.
        pattern: String,
    },
    /// A number is out of its range.
    #[error("{what} must be {min} to {max} ms")]
    Range {
        /// Which.
        what: &'static str,
        /// The smallest value allowed.
        min: u64,
        /// The largest value allowed.
        max: u64,
    },
}

/// A plan that was read: ready to be asked.
pub(crate) enum Calendar {
    Cron(Box<Cron>, Tz),
    Every { every_ms: i64, from_ms: i64 },
}

impl Plan {
    /// Checks everything, and that a time comes after `now_ms`.
    ///
    /// # Errors
    /// [`BadPlan`].
    pub fn check(&self, now_ms: i64) -> Result<(), BadPlan> {
        in_range("the jitter", self.jitter_ms, 0, JITTER_MS_MAX)?;
        self.missed.check()?;
        let next = self.when.calendar()?.next(now_ms);
        match (&self.when, next) {
            (When::Cron { pattern, .. }, None) => Err(BadPlan::Never { pattern: pattern.clone() }),
            _ => Ok(()),
        }
    }

    /// The next times after `after_ms`; at most `count`.
    ///
    /// # Errors
    /// [`BadPlan`].
    pub fn next(&self, after_ms: i64, count: usize) -> Result<Vec<i64>, BadPlan> {
        let calendar = self.when.calendar()?;
        let times = std::iter::successors(calendar.next(after_ms), |time| calendar.next(*time));
        Ok(times.take(count).collect())
    }
}

pub(super) fn in_range(what: &'static str, value: u64, min: u64, max: u64) -> Result<(), BadPlan> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(BadPlan::Range { what, min, max }) }
}

impl When {
    /// Reads it.
    ///
    /// # Errors
    /// [`BadPlan`].
    pub(crate) fn calendar(&self) -> Result<Calendar, BadPlan> {
        match self {
            Self::Cron { pattern, zone } => {
                let zone = zone.parse::<Tz>().map_err(|_| BadPlan::Zone { zone: zone.clone() })?;
                Ok(Calendar::Cron(Box::new(parse(pattern)?), zone))
            }
            Self::Every { every_ms, from_ms } => {
                in_range("the interval", *every_ms, EVERY_MS_MIN, EVERY_MS_MAX)?;
                Ok(Calendar::Every { every_ms: every_ms.cast_signed(), from_ms: *from_ms })
            }
        }
    }
}

fn parse(pattern: &str) -> Result<Cron, BadPlan> {
    let bad = |problem: String| BadPlan::Pattern { pattern: pattern.to_owned(), problem };
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(bad(format!("it has more than {PATTERN_BYTES_MAX} bytes")));
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    parser.parse(pattern).map_err(|error| bad(error.to_string()))
}

impl Calendar {
    /// The first planned time after a moment; `None`: there is none, or not for many years.
    pub(crate) fn next(&self, after_ms: i64) -> Option<i64> {
        let next_ms = match self {
            Self::Every { every_ms, from_ms } => {
                let rounds = (after_ms.checked_sub(*from_ms)?).div_euclid(*every_ms) + 1;
                from_ms.checked_add(rounds.max(0).checked_mul(*every_ms)?)?
            }
            Self::Cron(cron, zone) => next_of(cron, *zone, after_ms)?,
        };
        (next_ms.checked_sub(after_ms)? <= YEARS_AHEAD_MAX * YEAR_MS).then_some(next_ms)
    }

    /// The planned times after `from_ms`, up to and with `to_ms`.
    pub(crate) fn between(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = i64> {
        std::iter::successors(self.next(from_ms), |time| self.next(*time))
            .take_while(move |time| *time <= to_ms)
    }
}

/// Planned times are whole seconds, and strictly after.
fn next_of(cron: &Cron, zone: Tz, after_ms: i64) -> Option<i64> {
    let after = DateTime::<Utc>::from_timestamp(after_ms.div_euclid(1000), 0)?.with_timezone(&zone);
    let next = cron.find_next_occurrence(&after, false).ok()?;
    Some(next.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use super::*;

    fn ms(time: &str) -> i64 {
        DateTime::parse_from_rfc3339(time).unwrap().timestamp_millis()
    }

    fn cron(pattern: &str, zone: &str) -> Plan {
        let when = When::Cron { pattern: pattern.into(), zone: zone.into() };
        Plan { when, missed: Missed::default(), jitter_ms: 0 }
    }

    /// The next times, as clocks of the zone show them.
    fn shown(pattern: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let tz: Tz = zone.parse().unwrap();
        let times = cron(pattern, zone).next(ms(after), count).unwrap();
        let show = |ms: i64| DateTime::<Utc>::from_timestamp_millis(ms).unwrap().with_timezone(&tz);
        times.into_iter().map(|time| show(time).to_rfc3339_opts(SecondsFormat::Secs, false)).collect()
    }

    #[test]
    fn a_time_that_the_clocks_skip_comes_at_the_first_moment_after() {
        assert_eq!(
            shown("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
            ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
        );
    }

    #[test]
    fn a_time_that_the_clocks_show_twice_comes_once_the_first_time() {
        assert_eq!(
            shown("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
        );
    }

    #[test]
    fn what_comes_every_so_often_keeps_its_rhythm_over_both_changes() {
        let minutes = |after: &str| {
            let times = cron("*/30 * * * *", "Europe/Berlin").next(ms(after), 8).unwrap();
            times.windows(2).map(|two| (two[1] - two[0]) / 60_000).collect::<Vec<_>>()
        };
        assert_eq!(minutes("2026-03-29T00:00:00Z"), [30; 7]);
        assert_eq!(minutes("2026-10-24T23:00:00Z"), [30; 7]);
    }

    #[test]
    fn other_hemispheres_and_odd_offsets_are_right() {
        assert_eq!(
            shown("0 9 * * 1", "Pacific/Chatham", "2026-09-25T00:00:00Z", 2),
            ["2026-09-28T09:00:00+13:45", "2026-10-05T09:00:00+13:45"]
        );
        assert_eq!(shown("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 1), ["2028-02-29T00:00:00+00:00"]);
        assert_eq!(shown("*/20 0 0 1 1 *", "UTC", "2026-06-01T00:00:00Z", 2)[1], "2027-01-01T00:00:20+00:00");
        assert_eq!(shown("@daily", "UTC", "2026-06-01T12:00:00Z", 1), ["2026-06-02T00:00:00+00:00"]);
    }

    #[test]
    fn plans_that_make_no_sense_are_refused() {
        let now = ms("2026-01-01T00:00:00Z");
        for pattern in
            ["", "x", "* * * *", "60 * * * *", "* 25 * * *", "0 0 32 * *", "0 0 30 2 *", "1-0 * * * *"]
        {
            assert!(cron(pattern, "UTC").check(now).is_err(), "{pattern:?}");
        }
        assert!(matches!(
            cron("0 0 30 2 *", "UTC").check(now),
            Err(BadPlan::Never { .. } | BadPlan::Pattern { .. })
        ));
        assert!(matches!(cron("0 0 * * *", "Europe/Nowhere").check(now), Err(BadPlan::Zone { .. })));
        assert!(matches!(cron(&"* ".repeat(200), "UTC").check(now), Err(BadPlan::Pattern { .. })));
        let late = Plan { jitter_ms: JITTER_MS_MAX + 1, ..cron("0 0 * * *", "UTC") };
        assert!(late.check(now).is_err());
        assert!(Plan { jitter_ms: JITTER_MS_MAX, ..late }.check(now).is_ok());
        for (every_ms, is_good) in
            [(EVERY_MS_MIN - 1, false), (EVERY_MS_MIN, true), (EVERY_MS_MAX, true), (EVERY_MS_MAX + 1, false)]
        {
            let plan =
                Plan { when: When::Every { every_ms, from_ms: 0 }, missed: Missed::default(), jitter_ms: 0 };
            assert_eq!(plan.check(now).is_ok(), is_good, "{every_ms}");
        }
    }

    #[test]
    fn intervals_are_counted_from_their_beginning() {
        let every = |from_ms| When::Every { every_ms: 1_000, from_ms }.calendar().unwrap();
        assert_eq!([-1, 0, 999, 1_000].map(|after| every(0).next(after).unwrap()), [0, 1_000, 1_000, 2_000]);
        assert_eq!(every(5_500).next(100), Some(5_500), "not before the first");
        assert_eq!(every(i64::MIN).next(0), None, "out of all range");
    }

    #[test]
    fn a_plan_is_read_back() {
        let plan = cron("0 7 * * mon-fri", "Europe/Berlin");
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }

    proptest::proptest! {
        #[test]
        fn times_only_go_forward_and_whatever_is_written_ends(
            pattern in "[0-9*/,@LW#-]{1,8}( [0-9*/,?LW#-]{1,6}){3,6}|[ -~]{0,30}",
            zone in proptest::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]),
            after_s in 0_i64..4_000_000_000,
        ) {
            let Ok(calendar) = (When::Cron { pattern, zone: zone.into() }).calendar() else { return Ok(()) };
            let mut time = after_s * 1000 + 137;
            for _ in 0..20 {
                let Some(next) = calendar.next(time) else { break };
                proptest::prop_assert!(next > time, "{} after {}", next, time);
                time = next;
            }
        }
    }
}
