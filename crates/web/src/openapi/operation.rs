//! Each operation of the document.

use drawbridge_contract::ToolSpec;
use serde_json::{Map, Value, json};

use super::schema::{part, placed};
use crate::exchange;
use crate::limits::SUMMARY_CHARACTERS_MAX;
use crate::problem::PROBLEM_JSON;

/// Says whether a person should be asked before a model calls it: ChatGPT's importer reads this.
pub(super) const CONSEQUENTIAL: &str = "x-openai-isConsequential";

/// `POST /api/tools/{name}` for one tool; `path` is the tool's own.
pub(crate) fn call(spec: &ToolSpec, path: &str) -> Value {
    let at = |rest: &str| format!("/paths/{}/post/{rest}", part(path));
    let input = placed(spec.input_schema.get(), &at("requestBody/content/application~1json/schema"));
    let place = at("responses/200/content/application~1json/schema/properties/structured");
    let output = spec.output_schema.as_ref().map(|schema| placed(schema.get(), &place));
    let mut operation = operation(&spec.name, &spec.title, &spec.description, result(output));
    operation["requestBody"] = body(&input);
    operation[CONSEQUENTIAL] = (!spec.annotations.read_only).into();
    operation
}

/// A route that a server answers in the words of another protocol, which has its own reference.
pub(crate) fn exchange(route: &exchange::Described) -> Value {
    let id: String =
        route.path.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }).collect();
    let says = format!("In the words of a protocol that has its own reference; counts as {}.", route.tool);
    let mut operation = operation(&format!("{}{id}", route.method), route.title, &says, object());
    if route.path.contains("{rest}") {
        operation["parameters"] = json!([in_path("rest", "What follows; it may have slashes.")]);
    }
    if route.method == "post" {
        operation["requestBody"] = body(&object());
    }
    operation
}

pub(crate) fn health() -> Value {
    let ok = json!({ "200": text("It works."), "503": text("One word for what is wrong.") });
    let mut operation =
        json!({ "operationId": "health", "summary": "Whether the hub works", "responses": ok });
    // The only route that needs no key.
    operation["security"] = json!([]);
    operation
}

pub(crate) fn status() -> Value {
    operation("status", "How the hub is", "Version, bridge, audit and what runs.", object())
}

pub(crate) fn openapi() -> Value {
    let mut operation =
        operation("openapi", "This document", "The routes and tools that this key may use.", object());
    operation["parameters"] = json!([query(
        "server",
        "The address to write into `servers`.",
        &json!({ "type": "string", "format": "uri" })
    )]);
    operation
}

pub(crate) fn tools() -> Value {
    let schema =
        json!({ "type": "object", "properties": { "tools": { "type": "array", "items": object() } } });
    operation(
        "list_tools",
        "All tools",
        "Each tool that this key may call, with its schemas and examples.",
        schema,
    )
}

pub(crate) fn tool() -> Value {
    let mut operation =
        operation("show_tool", "One tool", "Its description, schemas and examples.", object());
    operation["parameters"] = json!([in_path("name", "The tool's name.")]);
    operation
}

pub(crate) fn answer() -> Value {
    let says = "Makes a call again that was answered 409, with what it asked for and with its state.";
    let mut operation = operation("answer_tool", "Answer what a call asks for", says, result(None));
    operation["parameters"] = json!([in_path("name", "The tool's name.")]);
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": {
            "arguments": said(object(), "The same as before."),
            "responses": said(object(), "The answers, by the keys of `requests`."),
            "request_state": { "type": "string", "description": "As it came with the 409." },
        },
        "required": ["arguments"],
        "additionalProperties": false,
    }));
    operation[CONSEQUENTIAL] = true.into();
    operation
}

pub(crate) fn jobs() -> Value {
    let page = json!({
        "type": "object",
        "properties": { "jobs": { "type": "array", "items": object() }, "next": { "type": "string" } },
    });
    let mut operation = operation(
        "list_jobs",
        "All jobs",
        "The jobs of this key, newest first. The owner sees everybody's.",
        page,
    );
    let text = json!({ "type": "string" });
    operation["parameters"] = json!([
        query("state", "Only in these states, separated by commas, such as `running,dead`.", &text),
        query("tool", "Only of this tool.", &text),
        query("queue", "Only in this queue.", &text),
        query("caller", "Only of this caller; for the owner.", &text),
        query("cursor", "The `next` of the page before.", &text),
        query(
            "limit",
            "How many at most; 50 if nothing is said.",
            &json!({ "type": "integer", "minimum": 1 })
        ),
    ]);
    operation
}

pub(crate) fn submit_job() -> Value {
    let says = "Runs a tool in the background and answers at once. The rules of the tool hold, now and when it runs.";
    let mut operation = operation("submit_job", "Run a tool in the background", says, job_schema());
    let answers = operation["responses"].as_object_mut().and_then(|answers| answers.remove("200"));
    operation["responses"]["202"] = answers.unwrap_or_else(object);
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": {
            "tool": { "type": "string", "description": "One that this key may call." },
            "arguments": said(object(), "The tool's arguments."),
            "options": said(object(), "How it is to be treated; docs/jobs.md has the words."),
        },
        "required": ["tool"],
        "additionalProperties": false,
    }));
    operation[CONSEQUENTIAL] = true.into();
    operation
}

pub(crate) fn job() -> Value {
    about_a_job(
        "show_job",
        "One job",
        "Where it is, how far the work is, and what it waits for.",
        job_schema(),
    )
}

pub(crate) fn job_result() -> Value {
    let says =
        "What the job's tool answered. 409 while it has not ended, and for one that came to no answer.";
    about_a_job("job_result", "What came of a job", says, result(None))
}

pub(crate) fn job_log() -> Value {
    let lines =
        json!({ "type": "object", "properties": { "lines": { "type": "array", "items": object() } } });
    let mut operation = about_a_job("job_log", "A job's log", "What its tool logged, oldest first.", lines);
    let number = json!({ "type": "integer", "minimum": 0 });
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters.push(query("after", "Only lines after this number.", &number));
        parameters.push(query("limit", "How many at most; 200 if nothing is said.", &number));
    }
    operation
}

pub(crate) fn job_events() -> Value {
    let says = "Server-sent events until the job has ended. `Last-Event-ID` goes on where a client was.";
    let mut operation = about_a_job("job_events", "What happens to a job", says, object());
    operation["responses"]["200"] =
        answered("text/event-stream", "The events.", &json!({ "type": "string" }));
    operation["responses"]["204"] = json!({ "description": "It has ended, and all of it was told." });
    operation
}

pub(crate) fn answer_job() -> Value {
    let says = "For programs that show the question to a person and say so (`Drawbridge-Can-Ask`).";
    let mut operation = about_a_job("answer_job", "Answer what a job asks", says, job_schema());
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": { "responses": said(object(), "The answers, by the keys of what was asked.") },
        "required": ["responses"],
        "additionalProperties": false,
    }));
    operation[CONSEQUENTIAL] = true.into();
    operation
}

pub(crate) fn cancel_job() -> Value {
    changes_a_job("cancel_job", "Cancel a job", "At once if it waits; one that runs is told to stop.")
}

pub(crate) fn retry_job() -> Value {
    changes_a_job("retry_job", "Try a job again", "One that failed or is dead, or waits for its time.")
}

pub(crate) fn edit_job() -> Value {
    let says = "For a job that failed or is dead. The body is all of its arguments.";
    let mut operation = changes_a_job("edit_job", "Change a job's arguments", says);
    operation["requestBody"] = body(&object());
    operation
}

pub(crate) fn discard_job() -> Value {
    changes_a_job("discard_job", "Forget a job", "One that has ended, with its result and its log.")
}

pub(crate) fn replay_jobs() -> Value {
    let answer = json!({ "type": "object", "properties": { "replayed": { "type": "integer" } } });
    let says = "Tries all dead letters of this key again, or those that fit the body.";
    let mut operation = operation("replay_jobs", "Replay dead letters", says, answer);
    let text = json!({ "type": "string" });
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": { "id": text, "tool": text, "queue": text },
        "additionalProperties": false,
    }));
    operation[CONSEQUENTIAL] = true.into();
    operation
}

fn about_a_job(id: &str, summary: &str, description: &str, schema: Value) -> Value {
    let mut operation = operation(id, summary, description, schema);
    operation["parameters"] = json!([in_path("id", "The job's id.")]);
    operation
}

fn changes_a_job(id: &str, summary: &str, description: &str) -> Value {
    let mut operation = about_a_job(id, summary, description, job_schema());
    operation[CONSEQUENTIAL] = true.into();
    operation
}

fn job_schema() -> Value {
    json!({ "type": "object", "properties": { "job": object() } })
}

pub(crate) fn terminal_stream() -> Value {
    let says = "A WebSocket: binary frames are the terminal's bytes, text frames are JSON. docs/rest.md has the words.";
    let mode = json!({ "type": "string", "enum": ["watch", "type"], "default": "type" });
    let mut operation = websocket("terminal_stream", "Join a terminal", says);
    operation["parameters"] = json!([
        in_path("id", "The terminal's id or name."),
        query("mode", "Whether to type, or only to look.", &mode)
    ]);
    operation
}

pub(crate) fn lm_status() -> Value {
    let says = "As MCP LM Terminal answers it, for its clients.";
    operation(
        "lm_terminal_status",
        "Whether terminal and models are there",
        says,
        crate::lm_terminal::status_schema(),
    )
}

pub(crate) fn lm_command() -> Value {
    let says = "Runs a command and waits for its end. As MCP LM Terminal answers it, except that `success` tells the truth.";
    let mut operation =
        operation("lm_terminal_command", "Run a command", says, crate::lm_terminal::command_schema());
    operation["requestBody"] = body(&json!({
        "type": "object",
        "properties": {
            "cmd": { "type": "string", "description": "What a shell shall run." },
            "timeout": { "type": "integer", "minimum": 0, "description": "In seconds; 0 means 20, and more than 600 means 600." },
        },
        "required": ["cmd"],
    }));
    operation["responses"]["422"] =
        answered("application/json", "The body is not as it should be.", &object());
    operation[CONSEQUENTIAL] = true.into();
    operation
}

pub(crate) fn lm_stream() -> Value {
    let says = "A WebSocket: each text frame to us is one command line, each from us a JSON object. For MCP LM Terminal's clients.";
    websocket("lm_terminal_stream", "A shell, line by line", says)
}

pub(super) fn operation(id: &str, summary: &str, description: &str, schema: Value) -> Value {
    json!({
        "operationId": id,
        "summary": cut(summary),
        "description": cut(description),
        "responses": {
            "200": answered("application/json", "What came of it.", &schema),
            "default": answered(PROBLEM_JSON, "What went wrong (RFC 9457).", &problem()),
        },
    })
}

fn websocket(id: &str, summary: &str, description: &str) -> Value {
    json!({
        "operationId": id,
        "summary": cut(summary),
        "description": cut(description),
        "responses": {
            "101": { "description": "The WebSocket is open." },
            "default": answered(PROBLEM_JSON, "What went wrong (RFC 9457).", &problem()),
        },
    })
}

/// The answer of a tool. Importers want an object's members spelled out.
fn result(structured: Option<Value>) -> Value {
    let mut members: Map<String, Value> = Map::new();
    members.insert(
        "is_error".to_owned(),
        json!({ "type": "boolean", "description": "The tool could not do it; `content` says why." }),
    );
    members.insert(
        "content".to_owned(),
        json!({ "type": "array", "items": object(), "description": "For models: blocks of text and more." }),
    );
    members.insert("structured".to_owned(), structured.unwrap_or_else(object));
    json!({ "type": "object", "properties": members, "required": ["is_error", "content"] })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What happened, why, and what to do." },
        },
        "required": ["type", "title", "status", "detail"],
    })
}

pub(super) fn body(schema: &Value) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

fn answered(media_type: &str, says: &str, schema: &Value) -> Value {
    json!({ "description": says, "content": { media_type: { "schema": schema } } })
}

fn text(says: &str) -> Value {
    answered("text/plain", says, &json!({ "type": "string" }))
}

pub(super) fn in_path(name: &str, says: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": says, "schema": { "type": "string" } })
}

pub(super) fn query(name: &str, says: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": says, "schema": schema })
}

/// An object of which no more is said.
pub(super) fn object() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": true })
}

pub(super) fn said(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

/// The text, or as many of its words as fit.
fn cut(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(SUMMARY_CHARACTERS_MAX) else { return text.to_owned() };
    // One place is for the sign that something is left out.
    let fitting = text[..end].char_indices().next_back().map_or("", |(last, _)| &text[..last]);
    let whole_words = fitting.rfind(char::is_whitespace).map_or(fitting, |space| &fitting[..space]);
    format!("{}…", whole_words.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_descriptions_are_cut_between_words() {
        let fits = "é".repeat(SUMMARY_CHARACTERS_MAX);
        assert_eq!(cut(&fits), fits);
        let long = format!("{} end", "word ".repeat(100));
        let cut = cut(&long);
        assert!(cut.chars().count() <= SUMMARY_CHARACTERS_MAX && cut.ends_with("word…"), "{cut}");
        assert_eq!(super::cut(&"x".repeat(400)).chars().count(), SUMMARY_CHARACTERS_MAX);
    }
}
