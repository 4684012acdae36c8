//! docs/jobs.md says the numbers that are in the code.

use drawbridge_jobs::bounds as b;
use drawbridge_jobs::machine::BACKOFF_MS_MAX;
use drawbridge_jobs::{Policy, Retention, Settings, State};

const PAGE: &str = include_str!("../../../../docs/jobs.md");

/// 1000000 as people write it.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    groups.map(|group| str::from_utf8(group).unwrap()).collect::<Vec<_>>().join(",")
}

fn says(what: &str, value: &str) {
    let line = format!("| {what} | {value} |");
    assert!(PAGE.contains(&line), "docs/jobs.md does not say: {line}");
}

#[test]
fn every_bound_is_in_the_table() {
    let count = |number: usize| grouped(number as u64);
    let size = |bytes: usize| match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ => format!("{} KiB", bytes >> 10),
    };
    says("arguments of a job", &size(b::ARGUMENTS_BYTES_MAX));
    says("attributes of a job", &size(b::ATTRIBUTES_BYTES_MAX));
    says("result; a larger one makes the job fail, saying so", &size(b::RESULT_BYTES_MAX));
    says("checkpoint, question, answer", &size(b::CHECKPOINT_BYTES_MAX));
    says("message of a failure or of progress; a longer one is cut", &size(b::MESSAGE_BYTES_MAX));
    says("line of a job's log; a longer one is cut", &size(b::LINE_BYTES_MAX));
    says("lines kept of a job's log: the newest", &grouped(b::LINES_MAX));
    says("jobs in one submission", &count(b::SUBMIT_MAX));
    says("jobs in one claim", &count(b::CLAIM_MAX));
    says("open children of a job", &grouped(b::CHILDREN_MAX.into()));
    says("attempts", &grouped(b::ATTEMPTS_MAX.into()));
    says("pause between attempts", &format!("{} day", BACKOFF_MS_MAX / 86_400_000));
    says("priority", &format!("±{}", grouped(b::PRIORITY_MAX.unsigned_abs().into())));
    says("lease", &format!("{} hour", b::LEASE_MS_MAX / 3_600_000));
    says("jobs that have not ended (a setting)", &grouped(Settings::default().open_max));
    says("names of queues and tools", &format!("{} bytes", b::NAME_BYTES_MAX));
    says("ids of callers, keys", &format!("{} bytes", b::KEY_BYTES_MAX));
    says("different names", &count(b::NAMES_MAX));
    let starts = grouped(b::RATE_STARTS_MAX.into());
    assert_eq!(b::RATE_WINDOW_MS_MAX, 86_400_000);
    says("rate", &format!("{starts} starts in up to a day"));
    says("page of a listing", &count(b::PAGE_MAX));
}

#[test]
fn every_state_is_explained() {
    for state in State::ALL {
        assert!(PAGE.contains(&format!("\n| `{}` | ", state.word())), "{}", state.word());
    }
}

#[test]
fn the_usual_settings_are_as_it_says() {
    let (policy, retention) = (Policy::default(), Retention::default());
    assert_eq!((policy.attempts_max, policy.backoff.base_ms, policy.deadline_after_ms), (3, 5_000, None));
    let day_ms = 86_400_000;
    assert_eq!((retention.well.age_ms, retention.badly.age_ms), (7 * day_ms, 30 * day_ms));
    assert_eq!((retention.well.count, retention.badly.count), (100_000, 100_000));
    assert_eq!(retention.history, 500_000);
}
