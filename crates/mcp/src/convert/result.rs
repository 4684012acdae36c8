//! Results, in the words of each revision.

use std::borrow::Cow;

use drawbridge_contract::{
    Abilities, Answer, Content, InputRequest, InputRequired, Outcome, PromptResult, RawValue, Refusal,
    ResourceResult, Suggestions, ToolResult,
};
use serde_json::{Value, json};

use super::ask::{lacking, method_of, write_params};
use super::{Purpose, refusal};
use crate::encode::{Object, Reply, SERVER_INFO, write_value};
use crate::envelope::Id;
use crate::error::WireError;
use crate::meta::needed_capabilities;
use crate::version::Version;

const SERVER_INFO_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// The reply to a call. `able` is what the host can be asked.
pub(crate) fn outcome(
    version: Version,
    id: &Id,
    purpose: &Purpose,
    able: Abilities,
    outcome: Result<Outcome<Answer>, Refusal>,
) -> Reply {
    match outcome {
        Ok(Outcome::Complete(Answer::Tool(result))) => tool(version, id, &result),
        Ok(Outcome::Complete(Answer::Resource(result))) => resource(version, id, &result),
        Ok(Outcome::Complete(Answer::Prompt(result))) => prompt(version, id, &result),
        // No method of the protocol asks for a stream.
        Ok(Outcome::Complete(Answer::Stream(_) | Answer::Exchange(_))) => {
            refusal(version, id, purpose, &Refusal::Internal("stream".into()))
        }
        Ok(Outcome::InputRequired(needed)) => input_required(version, id, &needed, able),
        Ok(Outcome::Accepted(job)) => tool(version, id, &accepted(&job)),
        Err(why) => refusal(version, id, purpose, &why),
    }
}

fn accepted(job: &str) -> ToolResult {
    ToolResult::text_and(&format!("accepted: it runs in the background as job {job}"), &json!({ "job": job }))
}

pub(crate) fn tool(version: Version, id: &Id, result: &ToolResult) -> Reply {
    Reply::object(id, result.size_bytes() + 256, |object| {
        begin(version, object);
        write_tool(version, object, result);
        end(version, object, result.meta.as_deref());
    })
}

/// The members of a tool's result, without `_meta`.
pub(super) fn write_tool(version: Version, object: &mut Object<'_>, result: &ToolResult) {
    object.raw("content", &content_for(version, &result.content));
    if let Some(structured) = result.structured.as_ref().filter(|_| version.has_structure()) {
        object.raw("structuredContent", structured.get());
    }
    object.raw("isError", if result.is_error { "true" } else { "false" });
}

fn resource(version: Version, id: &Id, result: &ResourceResult) -> Reply {
    let size: usize =
        result.contents.iter().map(|item| size_of(&item.text) + size_of(&item.blob) + 256).sum();
    Reply::object(id, size + 256, |object| {
        begin(version, object);
        object.list("contents", &result.contents, write_value);
        if version.is_modern() {
            // What a file holds now says nothing about the next moment, and is for this caller's eyes.
            object.raw("ttlMs", "0");
            object.raw("cacheScope", r#""private""#);
        }
        end(version, object, None);
    })
}

fn size_of(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

fn prompt(version: Version, id: &Id, result: &PromptResult) -> Reply {
    Reply::object(id, result.messages.get().len() + 256, |object| {
        begin(version, object);
        if let Some(description) = &result.description {
            object.value("description", description);
        }
        object.raw("messages", result.messages.get());
        end(version, object, None);
    })
}

fn input_required(version: Version, id: &Id, needed: &InputRequired, able: Abilities) -> Reply {
    if let Some(lacks) = lacking(needed, able) {
        return Reply::error(Some(id), &WireError::missing_capability(&needed_capabilities(lacks)));
    }
    if needed.requests.is_empty() && needed.state.is_none() {
        return Reply::error(
            Some(id),
            &WireError::internal("the call asks for input without saying for which"),
        );
    }
    Reply::object(id, 512, |object| {
        object.raw("resultType", r#""input_required""#);
        if !needed.requests.is_empty() {
            object.object("inputRequests", |requests| write_requests(version, needed, requests));
        }
        if let Some(state) = &needed.state {
            object.value("requestState", state);
        }
        end(version, object, None);
    })
}

fn write_requests(version: Version, needed: &InputRequired, requests: &mut Object<'_>) {
    for (key, request) in &needed.requests {
        write_request(version, key, request, requests);
    }
}

/// One entry of `inputRequests`.
pub(super) fn write_request(version: Version, key: &str, request: &InputRequest, requests: &mut Object<'_>) {
    requests.keyed_object(key, |entry| {
        entry.value("method", method_of(request));
        entry.object("params", |params| write_params(request, version, params));
    });
}

/// The reply to `completion/complete`.
pub(crate) fn completion(version: Version, id: &Id, suggestions: &Suggestions) -> Reply {
    Reply::object(id, 256, |object| {
        begin(version, object);
        object.object("completion", |completion| {
            completion.value("values", &suggestions.values[..suggestions.values.len().min(Suggestions::MAX)]);
            if let Some(total) = suggestions.total {
                completion.value("total", &total);
            }
            completion.value("hasMore", &suggestions.has_more);
        });
        end(version, object, None);
    })
}

/// How every complete result begins.
pub(crate) fn begin(version: Version, object: &mut Object<'_>) {
    if version.is_modern() {
        object.raw("resultType", r#""complete""#);
    }
}

/// How every result ends: with its own `_meta`, and in the modern era with who we are.
pub(crate) fn end(version: Version, object: &mut Object<'_>, meta: Option<&RawValue>) {
    let says_who = meta.is_some_and(|meta| meta.get().contains(SERVER_INFO_KEY));
    match meta {
        Some(meta) if !version.is_modern() || says_who => object.raw("_meta", meta.get()),
        None if !version.is_modern() => {}
        meta => object.object("_meta", |ours| {
            ours.raw(SERVER_INFO_KEY, SERVER_INFO);
            if let Some(meta) = meta {
                ours.members_of(meta);
            }
        }),
    }
}

/// The content, with blocks that are younger than `version` told in words.
fn content_for(version: Version, content: &Content) -> Cow<'_, str> {
    let text = content.json();
    let has_younger = (!version.has_structure() && text.contains("\"resource_link\""))
        || (!version.has_annotations() && text.contains("\"audio\""));
    if !has_younger {
        return Cow::Borrowed(text);
    }
    let blocks: Vec<Value> =
        content.parse().unwrap_or_default().into_iter().map(|block| in_words(version, block)).collect();
    Cow::Owned(Value::from(blocks).to_string())
}

fn in_words(version: Version, block: Value) -> Value {
    let said = |key: &str| block[key].as_str().unwrap_or("?");
    match block["type"].as_str() {
        Some("resource_link") if !version.has_structure() => {
            json!({ "type": "text", "text": format!("{}: {}", said("name"), said("uri")) })
        }
        Some("audio") if !version.has_annotations() => {
            json!({ "type": "text", "text": format!("[audio, {}, not shown in MCP {}]", said("mimeType"), version.as_str()) })
        }
        _ => block,
    }
}
