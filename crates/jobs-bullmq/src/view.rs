//! A job in our words.

use std::sync::Arc;

use drawbridge_jobs::machine::Misfit;
use drawbridge_jobs::{EngineError, Job, JobId, Line, Progress, State};
use serde::Deserialize;

use crate::names::{inner, queue_out};
use crate::seal::{Sealing, What};
use crate::submit;

/// How many fields a row of `look.lua` has.
const ROW: usize = 23;

/// A state by the word of a script, and whether the job waits for its children.
pub(crate) fn state(word: &str) -> (State, bool) {
    match word {
        "awaits_children" => (State::Scheduled, true),
        word => (State::of_word(word).unwrap_or(State::Queued), false),
    }
}

pub(crate) fn misfit(id: JobId, state: State, doing: &'static str) -> EngineError {
    EngineError::Misfit { id, misfit: Misfit::State { state, doing } }
}

pub(crate) fn stale(id: JobId, state: State) -> EngineError {
    EngineError::Misfit { id, misfit: Misfit::Stale { state } }
}

/// What a script says of a job that it was to change: that it did, or why not.
pub(crate) fn answered(id: JobId, answer: &[String], doing: &'static str) -> Result<State, EngineError> {
    let text = |index: usize| answer.get(index).map_or("", String::as_str);
    let state = state(text(1)).0;
    match text(0) {
        "ok" => Ok(state),
        "not_found" => Err(EngineError::NotFound { id }),
        "stale" => Err(stale(id, state)),
        "not_stopping" => Err(misfit(id, state, "say that it stopped: nobody asked it to")),
        _ => Err(misfit(id, state, doing)),
    }
}

/// BullMQ's options of a job, as far as we need them.
#[derive(Deserialize, Default)]
struct Options {
    attempts: Option<u32>,
}

/// How many attempts a job may have: ours say so themselves, others in their options.
pub(crate) fn attempts_max(ours: &str, options: &str) -> u32 {
    ours.parse().ok().unwrap_or_else(|| {
        let options: Options = serde_json::from_str(options).unwrap_or_default();
        options.attempts.unwrap_or(1).max(1)
    })
}

/// A row of `look.lua`.
pub(crate) fn job(sealing: &Sealing, row: &[String]) -> Result<Job, EngineError> {
    let row: &[String; ROW] = row.try_into().map_err(|_| EngineError::Damaged {
        problem: format!("Redis answered with {} fields of a job instead of {ROW}", row.len()),
    })?;
    let [
        id,
        queue,
        tool,
        caller,
        word,
        made,
        attempts,
        options,
        stalls,
        parent,
        created,
        run_at,
        deadline,
        started,
        ended,
        worker,
        progress,
        wish,
        stop,
        priority,
        delay,
        children,
        seal,
    ] = row;
    let (state, awaits_children) = self::state(word);
    let made: u32 = made.parse().unwrap_or(0);
    let created_ms = number(created).unwrap_or(0);
    Ok(Job {
        id: JobId::new(id),
        queue: queue_out(queue),
        tool: tool.as_str().into(),
        caller: honest(sealing, &JobId::new(id), caller, seal).into(),
        state,
        stopping: state == State::Running && stop == "1",
        awaits_children,
        priority: wish.parse().unwrap_or_else(|_| -priority.parse::<i32>().unwrap_or(0)),
        attempt: if state == State::Running { made + 1 } else { made },
        attempts_max: attempts_max(attempts, options),
        stalls: stalls.parse().unwrap_or(0),
        parent: (!parent.is_empty()).then(|| JobId::new(parent)),
        children_open: children.parse().unwrap_or(0),
        created_ms,
        run_at_ms: number(run_at).unwrap_or_else(|| created_ms + number(delay).unwrap_or(0)),
        deadline_ms: number(deadline),
        started_ms: number(started),
        ended_ms: number(ended),
        worker: (state == State::Running && !worker.is_empty()).then(|| Arc::from(worker.as_str())),
        progress: self::progress(progress),
    })
}

/// The caller of a job as it may be believed: our own jobs' is sealed. One that looks like ours and has no seal is nobody's, so
/// that nobody can make it theirs and let us change it for them.
fn honest<'a>(sealing: &Sealing, id: &JobId, caller: &'a str, seal: &str) -> &'a str {
    let is_sealed = || sealing.fits(seal, What::Caller, inner(id), &[caller]);
    if !submit::is_ours(inner(id).1) || is_sealed() { caller } else { "" }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// BullMQ's progress is a number of 100, or anything; ours is an object.
pub(crate) fn progress(text: &str) -> Option<Progress> {
    if let Ok(number) = text.parse::<f64>() {
        // Node writes 0 for every job that has not said anything.
        return (number != 0.0).then_some(Progress { progress: number, total: Some(100.0), message: None });
    }
    serde_json::from_str(text).ok()
}

/// A line of a log as it is kept: people read it in other tools, too.
pub(crate) fn written_line(line: &Line) -> String {
    let at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let level: String = line.level.chars().filter(|char| !char.is_whitespace()).collect();
    let text = &line.text[..line.text.floor_char_boundary(drawbridge_jobs::bounds::LINE_BYTES_MAX)];
    format!("{at} {} {text}", if level.is_empty() { "info" } else { &level })
}

/// A line of a log, whoever wrote it.
pub(crate) fn line(number: u64, written: &str) -> Line {
    let mut parts = written.splitn(3, ' ');
    let at = parts.next().and_then(|at| chrono::DateTime::parse_from_rfc3339(at).ok());
    match (at, parts.next(), parts.next()) {
        (Some(at), Some(level), Some(text)) => {
            Line { number, at_ms: at.timestamp_millis(), level: level.into(), text: text.into() }
        }
        _ => Line { number, at_ms: 0, level: "info".into(), text: written.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_there_and_back() {
        let written = Line { number: 0, at_ms: 0, level: "warning".into(), text: "two  words".into() };
        let back = line(7, &written_line(&written));
        assert_eq!((back.number, &*back.level, &*back.text), (7, "warning", "two  words"));
        assert!(back.at_ms > 0);
        assert_eq!(line(1, "from elsewhere").text, "from elsewhere");
    }

    #[test]
    fn progress_of_others_is_understood() {
        assert_eq!(progress("40").unwrap().total, Some(100.0));
        assert_eq!(progress("0"), None);
        assert_eq!(progress(r#"{"progress":2,"total":3}"#).unwrap().progress, 2.0);
        assert_eq!(progress(r#"{"stage":"x"}"#), None);
    }

    #[test]
    fn attempts_are_found_where_they_are_said() {
        assert_eq!(attempts_max("4", "{}"), 4);
        assert_eq!(attempts_max("", r#"{"attempts":2}"#), 2);
        assert_eq!(attempts_max("", "{}"), 1);
    }
}
