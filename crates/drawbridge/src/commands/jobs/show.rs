//! Jobs as a person sees them.

use anyhow::Result;
use serde_json::Value;

use crate::output;

/// The text of a tool's answer.
pub(super) fn text(result: &Value) -> String {
    let blocks = result["content"].as_array();
    let texts = blocks.into_iter().flatten().filter_map(|block| block["text"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// A table of jobs.
pub(super) fn jobs(jobs: &[Value]) -> Result<()> {
    if jobs.is_empty() {
        return output::line("There are no jobs here.");
    }
    let head = ["ID", "STATE", "TOOL", "CALLER", "SUBMITTED", "ATTEMPT", ""];
    output::table(&head, jobs.iter().map(row).collect())
}

fn row(job: &Value) -> Vec<String> {
    let word = |name: &str| output::plain_line(job[name].as_str().unwrap_or_default());
    let attempt = format!("{}/{}", job["attempt"], job["attempts_max"]);
    let submitted = job["created_ms"].as_i64().map_or_else(String::new, |ms| output::time(ms * 1000));
    let state = state(job);
    vec![word("id"), state, word("tool"), word("caller"), submitted, attempt, about(job)]
}

pub(super) fn state(job: &Value) -> String {
    let word = job["state"].as_str().unwrap_or_default();
    match word {
        "completed" => output::green(word),
        "failed" | "dead" => output::red(word),
        "waiting_for_input" => output::yellow(word),
        _ => word.to_owned(),
    }
}

/// How far it is, or what it waits for, on one line.
pub(super) fn about(job: &Value) -> String {
    if let Some(message) = job["message"].as_str() {
        return output::plain_line(message);
    }
    let progress = &job["progress"];
    if !progress.is_object() {
        return String::new();
    }
    let of = progress["total"].as_f64().map_or_else(String::new, |total| format!(" of {total}"));
    let message = progress["message"].as_str().map_or_else(String::new, |text| format!(": {text}"));
    output::plain_line(&format!("{}{of}{message}", progress["progress"]))
}

/// Such as `2 of 4 workers busy; default: 3 queued, 2 running`.
pub(crate) fn load(jobs: &Value) -> String {
    let mut words = format!("{} of {} workers busy", jobs["running"], jobs["concurrency"]);
    if let Some(count) = jobs["workers"]["connected"].as_u64().filter(|&count| count > 0) {
        let running = &jobs["workers"]["running"];
        words.push_str(&format!("; drawbridge worker: {count} connected, {running} running"));
    }
    for queue in jobs["queues"].as_array().into_iter().flatten() {
        let states = queue["states"].as_array().into_iter().flatten();
        let counts: Vec<String> = states
            .map(|pair| format!("{} {}", pair[1], pair[0].as_str().unwrap_or_default().replace('_', " ")))
            .collect();
        let paused = if queue["paused"] == true { " (paused)" } else { "" };
        let name = output::plain_line(queue["queue"].as_str().unwrap_or_default());
        words.push_str(&format!("; {name}{paused}: {}", counts.join(", ")));
    }
    words
}

/// One line of a job's log.
pub(super) fn log_line(line: &Value, json: bool) -> Result<()> {
    if json {
        return output::json_line(line);
    }
    let time = line["at_ms"].as_i64().map_or_else(String::new, |ms| output::time(ms * 1000));
    let text = |name: &str| output::plain_line(line[name].as_str().unwrap_or_default());
    output::line(format!("{time}  {:<7}  {}", text("level"), text("text")))
}
