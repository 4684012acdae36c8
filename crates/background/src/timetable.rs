//! When schedules begin their jobs, in the words of callers and in those of the plans that the file has.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use drawbridge_contract::{MissedTimes, Timetable, TimetableChange};
use drawbridge_jobs::schedule::{Missed, Plan, When};

/// How many missed times are made up for, unless the caller says otherwise.
const MISSED_DEFAULT: u64 = 10;
const UTC: &str = "UTC";

/// The plan of a timetable.
///
/// # Errors
/// What is wrong with it, for whoever wrote it.
pub(crate) fn plan(when: &Timetable) -> Result<Plan, String> {
    let missed = match when.missed {
        MissedTimes::Skip => Missed::Skip,
        MissedTimes::Once => Missed::Once,
        MissedTimes::All => Missed::All(when.missed_max.unwrap_or(MISSED_DEFAULT)),
    };
    let jitter_ms = when.jitter_seconds.saturating_mul(1000);
    let when = match (&when.cron, when.every_seconds) {
        (Some(pattern), None) => {
            let zone = when.time_zone.as_deref().unwrap_or(UTC).to_owned();
            When::Cron { pattern: pattern.to_string(), zone }
        }
        (None, Some(seconds)) => {
            let from_ms = Utc::now().timestamp_millis().saturating_add_unsigned(seconds.saturating_mul(1000));
            When::Every { every_ms: seconds.saturating_mul(1000), from_ms }
        }
        _ => return Err("say when: either cron or every_seconds, and one of them only".to_owned()),
    };
    Ok(Plan { when, missed, jitter_ms })
}

/// The next times of a timetable that is no schedule yet, on the clocks of its time zone (RFC 3339): for who is still
/// thinking about it.
///
/// # Errors
/// What is wrong with it, for whoever wrote it.
pub fn next_times(when: &Timetable, count: usize) -> Result<Vec<Box<str>>, String> {
    let plan = plan(when)?;
    let now_ms = Utc::now().timestamp_millis();
    plan.check(now_ms).map_err(|bad| bad.to_string())?;
    let times = plan.next(now_ms, count).map_err(|bad| bad.to_string())?;
    Ok(times.into_iter().map(|time_ms| written(time_ms, zone(&plan))).collect())
}

/// A plan of which some is said anew. An interval that is not said anew keeps its rhythm.
///
/// # Errors
/// What is wrong with it, for whoever wrote it.
pub(crate) fn changed(before: &Plan, change: TimetableChange) -> Result<Plan, String> {
    let old = timetable(before);
    let says_when = change.cron.is_some() || change.every_seconds.is_some();
    let is_interval = change.cron.is_none() && (change.every_seconds.is_some() || old.cron.is_none());
    if is_interval && change.time_zone.is_some() {
        return Err("an interval has no time zone; leave it out, or say a pattern".to_owned());
    }
    let missed = change.missed.unwrap_or(old.missed);
    let after = Timetable {
        cron: if says_when { change.cron } else { old.cron },
        time_zone: change.time_zone.or(old.time_zone),
        every_seconds: if says_when { change.every_seconds } else { old.every_seconds },
        missed,
        missed_max: change.missed_max.or(old.missed_max).filter(|_| missed == MissedTimes::All),
        jitter_seconds: change.jitter_seconds.unwrap_or(old.jitter_seconds),
    };
    let after = plan(&after)?;
    let when = if is_interval && !says_when { before.when.clone() } else { after.when };
    Ok(Plan { when, ..after })
}

/// A plan as callers see it.
pub(crate) fn timetable(plan: &Plan) -> Timetable {
    let (cron, time_zone, every_seconds) = match &plan.when {
        When::Cron { pattern, zone } => (Some(pattern.as_str().into()), Some(zone.as_str().into()), None),
        When::Every { every_ms, .. } => (None, None, Some(every_ms / 1000)),
    };
    let (missed, missed_max) = match plan.missed {
        Missed::Skip => (MissedTimes::Skip, None),
        Missed::Once => (MissedTimes::Once, None),
        Missed::All(count) => (MissedTimes::All, Some(count)),
    };
    Timetable { cron, time_zone, every_seconds, missed, missed_max, jitter_seconds: plan.jitter_ms / 1000 }
}

/// The time zone on whose clocks its times are shown.
pub(crate) fn zone(plan: &Plan) -> Tz {
    match &plan.when {
        When::Cron { zone, .. } => zone.parse().unwrap_or(Tz::UTC),
        When::Every { .. } => Tz::UTC,
    }
}

/// A time on the clocks of a zone (RFC 3339).
pub(crate) fn written(time_ms: i64, zone: Tz) -> Box<str> {
    let time = DateTime::<Utc>::from_timestamp_millis(time_ms).unwrap_or_default();
    time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, true).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(cron: Option<&str>, every_seconds: Option<u64>) -> Timetable {
        let (missed, missed_max) = (MissedTimes::All, None);
        let (cron, time_zone) = (cron.map(Into::into), None);
        Timetable { cron, time_zone, every_seconds, missed, missed_max, jitter_seconds: 5 }
    }

    #[test]
    fn a_timetable_is_a_pattern_or_an_interval() {
        let cron = plan(&when(Some("0 7 * * *"), None)).unwrap();
        assert_eq!((cron.jitter_ms, cron.missed), (5_000, Missed::All(10)));
        assert_eq!(timetable(&cron).time_zone.as_deref(), Some("UTC"));
        assert_eq!(timetable(&plan(&when(None, Some(90))).unwrap()).every_seconds, Some(90));
        assert!(plan(&when(None, None)).is_err());
        assert!(plan(&when(Some("* * * * *"), Some(1))).is_err());
    }

    #[test]
    fn next_times_are_on_the_clocks_of_the_zone() {
        let mut daily = when(Some("30 7 1 1 *"), None);
        daily.time_zone = Some("Asia/Tokyo".into());
        let times = next_times(&daily, 3).unwrap();
        assert!(
            times.len() == 3 && times.iter().all(|time| time.ends_with("-01-01T07:30:00+09:00")),
            "{times:?}"
        );
        assert_eq!(next_times(&when(None, Some(90)), 2).unwrap().len(), 2);
        daily.time_zone = Some("Nowhere/Atlantis".into());
        assert!(next_times(&daily, 3).unwrap_err().contains("Atlantis"));
        assert!(next_times(&when(Some("0 0 30 2 *"), None), 3).is_err(), "it never comes");
        assert!(next_times(&when(None, Some(0)), 3).is_err());
    }

    #[test]
    fn what_is_not_said_anew_stays() {
        let cron = plan(&when(Some("0 7 * * *"), None)).unwrap();
        let with = |change| changed(&cron, change);
        let zone = || Some("Europe/Berlin".into());
        let moved = with(TimetableChange { time_zone: zone(), ..TimetableChange::default() }).unwrap();
        assert_eq!((timetable(&moved).time_zone, moved.jitter_ms), (zone(), 5_000));
        let later = TimetableChange { cron: Some("0 8 * * *".into()), ..TimetableChange::default() };
        let later = timetable(&changed(&moved, later).unwrap());
        assert_eq!((later.cron.as_deref(), later.time_zone), (Some("0 8 * * *"), zone()));
        assert_eq!((later.missed, later.missed_max), (MissedTimes::All, Some(10)));
        let skip = TimetableChange { missed: Some(MissedTimes::Skip), ..TimetableChange::default() };
        assert_eq!(with(skip).unwrap().missed, Missed::Skip);
        let both =
            TimetableChange { cron: Some("@daily".into()), every_seconds: Some(5), ..Default::default() };
        assert!(with(both).is_err());
    }

    #[test]
    fn a_pattern_and_an_interval_take_each_others_place() {
        let cron = plan(&when(Some("0 7 * * *"), None)).unwrap();
        let every = TimetableChange { every_seconds: Some(60), ..TimetableChange::default() };
        let every = changed(&cron, every).unwrap();
        assert!(matches!(every.when, When::Every { every_ms: 60_000, .. }));
        let calm = TimetableChange { jitter_seconds: Some(0), ..TimetableChange::default() };
        let calm = changed(&every, calm).unwrap();
        assert_eq!((&calm.when, calm.jitter_ms), (&every.when, 0), "it keeps its rhythm");
        let zone = TimetableChange { time_zone: Some("UTC".into()), ..TimetableChange::default() };
        assert!(changed(&every, zone).is_err());
        let back = TimetableChange { cron: Some("@hourly".into()), ..TimetableChange::default() };
        assert_eq!(timetable(&changed(&every, back).unwrap()).every_seconds, None);
    }
}
