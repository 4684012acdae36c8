//! Looking while a job runs.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::{Desk, show};
use crate::output;

/// How often a live view looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long one call waits, in milliseconds; then it is made again.
const WAIT_MS: u64 = 30_000;
const OPEN: [&str; 4] = ["running", "queued", "scheduled", "waiting_for_input"];

fn has_ended(job: &Value) -> bool {
    job["state"].as_str().is_some_and(|state| !OPEN.contains(&state))
}

/// Waits until a job has ended, and prints its result.
pub(super) async fn wait(desk: &mut Desk, id: &str, span_us: Option<i64>) -> Result<ExitCode> {
    if !desk.client.is_hub() {
        return desk.refuse_without_hub();
    }
    let begun = Instant::now();
    let span = span_us.map(|us| Duration::from_micros(us.unsigned_abs()));
    let mut told = String::new();
    loop {
        let left = span.map_or(WAIT_MS, |span| {
            let left = span.saturating_sub(begun.elapsed()).as_millis();
            u64::try_from(left).unwrap_or(WAIT_MS).min(WAIT_MS)
        });
        let result = desk.call("jobs_wait", json!({ "id": id, "timeout_ms": left })).await?;
        let job = &result["structuredContent"]["job"];
        if has_ended(job) {
            return desk.result(id).await;
        }
        if span.is_some_and(|span| begun.elapsed() >= span) {
            eprintln!("It is {} still.", job["state"].as_str().unwrap_or("there"));
            return Ok(ExitCode::FAILURE);
        }
        if job["state"] == "waiting_for_input" {
            tell_question(job, &mut told);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Once for each question.
fn tell_question(job: &Value, told: &mut String) {
    let asks = job["message"].as_str().unwrap_or("It asks something.");
    if told != asks {
        eprintln!("{}", output::plain(asks));
        asks.clone_into(told);
    }
}

/// Shows one job until it has ended, then its result.
pub(super) async fn one(desk: &mut Desk, id: &str) -> Result<ExitCode> {
    if !desk.client.is_hub() {
        return desk.refuse_without_hub();
    }
    let mut shown = String::new();
    loop {
        let result = desk.call("jobs_status", json!({ "id": id })).await?;
        let job = &result["structuredContent"]["job"];
        let line = format!(
            "{id}  {}  attempt {}/{}  {}",
            show::state(job),
            job["attempt"],
            job["attempts_max"],
            show::about(job)
        );
        if line != shown {
            tell(&line)?;
            shown = line;
        }
        if has_ended(job) {
            eprintln!();
            return desk.result(id).await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// On a terminal in place of what was there; elsewhere as a line of its own. Beside the result, which alone goes to
/// standard output.
fn tell(line: &str) -> Result<()> {
    let mut out = anstream::stderr().lock();
    if std::io::stderr().is_terminal() {
        write!(out, "\r\u{1b}[K{line}")?;
    } else {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// Shows all jobs that have not ended, until the person leaves.
pub(super) async fn all(desk: &mut Desk) -> Result<ExitCode> {
    let mut shown = String::new();
    loop {
        let result = desk.call("jobs_list", json!({ "states": OPEN, "limit": 50 })).await?;
        let jobs = result["structuredContent"]["jobs"].as_array().cloned().unwrap_or_default();
        let now = serde_json::to_string(&jobs)?;
        if now != shown {
            if std::io::stdout().is_terminal() {
                output::line("\u{1b}[2J\u{1b}[H")?;
            }
            show::jobs(&jobs)?;
            shown = now;
        }
        if !desk.client.is_hub() {
            return desk.refuse_without_hub();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
