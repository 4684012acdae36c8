//! The body of a webhook. Receivers of the predecessor know `taskId`, `status`, `msg`, `result`, `error`, `inParams`, `ts`
//! and `progress`; what is new stands beside these.

use chrono::{DateTime, SecondsFormat, Utc};
use drawbridge_contract::RawValue;
use serde::Serialize;

use super::WebhookEvent;
use crate::{Failure, Progress};

/// The longest result that a body carries, in bytes of JSON; a longer one is left out, and said to be.
pub(crate) const RESULT_BYTES_MAX: usize = 128 << 10;
/// The longest arguments that a body carries, in bytes of JSON; longer ones are left out, and said to be.
pub(crate) const ARGUMENTS_BYTES_MAX: usize = 64 << 10;

/// What a body is made of.
pub(crate) struct Facts<'a> {
    pub(crate) job: &'a str,
    pub(crate) tool: &'a str,
    pub(crate) event: WebhookEvent,
    pub(crate) attempt: u32,
    pub(crate) attempts_max: u32,
    pub(crate) at_ms: i64,
    /// `None`: the job was forgotten before it could be told, and nobody knows them any more.
    pub(crate) arguments: Option<&'a RawValue>,
    pub(crate) result: Option<&'a RawValue>,
    pub(crate) failure: Option<&'a Failure>,
    pub(crate) progress: Option<&'a Progress>,
}

/// The body, field by field.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    /// The event's name for receivers that tell kinds apart by it (Standard Webhooks).
    r#type: &'static str,
    task_id: &'a str,
    /// The predecessor's word: `processing`, `completed`, `error`; and `cancelled`, which it did not know.
    status: &'static str,
    event: WebhookEvent,
    msg: String,
    tool: &'a str,
    attempt: u32,
    attempts_max: u32,
    /// Nothing more will come of this job by itself.
    r#final: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_params: Option<&'a RawValue>,
    ts: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Percent>,
    /// Fields that were too large to be sent: ask for the job to have them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    omitted: Vec<&'static str>,
}

#[derive(Serialize)]
struct Problem<'a> {
    message: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Percent {
    current: f64,
    total: Option<f64>,
    unit: &'static str,
}

impl<'a> Body<'a> {
    /// Puts the facts into their fields.
    pub(crate) fn new(facts: &Facts<'a>) -> Self {
        let mut omitted = Vec::new();
        let mut fitting = |name, value: Option<&'a RawValue>, bytes_max| {
            let fits = value.filter(|value| value.get().len() <= bytes_max);
            if value.is_some() && fits.is_none() {
                omitted.push(name);
            }
            fits
        };
        let event = facts.event;
        let result = if event == WebhookEvent::Completed { facts.result } else { None };
        let result = fitting("result", result, RESULT_BYTES_MAX);
        let in_params = fitting("inParams", facts.arguments, ARGUMENTS_BYTES_MAX);
        if facts.arguments.is_none() {
            let gone = (event == WebhookEvent::Completed && result.is_none()).then_some("result");
            omitted.extend(gone.into_iter().filter(|name| !omitted.contains(name)).collect::<Vec<_>>());
            omitted.push("inParams");
        }
        let failure = facts.failure.filter(|_| event == WebhookEvent::Error);
        Self {
            r#type: kind(event),
            task_id: facts.job,
            status: status(event),
            event,
            msg: message(facts),
            tool: facts.tool,
            attempt: facts.attempt,
            attempts_max: facts.attempts_max,
            r#final: event.is_end(),
            result,
            error: failure.map(|failure| Problem { message: &failure.message, name: &failure.code }),
            in_params,
            ts: iso(facts.at_ms),
            progress: percent(event, facts.progress),
            omitted,
        }
    }

    /// As it is sent, and signed.
    pub(crate) fn json(&self) -> String {
        drawbridge_contract::raw(self).get().to_owned()
    }
}

fn kind(event: WebhookEvent) -> &'static str {
    match event {
        WebhookEvent::Processing => "job.processing",
        WebhookEvent::Progress => "job.progress",
        WebhookEvent::Completed => "job.completed",
        WebhookEvent::Error => "job.error",
        WebhookEvent::Cancelled => "job.cancelled",
    }
}

fn status(event: WebhookEvent) -> &'static str {
    if event == WebhookEvent::Progress { WebhookEvent::Processing.word() } else { event.word() }
}

fn message(facts: &Facts<'_>) -> String {
    let Facts { tool, attempt, attempts_max, .. } = facts;
    match facts.event {
        WebhookEvent::Processing => format!("{tool}: attempt {attempt} of {attempts_max} began"),
        WebhookEvent::Progress => {
            let said = facts.progress.and_then(|progress| progress.message.clone());
            said.unwrap_or_else(|| format!("{tool} goes on"))
        }
        WebhookEvent::Completed => format!("{tool} is done"),
        WebhookEvent::Error => match facts.failure {
            Some(failure) => format!("{tool} failed: {}", failure.message),
            None => format!("{tool} failed"),
        },
        WebhookEvent::Cancelled => format!("{tool} was stopped"),
    }
}

/// In percent where the end is known; as it was said otherwise.
fn percent(event: WebhookEvent, progress: Option<&Progress>) -> Option<Percent> {
    let of_hundred = |current| Some(Percent { current, total: Some(100.0), unit: "%" });
    match event {
        WebhookEvent::Processing => of_hundred(0.0),
        WebhookEvent::Completed => of_hundred(100.0),
        WebhookEvent::Progress => match progress? {
            Progress { progress, total: Some(total), .. } if *total > 0.0 => {
                of_hundred(((progress / total).clamp(0.0, 1.0) * 10_000.0).round() / 100.0)
            }
            Progress { progress, .. } => Some(Percent { current: *progress, total: None, unit: "" }),
        },
        WebhookEvent::Error | WebhookEvent::Cancelled => None,
    }
}

/// As JavaScript's `toISOString` writes it, which the predecessor did.
fn iso(at_ms: i64) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn body(event: WebhookEvent, result: Option<&RawValue>, progress: Option<&Progress>) -> Value {
        let (arguments, failure) = (raw(r#"{"x":1}"#), Failure::last("tool", "it broke"));
        let facts = Facts {
            job: "1-ab",
            tool: "mail_run",
            event,
            attempt: 2,
            attempts_max: 3,
            at_ms: 1_800_000_000_123,
            arguments: Some(&arguments),
            result,
            failure: Some(&failure),
            progress,
        };
        serde_json::from_str(&Body::new(&facts).json()).unwrap()
    }

    #[test]
    fn the_fields_of_the_predecessor_are_there() {
        let result = raw(r#"{"done":true}"#);
        assert_eq!(
            body(WebhookEvent::Completed, Some(&result), None),
            json!({
                "type": "job.completed", "taskId": "1-ab", "status": "completed", "event": "completed",
                "msg": "mail_run is done", "tool": "mail_run", "attempt": 2, "attemptsMax": 3, "final": true,
                "result": {"done": true}, "inParams": {"x": 1}, "ts": "2027-01-15T08:00:00.123Z",
                "progress": {"current": 100.0, "total": 100.0, "unit": "%"},
            })
        );
        let error = body(WebhookEvent::Error, None, None);
        assert_eq!(error["error"], json!({"message": "it broke", "name": "tool"}));
        assert_eq!((&error["final"], &error["attempt"]), (&json!(true), &json!(2)));
        assert_eq!(body(WebhookEvent::Processing, None, None)["final"], json!(false));
    }

    #[test]
    fn progress_is_in_percent_where_the_end_is_known() {
        let half = Progress { progress: 1.0, total: Some(3.0), message: Some("a third".into()) };
        let told = body(WebhookEvent::Progress, None, Some(&half));
        assert_eq!(told["progress"], json!({"current": 33.33, "total": 100.0, "unit": "%"}));
        assert_eq!((&told["msg"], &told["status"]), (&json!("a third"), &json!("processing")));
        let open = Progress { progress: 7.0, total: None, message: None };
        let told = body(WebhookEvent::Progress, None, Some(&open));
        assert_eq!(told["progress"], json!({"current": 7.0, "total": null, "unit": ""}));
    }

    #[test]
    fn a_result_at_its_bound_is_sent_and_one_beyond_is_named() {
        let of = |bytes: usize| raw(&format!("\"{}\"", "x".repeat(bytes - 2)));
        let fits = body(WebhookEvent::Completed, Some(&of(RESULT_BYTES_MAX)), None);
        assert!(fits["result"].is_string() && fits.get("omitted").is_none());
        let larger = body(WebhookEvent::Completed, Some(&of(RESULT_BYTES_MAX + 1)), None);
        assert_eq!((larger.get("result"), &larger["omitted"]), (None, &json!(["result"])));
    }

    #[test]
    fn of_a_forgotten_job_what_nobody_knows_is_named() {
        let facts = |result| Facts {
            job: "j",
            tool: "t",
            event: WebhookEvent::Completed,
            attempt: 1,
            attempts_max: 1,
            at_ms: 0,
            arguments: None,
            result,
            failure: None,
            progress: None,
        };
        let body = |result| serde_json::from_str::<Value>(&Body::new(&facts(result)).json()).unwrap();
        assert_eq!(body(None)["omitted"], json!(["result", "inParams"]));
        let known = body(Some(&*raw("42")));
        assert_eq!((&known["result"], &known["omitted"]), (&json!(42), &json!(["inParams"])));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_said_the_body_is_json_and_percents_stay_in_range(
            progress in proptest::num::f64::ANY, total in proptest::option::of(proptest::num::f64::ANY), at_ms: i64,
            message in ".{0,40}",
        ) {
            let progress = Progress { progress, total, message: Some(message.clone()) };
            let (arguments, failure) = (raw("{}"), Failure::last("x", message));
            let facts = Facts { job: "j", tool: "t", event: WebhookEvent::Progress, attempt: 1, attempts_max: 1, at_ms,
                arguments: Some(&arguments), result: None, failure: Some(&failure), progress: Some(&progress) };
            let body: Value = serde_json::from_str(&Body::new(&facts).json()).unwrap();
            if body["progress"]["unit"] == "%" {
                let current = body["progress"]["current"].as_f64().unwrap_or(0.0);
                proptest::prop_assert!((0.0..=100.0).contains(&current));
            }
        }
    }
}
