//! Each operation of the document.

use drawbridge_contract::ToolSpec;
use serde_json::{Map, Value, json};

use super::schema::{part, placed};
use crate::limits::SUMMARY_CHARACTERS_MAX;
use crate::problem::PROBLEM_JSON;

/// Says whether a person should be asked before a model calls it: ChatGPT's importer reads this.
const CONSEQUENTIAL: &str = "x-openai-isConsequential";

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
            "timeout": { "type": "integer", "minimum": 0, "description": "In seconds; 0 means 20." },
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

fn operation(id: &str, summary: &str, description: &str, schema: Value) -> Value {
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

fn body(schema: &Value) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

fn answered(media_type: &str, says: &str, schema: &Value) -> Value {
    json!({ "description": says, "content": { media_type: { "schema": schema } } })
}

fn text(says: &str) -> Value {
    answered("text/plain", says, &json!({ "type": "string" }))
}

fn in_path(name: &str, says: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": says, "schema": { "type": "string" } })
}

fn query(name: &str, says: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": says, "schema": schema })
}

/// An object of which no more is said.
fn object() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": true })
}

fn said(mut schema: Value, description: &str) -> Value {
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
