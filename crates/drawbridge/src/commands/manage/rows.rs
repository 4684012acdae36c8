//! What the hub says, as rows and lines for people.

use drawbridge_manage::{Fact, Row, Tone};
use drawbridge_store::{Key, KeyKind};
use serde_json::Value;

use crate::config::Setting;
use crate::output;
use crate::running::{Running, places};

fn word(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn fact(name: &str, value: String, tone: Tone) -> Fact {
    Fact { name: name.to_owned(), value, tone }
}

/// How the hub is, in the order in which one asks.
pub(super) fn facts(
    hub: Option<&Running>,
    status: &Value,
    raised: bool,
    state: &std::path::Path,
) -> Vec<Fact> {
    let mut facts = vec![match hub {
        Some(hub) => fact("hub", format!("process {}, {}", hub.pid, places(hub)), Tone::Good),
        None => fact("hub", "none runs; s starts one".to_owned(), Tone::Notice),
    }];
    if status.is_object() {
        let health = word(status, "health");
        let tone = if health == "ok" { Tone::Good } else { Tone::Bad };
        facts.push(fact("health", health, tone));
        facts.push(fact("version", word(status, "version"), Tone::Plain));
        facts.push(fact("runs for", span(status["up_seconds"].as_u64().unwrap_or_default()), Tone::Plain));
    }
    facts.push(if raised {
        fact("bridge", "raised: every call is refused; b lowers it".to_owned(), Tone::Bad)
    } else {
        fact("bridge", "lowered: calls pass, as keys and rules allow".to_owned(), Tone::Plain)
    });
    if status["jobs"].is_object() {
        facts.push(fact("jobs", crate::commands::jobs::load_in_words(&status["jobs"]), Tone::Plain));
    }
    if let Some(failing) = status["audit"]["failing"].as_str() {
        facts.push(fact("audit", format!("cannot be written: {failing}"), Tone::Bad));
    }
    facts.push(fact("state", state.display().to_string(), Tone::Plain));
    facts
}

/// Such as `3 h 12 min`.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The queues of `/api/status`.
pub(super) fn queues(jobs: &Value) -> Vec<Row> {
    let row = |queue: &Value| {
        let count = |wanted: &str| {
            let states = queue["states"].as_array().into_iter().flatten();
            states
                .filter(|pair| pair[0] == wanted)
                .filter_map(|pair| pair[1].as_u64())
                .sum::<u64>()
                .to_string()
        };
        let (name, paused) = (word(queue, "queue"), queue["paused"] == true);
        let state = if paused { "paused".to_owned() } else { String::new() };
        Row {
            cells: vec![
                name.clone(),
                count("queued"),
                count("running"),
                count("scheduled"),
                count("dead"),
                state,
            ],
            id: name,
            // What is paused is looked at, and resumed.
            tone: if paused { Tone::Notice } else { Tone::Plain },
            detail: Vec::new(),
        }
    };
    jobs["queues"].as_array().into_iter().flatten().map(row).collect()
}

/// Jobs that were given up.
pub(super) fn letters(jobs: &[Value]) -> Vec<Row> {
    let row = |job: &Value| {
        let (id, why) = (word(job, "id"), word(job, "message"));
        let tried = format!("{}/{}", job["attempt"], job["attempts_max"]);
        Row {
            cells: vec![id.clone(), word(job, "tool"), word(job, "state"), tried, why.clone()],
            id,
            tone: Tone::Plain,
            detail: vec![why],
        }
    };
    jobs.iter().map(row).collect()
}

/// Everything about one.
pub(super) fn letter(job: &Value, log: &[Value]) -> Vec<String> {
    let time = |name: &str| job[name].as_i64().map(|ms| output::time(ms.saturating_mul(1000)));
    let mut lines = vec![
        format!("{} of {}, {}", word(job, "tool"), word(job, "caller"), word(job, "state")),
        format!("attempt {} of {}, queue {}", job["attempt"], job["attempts_max"], word(job, "queue")),
    ];
    lines.extend(time("created_ms").map(|at| format!("submitted {at}")));
    lines.extend(time("ended_ms").map(|at| format!("ended {at}")));
    lines.push(String::new());
    lines.extend(word(job, "message").lines().map(str::to_owned));
    lines.push(String::new());
    lines.push("arguments".to_owned());
    let arguments = serde_json::to_string_pretty(&job["arguments"]).unwrap_or_default();
    lines.extend(arguments.lines().map(|line| format!("  {line}")));
    if !log.is_empty() {
        lines.push("log".to_owned());
        lines.extend(log.iter().map(|line| format!("  {:<7} {}", word(line, "level"), word(line, "text"))));
    }
    lines
}

/// Each field of the configuration.
pub(super) fn settings(settings: &[Setting]) -> Vec<Row> {
    let row = |setting: &Setting| {
        let mut detail: Vec<String> = setting.problem.iter().map(|why| format!("Wrong: {why}")).collect();
        detail.push(setting.says.clone());
        detail.extend(setting.variable.map(|name| format!("{name} in the environment goes over the file.")));
        let value = setting.problem.as_ref().map_or_else(|| setting.value.clone(), |why| format!("✗ {why}"));
        let tone = if setting.problem.is_some() { Tone::Bad } else { Tone::Plain };
        Row { id: setting.name.clone(), cells: vec![setting.name.clone(), value], tone, detail }
    };
    settings.iter().map(row).collect()
}

/// The keys that open something now.
pub(super) fn keys(keys: &[Key], now_us: i64) -> Vec<Row> {
    let day = |us: Option<i64>| {
        us.map_or_else(|| "never".to_owned(), |us| output::time(us).chars().take(10).collect())
    };
    let row = |key: &Key| Row {
        id: key.name.to_string(),
        cells: vec![
            key.name.to_string(),
            key.kind.to_string(),
            key.scopes.join(" "),
            day(key.expires_us),
            day(key.used_us),
        ],
        ..Row::default()
    };
    keys.iter().filter(|key| key.is_live(now_us) && key.kind != KeyKind::Session).map(row).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_paused_queue_is_told_from_others() {
        let jobs = json!({ "queues": [
            { "queue": "default", "paused": false, "states": [["queued", 3], ["dead", 1]] },
            { "queue": "night", "paused": true, "states": [["scheduled", 2]] },
        ] });
        let rows = queues(&jobs);
        assert_eq!(rows[0].cells, ["default", "3", "0", "0", "1", ""]);
        assert_eq!((rows[1].cells[5].as_str(), rows[1].tone), ("paused", Tone::Notice));
    }

    #[test]
    fn spans_are_short() {
        assert_eq!([span(59), span(60), span(3660), span(172_800)], ["59 s", "1 min", "1 h 1 min", "2 days"]);
    }
}
