//! Our question in Gemini's words.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::json::{arguments, body, spare};
use super::super::seal::Maker;
use crate::chat::{
    ChatRequest, Document, DocumentSource, Effort, Image, ImageSource, Message, Part, RawJson,
    ResponseFormat, Role, ToolCall, ToolChoice, ToolDefinition, ToolResultPart, words,
};

/// Google's word for a call that another model made, or whose signature the client did not keep: without a signature on
/// the first call of a round, models since Gemini 3 refuse the conversation.
const UNSIGNED: &str = "skip_thought_signature_validator";
/// Fields of a request that we know; what is not among them is extra.
const KNOWN: &[&str] = &["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "model"];

/// The body of the request; the model is in its path.
pub(crate) fn encode(request: &ChatRequest) -> Vec<u8> {
    body(&Body::of(request))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    generation_config: Config<'a>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Serialize)]
struct Content<'a> {
    role: &'static str,
    parts: Vec<WirePart<'a>>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct WirePart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'a> {
    mime_type: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
struct Call<'a> {
    name: &'a str,
    args: RawJson,
}

#[derive(Serialize)]
struct Response<'a> {
    name: &'a str,
    response: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    description: &'a str,
    parameters_json_schema: &'a RawJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<&'a RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Value>,
}

impl<'a> Body<'a> {
    fn of(request: &'a ChatRequest) -> Self {
        let tools: Vec<_> = request.tools.iter().map(declaration).collect();
        let tools = if tools.is_empty() { Vec::new() } else { vec![Tools { function_declarations: tools }] };
        Self {
            contents: contents(request),
            system_instruction: request.system().map(|words| json!({ "parts": [{ "text": words }] })),
            tools,
            tool_config: request.tool_choice.as_ref().map(choice),
            generation_config: config(request),
            extra: spare(&request.extra, None, KNOWN),
        }
    }
}

fn config(request: &ChatRequest) -> Config<'_> {
    let (mime, schema) = match request.response_format.as_ref() {
        None | Some(ResponseFormat::Text) => (None, None),
        Some(ResponseFormat::Json) => (Some("application/json"), None),
        Some(ResponseFormat::Schema { schema, .. }) => (Some("application/json"), Some(schema)),
    };
    Config {
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k,
        max_output_tokens: request.max_tokens,
        stop_sequences: &request.stop,
        seed: request.seed,
        presence_penalty: request.presence_penalty,
        frequency_penalty: request.frequency_penalty,
        response_mime_type: mime,
        response_json_schema: schema,
        thinking_config: request.effort.map(thinking),
    }
}

/// Google's own numbers for OpenAI's words.
fn thinking(effort: Effort) -> Value {
    let budget_tokens = match effort {
        Effort::None => 0,
        Effort::Minimal | Effort::Low => 1_024,
        Effort::Medium => 8_192,
        Effort::High | Effort::Max => 24_576,
    };
    json!({ "thinkingBudget": budget_tokens, "includeThoughts": effort != Effort::None })
}

fn declaration(tool: &ToolDefinition) -> Declaration<'_> {
    Declaration { name: &tool.name, description: &tool.description, parameters_json_schema: &tool.parameters }
}

fn choice(choice: &ToolChoice) -> Value {
    let config = match choice {
        ToolChoice::Auto => json!({ "mode": "AUTO" }),
        ToolChoice::None => json!({ "mode": "NONE" }),
        ToolChoice::Required => json!({ "mode": "ANY" }),
        ToolChoice::Named(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
    };
    json!({ "functionCallingConfig": config })
}

/// Neighbours of the same role become one: the results of one round must stand together.
fn contents(request: &ChatRequest) -> Vec<Content<'_>> {
    let mut out: Vec<Content<'_>> = Vec::new();
    for message in request.conversation() {
        let role = if message.role == Role::Assistant { "model" } else { "user" };
        let parts = parts(request, message);
        match out.last_mut().filter(|last| last.role == role) {
            Some(last) => last.parts.extend(parts),
            None => out.push(Content { role, parts }),
        }
    }
    out.retain(|content| !content.parts.is_empty());
    out
}

/// A message's parts; pictures in results of tools stand behind the results.
fn parts<'a>(request: &'a ChatRequest, message: &'a Message) -> Vec<WirePart<'a>> {
    let results = message.parts.iter().filter_map(Part::as_tool_result);
    let shown = results.flat_map(|result| &result.parts).filter(|part| part.as_text().is_none());
    let pictures = shown.filter_map(|part| wire_part(request, part));
    let mut parts: Vec<_> =
        message.parts.iter().filter_map(|part| wire_part(request, part)).chain(pictures).collect();
    if wants_signatures(&request.model) {
        let first = parts.iter_mut().find(|part| part.function_call.is_some());
        first
            .into_iter()
            .for_each(|first| first.thought_signature = first.thought_signature.or(Some(UNSIGNED)));
    }
    parts
}

fn wants_signatures(model: &str) -> bool {
    !["gemini-1", "gemini-2"].iter().any(|older| model.contains(older))
}

fn wire_part<'a>(request: &'a ChatRequest, part: &'a Part) -> Option<WirePart<'a>> {
    match part {
        Part::Text { text } => {
            (!text.is_empty()).then(|| WirePart { text: Some(text), ..WirePart::default() })
        }
        Part::Image(image) => picture(image),
        Part::File(document) => file(document),
        Part::ToolCall(call) => Some(called(call)),
        Part::ToolResult(result) => Some(told(request, result)),
        // Thoughts need not come back, and without their signature may not.
        Part::Reasoning(_) => None,
    }
}

fn called(call: &ToolCall) -> WirePart<'_> {
    WirePart {
        function_call: Some(Call { name: &call.name, args: arguments(&call.arguments) }),
        thought_signature: call.seal.as_deref().and_then(|seal| Maker::Gemini.off(seal)),
        ..WirePart::default()
    }
}

/// Texts have become words before, and addresses were refused.
fn file(document: &Document) -> Option<WirePart<'_>> {
    match &document.source {
        DocumentSource::Data { media_type, base64 } => Some(inline(media_type, base64)),
        DocumentSource::Text { .. } | DocumentSource::Url { .. } => None,
    }
}

fn inline<'a>(mime_type: &'a str, data: &'a str) -> WirePart<'a> {
    WirePart { inline_data: Some(Blob { mime_type, data }), ..WirePart::default() }
}

/// Pictures at addresses were refused before.
fn picture(image: &Image) -> Option<WirePart<'_>> {
    match &image.source {
        ImageSource::Data { media_type, base64 } => Some(inline(media_type, base64)),
        ImageSource::Url { .. } => None,
    }
}

fn told<'a>(request: &'a ChatRequest, result: &'a ToolResultPart) -> WirePart<'a> {
    let key = if result.is_error { "error" } else { "output" };
    let name = request.tool_of_call(&result.call).unwrap_or(&result.call);
    let response = Response { name, response: json!({ key: words(&result.parts) }) };
    WirePart { function_response: Some(response), ..WirePart::default() }
}
