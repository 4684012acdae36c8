//! The last hour in minutes, worked out from the audit when somebody looks, and only from what is new since the last look.

use std::collections::{BTreeMap, VecDeque};

use drawbridge_store::{AuditOutcome, AuditPhase, AuditRecord, PAGE_MAX, Store, StoreError};
use serde_json::{Value, json};

use crate::limits::{CHART_CALLERS_MAX, CHART_MINUTES, CHART_RECORDS_MAX};

const MINUTE_US: i64 = 60 * 1_000_000;
/// Four steps for each doubling: a percentile is off by a fifth at most.
const STEPS: usize = 4 * 40;

/// What is known of the last hour.
#[derive(Default)]
pub(crate) struct Charts {
    /// The last record that was counted.
    seq: i64,
    /// One for each minute in which there was something, oldest first.
    minutes: VecDeque<Minute>,
    /// By entrance and caller: when the last record was made, and how many there were.
    callers: BTreeMap<(String, String), (i64, u64)>,
    /// By server: the tool whose call broke off last, with no call of that server that ended properly since.
    broken: BTreeMap<String, (i64, String)>,
}

struct Minute {
    number: i64,
    calls: u64,
    errors: u64,
    /// How many calls took so long, by step.
    durations: Box<[u32; STEPS]>,
}

impl Charts {
    /// Counts what is new, and tells the hour that ends at `now_us`. Blocks while it reads.
    pub(crate) fn look(&mut self, store: &Store, now_us: i64) -> Result<Value, StoreError> {
        self.seq = self.seq.max(store.audit_head()?.seq - CHART_RECORDS_MAX);
        loop {
            let entries = store.audit_follow(self.seq, PAGE_MAX)?;
            for entry in &entries {
                self.seq = entry.seq;
                self.count(&entry.record);
            }
            if entries.len() < PAGE_MAX {
                return Ok(self.told(now_us));
            }
        }
    }

    /// A call counts when it ends, or is refused.
    fn count(&mut self, record: &AuditRecord) {
        if !matches!(record.phase, AuditPhase::Done | AuditPhase::Refused) {
            return;
        }
        self.count_caller(record);
        self.note_broken(record);
        let number = record.time_us / MINUTE_US;
        let Some(minute) = self.minute(number) else { return };
        minute.calls += 1;
        let is_fine = matches!(
            record.outcome,
            Some(AuditOutcome::Ok | AuditOutcome::Accepted | AuditOutcome::InputRequired)
        );
        minute.errors += u64::from(!is_fine);
        if let Some(us) = record.duration_us {
            minute.durations[step_of(us)] += 1;
        }
    }

    fn count_caller(&mut self, record: &AuditRecord) {
        let key = (record.entrance.to_string(), record.caller.to_string());
        if self.callers.len() >= CHART_CALLERS_MAX && !self.callers.contains_key(&key) {
            let oldest =
                self.callers.iter().min_by_key(|(_, (last_us, _))| *last_us).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.callers.remove(&oldest));
        }
        let (last_us, calls) = self.callers.entry(key).or_default();
        (*last_us, *calls) = ((*last_us).max(record.time_us), *calls + 1);
    }

    /// A tool that panicked is a fault of its server, whatever it was asked for; an error may be the caller's.
    fn note_broken(&mut self, record: &AuditRecord) {
        let server = server_of(&record.target);
        match record.outcome {
            Some(AuditOutcome::Panicked) => {
                self.broken.insert(server.to_owned(), (record.time_us, record.target.to_string()));
            }
            Some(_) if !self.broken.is_empty() => drop(self.broken.remove(server)),
            _ => {}
        }
    }

    /// The minute of that number; none for one that is over for more than an hour. Records come nearly in order.
    fn minute(&mut self, number: i64) -> Option<&mut Minute> {
        let newest = self.minutes.back().map_or(i64::MIN, |minute| minute.number);
        if number > newest {
            let durations = Box::new([0; STEPS]);
            self.minutes.push_back(Minute { number, calls: 0, errors: 0, durations });
            if self.minutes.len() > CHART_MINUTES {
                self.minutes.pop_front();
            }
        }
        self.minutes.iter_mut().rev().find(|minute| minute.number == number)
    }

    fn told(&mut self, now_us: i64) -> Value {
        let last = now_us / MINUTE_US;
        let first = last + 1 - CHART_MINUTES as i64;
        self.callers.retain(|_, (last_us, _)| *last_us >= first * MINUTE_US);
        self.broken.retain(|_, (last_us, _)| *last_us >= first * MINUTE_US);
        let minutes: Vec<Option<&Minute>> =
            (first..=last).map(|number| self.minutes.iter().find(|minute| minute.number == number)).collect();
        let of = |value: &dyn Fn(&Minute) -> u64| -> Vec<u64> {
            minutes.iter().map(|minute| minute.map_or(0, value)).collect()
        };
        let callers: Vec<Value> = self.callers.iter().map(caller).collect();
        let broken: BTreeMap<_, _> = self.broken.iter().map(|(server, (_, tool))| (server, tool)).collect();
        json!({"callers": callers, "broken": broken, "charts": {
            "minute_ms": (first..=last).map(|number| number * MINUTE_US / 1000).collect::<Vec<_>>(),
            "calls": of(&|minute| minute.calls), "errors": of(&|minute| minute.errors),
            "p50_us": of(&|minute| minute.percentile(50)), "p99_us": of(&|minute| minute.percentile(99)),
        }})
    }
}

/// The server of a tool, by the name that its tools begin with.
pub(super) fn server_of(tool: &str) -> &str {
    tool.split('_').next().unwrap_or_default()
}

fn caller(((entrance, caller), (last_us, calls)): (&(String, String), &(i64, u64))) -> Value {
    json!({"entrance": entrance, "caller": caller, "last_ms": last_us / 1000, "calls": calls})
}

impl Minute {
    /// How long the fastest of `percent` in a hundred calls took at most, in microseconds; 0 where there were none.
    fn percentile(&self, percent: u64) -> u64 {
        let all: u64 = self.durations.iter().map(|&count| u64::from(count)).sum();
        let mut left = (all * percent).div_ceil(100);
        for (step, &count) in self.durations.iter().enumerate() {
            left = left.saturating_sub(u64::from(count));
            if left == 0 && all > 0 {
                return end_of(step);
            }
        }
        0
    }
}

/// The step of a duration.
fn step_of(us: i64) -> usize {
    let us = us.max(1) as f64;
    ((us.log2() * 4.0) as usize).min(STEPS - 1)
}

/// Where a step ends, in microseconds.
fn end_of(step: usize) -> u64 {
    ((step + 1) as f64 / 4.0).exp2() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_whose_tool_broke_off_is_named_until_one_of_its_calls_ends_well() {
        let mut charts = Charts::default();
        let broken = |charts: &mut Charts, minute: i64| charts.told(minute * MINUTE_US)["broken"].clone();
        charts.count(&record("owner", 100, 5, Some(AuditOutcome::Error)));
        assert_eq!(broken(&mut charts, 100), json!({}), "an error may be the caller's");
        charts.count(&record("owner", 100, 5, Some(AuditOutcome::Panicked)));
        assert_eq!(broken(&mut charts, 100), json!({"notes": "notes_echo"}));
        let other =
            AuditRecord { target: "files_read".into(), ..record("owner", 101, 5, Some(AuditOutcome::Ok)) };
        charts.count(&other);
        assert_eq!(broken(&mut charts, 101), json!({"notes": "notes_echo"}), "another server says nothing");
        charts.count(&record("owner", 102, 5, Some(AuditOutcome::Ok)));
        assert_eq!(broken(&mut charts, 102), json!({}));
        charts.count(&record("owner", 103, 5, Some(AuditOutcome::Panicked)));
        assert_eq!(broken(&mut charts, 103 + CHART_MINUTES as i64), json!({}), "an hour is over");
    }

    fn record(caller: &str, minute: i64, duration_us: i64, outcome: Option<AuditOutcome>) -> AuditRecord {
        let mut record =
            AuditRecord::new("c".into(), caller.into(), "http".into(), "notes_echo".into(), AuditPhase::Done);
        (record.time_us, record.duration_us, record.outcome) =
            (minute * MINUTE_US, Some(duration_us), outcome);
        record
    }

    #[test]
    fn an_hour_is_told_minute_by_minute() {
        let mut charts = Charts::default();
        for (caller, minute, us) in [("a", 100, 10), ("a", 159, 10), ("b", 159, 2_000), ("b", 160, 5)] {
            charts.count(&record(caller, minute, us, Some(AuditOutcome::Ok)));
        }
        charts.count(&record("b", 159, 20, Some(AuditOutcome::Error)));
        charts.count(&AuditRecord { phase: AuditPhase::Intent, ..record("b", 160, 5, None) });
        let told = charts.told(160 * MINUTE_US);
        let calls = told["charts"]["calls"].as_array().unwrap();
        assert_eq!((calls.len(), &calls[58], &calls[59]), (CHART_MINUTES, &json!(3), &json!(1)));
        assert_eq!(told["charts"]["errors"][58], 1);
        let p99 = told["charts"]["p99_us"][58].as_u64().unwrap();
        assert!((2_000..2_500).contains(&p99), "{p99}");
        assert_eq!(told["callers"].as_array().unwrap().len(), 2, "{told}");
        assert_eq!(charts.told(300 * MINUTE_US)["callers"], json!([]), "nobody was there for an hour");
    }

    #[test]
    fn minutes_and_callers_are_bounded() {
        let mut charts = Charts::default();
        for minute in 0..200 {
            charts.count(&record("a", minute, 1, None));
        }
        charts.count(&record("a", 0, 1, None));
        assert_eq!(charts.minutes.len(), CHART_MINUTES);
        for number in 0..CHART_CALLERS_MAX + 9 {
            charts.count(&record(&format!("key:{number}"), 1_000 + number as i64, 1, None));
        }
        assert_eq!(charts.callers.len(), CHART_CALLERS_MAX);
        assert!(!charts.callers.contains_key(&("http".to_owned(), "a".to_owned())), "the oldest goes first");
    }

    #[test]
    fn steps_hold_every_duration() {
        for us in [i64::MIN, 0, 1, 7, 1_000, 3_600_000_000, i64::MAX] {
            let step = step_of(us);
            assert!(step == STEPS - 1 || end_of(step) >= us.max(0) as u64, "{us}");
        }
    }

    #[tokio::test]
    async fn only_what_is_new_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut charts = Charts::default();
        for count in 1..=3 {
            let now = drawbridge_store::now_us();
            store.audit_durable(record("a", now / MINUTE_US, 5, Some(AuditOutcome::Ok))).await.unwrap();
            let told = charts.look(&store, now).unwrap();
            assert_eq!((told["callers"][0]["calls"].as_u64(), charts.seq), (Some(count), count as i64));
        }
    }
}
