//! The operations of what is kept beside jobs: schedules, and receivers of webhooks.

use serde_json::{Value, json};

use super::operation::{CONSEQUENTIAL, body, in_path, object, operation, query, said};

/// How a list answers.
fn rows(name: &str) -> Value {
    json!({ "type": "object", "properties": { name: { "type": "array", "items": object() } } })
}

/// How one thing is answered.
fn one(name: &str) -> Value {
    json!({ "type": "object", "properties": { name: object() } })
}

fn about(what: &str, id: &str, summary: &str, description: &str, schema: Value) -> Value {
    let mut operation = operation(id, summary, description, schema);
    operation["parameters"] = json!([in_path("id", what)]);
    operation
}

/// The same, of something that changes it.
fn changes(mut operation: Value) -> Value {
    operation[CONSEQUENTIAL] = true.into();
    operation
}

/// The answer of something that was made.
fn made(mut operation: Value) -> Value {
    let answers = operation["responses"].as_object_mut().and_then(|answers| answers.remove("200"));
    operation["responses"]["201"] = answers.unwrap_or_else(object);
    changes(operation)
}

const SCHEDULE: &str = "The schedule's id or name.";
const WEBHOOK: &str = "The receiver's id.";

pub(crate) fn schedules() -> Value {
    let says = "The schedules of this key, by name. The owner sees everybody's.";
    operation("list_schedules", "All schedules", says, rows("schedules"))
}

pub(crate) fn add_schedule() -> Value {
    let says = "Begins a job again and again. The rules of its tool hold, now and each time.";
    let mut operation = operation("add_schedule", "Begin a job again and again", says, one("schedule"));
    let text = json!({ "type": "string" });
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": {
            "name": said(text.clone(), "What it is called."),
            "tool": said(text, "One that this key may call."),
            "arguments": said(object(), "The tool's arguments."),
            "options": said(object(), "How each job is to be treated; docs/jobs.md has the words."),
            "when": said(object(), "`cron` and `time_zone`, or `every_seconds`; docs/schedules.md has the rest."),
        },
        "required": ["name", "tool", "when"],
        "additionalProperties": false,
    }));
    made(operation)
}

pub(crate) fn schedule() -> Value {
    about(
        SCHEDULE,
        "show_schedule",
        "One schedule",
        "Its next time, what came of the last, and what its jobs are given.",
        one("schedule"),
    )
}

pub(crate) fn update_schedule() -> Value {
    let says = "What is left out stays, also its id and what it has begun. Other times count from now on.";
    let mut operation = about(SCHEDULE, "update_schedule", "Change a schedule", says, one("schedule"));
    let text = json!({ "type": "string" });
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": {
            "new_name": said(text.clone(), "Another name for it."),
            "tool": said(text, "Another one that this key may call."),
            "arguments": said(object(), "All of the tool's arguments."),
            "options": said(object(), "What is different about its jobs; null takes an option away."),
            "when": said(object(), "What is different about its times; docs/schedules.md has the words."),
        },
        "additionalProperties": false,
    }));
    changes(operation)
}

pub(crate) fn schedule_next() -> Value {
    let times = json!({
        "type": "object",
        "properties": { "times": { "type": "array", "items": { "type": "string", "format": "date-time" } } },
    });
    let says = "Its next planned times, on the clocks of its time zone.";
    let mut operation = about(SCHEDULE, "schedule_next", "The next times of a schedule", says, times);
    let count = json!({ "type": "integer", "minimum": 1, "maximum": 100 });
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters.push(query("count", "How many; 5 if nothing is said.", &count));
    }
    operation
}

pub(crate) fn pause_schedule() -> Value {
    let says = "It begins nothing until it is resumed. Times that pass meanwhile are left out.";
    changes(about(SCHEDULE, "pause_schedule", "Pause a schedule", says, one("schedule")))
}

pub(crate) fn resume_schedule() -> Value {
    let says = "It goes on with its next time.";
    changes(about(SCHEDULE, "resume_schedule", "Resume a schedule", says, one("schedule")))
}

pub(crate) fn run_schedule() -> Value {
    let job = json!({ "type": "object", "properties": { "job": { "type": "string" } } });
    let says = "Begins its job now, besides its plan.";
    changes(about(SCHEDULE, "run_schedule", "Begin a schedule now", says, job))
}

pub(crate) fn remove_schedule() -> Value {
    let says = "Jobs that it began go on.";
    changes(about(SCHEDULE, "remove_schedule", "Remove a schedule", says, object()))
}

pub(crate) fn webhooks() -> Value {
    let says = "Who is told what becomes of this key's jobs, without secrets. The owner sees everybody's.";
    operation("list_webhooks", "All receivers of webhooks", says, rows("webhooks"))
}

pub(crate) fn add_webhook() -> Value {
    let secret = json!({
        "type": "object",
        "properties": { "id": { "type": "string" }, "secret": { "type": "string" } },
    });
    let says = "Tells an address what becomes of jobs. The answer has the secret that its requests are signed with, once.";
    let mut operation = operation("add_webhook", "Tell an address what becomes of jobs", says, secret);
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": {
            "url": { "type": "string", "format": "uri", "description": "Where to send it." },
            "events": said(texts.clone(), "processing, progress, completed, error, cancelled; all if nothing is said."),
            "tools": said(texts, "Of jobs of these tools, such as `mail_*`; of all if nothing is said."),
            "all_callers": { "type": "boolean", "description": "Of everybody's jobs; for the owner." },
            "secret": { "type": "string", "description": "One of the receiver's own; docs/webhooks.md says how strong." },
        },
        "required": ["url"],
        "additionalProperties": false,
    }));
    made(operation)
}

pub(crate) fn webhook() -> Value {
    about(WEBHOOK, "show_webhook", "One receiver", "Where it is and of what it hears.", one("webhook"))
}

pub(crate) fn update_webhook() -> Value {
    let says =
        "What is left out stays, also its id and its secret. What waits for it goes to its new address.";
    let mut operation = about(WEBHOOK, "update_webhook", "Change a receiver", says, one("webhook"));
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": {
            "url": { "type": "string", "format": "uri", "description": "Where to send it." },
            "events": said(texts.clone(), "All that it is to hear; everything if there are none."),
            "tools": said(texts, "All tools of whose jobs; of every tool if there are none."),
            "all_callers": { "type": "boolean", "description": "Of everybody's jobs; for the owner." },
        },
        "additionalProperties": false,
    }));
    changes(operation)
}

/// What a log of deliveries can be asked for.
fn log_parameters(operation: &mut Value) {
    let (text, yes) = (json!({ "type": "string" }), json!({ "type": "boolean" }));
    let count = json!({ "type": "integer", "minimum": 1, "maximum": 500 });
    let more = [
        query("job", "Only of this job.", &text),
        query("given_up", "Only what was given up.", &yes),
        query("cursor", "The `next` of the page before.", &text),
        query("limit", "How many at most; 50 if nothing is said.", &count),
    ];
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.extend(more),
        None => operation["parameters"] = more.to_vec().into(),
    }
}

pub(crate) fn deliveries() -> Value {
    let says = "What was sent to receivers of this key, newest first, and what became of it.";
    let mut operation = operation("list_deliveries", "What was sent", says, rows("deliveries"));
    operation["parameters"] = json!([query("id", "Only to this receiver.", &json!({ "type": "string" }))]);
    log_parameters(&mut operation);
    operation
}

pub(crate) fn deliveries_of() -> Value {
    let says = "What was sent to it, newest first, and what became of it.";
    let mut operation =
        about(WEBHOOK, "webhook_deliveries", "What was sent to one", says, rows("deliveries"));
    log_parameters(&mut operation);
    operation
}

pub(crate) fn redeliver() -> Value {
    let says = "Sends one again that was delivered or given up: with the same id and body.";
    changes(about("The delivery's id.", "redeliver", "Send one again", says, object()))
}

pub(crate) fn pause_webhook() -> Value {
    changes(about(
        WEBHOOK,
        "pause_webhook",
        "Pause a receiver",
        "It is told nothing until it is resumed.",
        object(),
    ))
}

pub(crate) fn resume_webhook() -> Value {
    changes(about(WEBHOOK, "resume_webhook", "Resume a receiver", "It is told what waited for it.", object()))
}

pub(crate) fn rotate_webhook() -> Value {
    let secret = json!({
        "type": "object",
        "properties": { "id": { "type": "string" }, "secret": { "type": "string" } },
    });
    let what = "The receiver's id, or `callback` for what signs the callbacks of this key's jobs.";
    let says = "Gives it a new secret and answers with it, once. The one before signs, too, for a while.";
    let mut operation = about(what, "rotate_webhook", "Give a receiver a new secret", says, secret);
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": {
            "overlap_seconds": { "type": "integer", "minimum": 0, "maximum": 2_592_000 },
            "secret": { "type": "string", "description": "One of the receiver's own." },
        },
        "additionalProperties": false,
    }));
    changes(operation)
}

pub(crate) fn remove_webhook() -> Value {
    let says = "And what waits for it.";
    changes(about(WEBHOOK, "remove_webhook", "Remove a receiver", says, object()))
}
