//! Our question in Ollama's words.

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::json::{arguments, body, spare};
use crate::chat::{
    ChatRequest, Effort, Image, ImageSource, Message, Part, RawJson, ResponseFormat, Role, ToolCall,
    ToolChoice, ToolDefinition, ToolResultPart, words,
};

/// Fields of a request that we know; what is not among them is extra.
const KNOWN: &[&str] = &[
    "model",
    "messages",
    "tools",
    "format",
    "options",
    "stream",
    "think",
    "keep_alive",
    "truncate",
    "shift",
];

/// The body of a chat request.
pub(crate) fn encode(request: &ChatRequest) -> Vec<u8> {
    body(&Body::of(request))
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<u64>,
    options: Options<'a>,
    /// Streams unless told not to.
    stream: bool,
    /// An over-long prompt would be cut in silence without these.
    truncate: bool,
    shift: bool,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Serialize)]
struct Options<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_predict: Option<u64>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Format<'a> {
    Word(&'static str),
    Schema(&'a RawJson),
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a RawJson,
}

#[derive(Serialize, Default)]
struct WireMessage<'a> {
    role: &'static str,
    content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    thinking: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: RawJson,
}

impl<'a> Body<'a> {
    fn of(request: &'a ChatRequest) -> Self {
        Self {
            model: &request.model,
            messages: request.messages.iter().flat_map(|message| messages(request, message)).collect(),
            tools: tools(request),
            format: request.response_format.as_ref().and_then(format),
            think: request.effort.map(think),
            keep_alive: request.ttl_s,
            options: Options {
                temperature: request.temperature,
                top_p: request.top_p,
                top_k: request.top_k,
                min_p: request.min_p,
                repeat_penalty: request.repeat_penalty,
                frequency_penalty: request.frequency_penalty,
                presence_penalty: request.presence_penalty,
                stop: &request.stop,
                seed: request.seed,
                num_predict: request.max_tokens,
            },
            stream: request.stream,
            truncate: false,
            shift: false,
            extra: spare(&request.extra, None, KNOWN),
        }
    }
}

/// The dialect has no `tool_choice`: a model that may not call gets no tools, and one that must call this one gets no
/// other.
fn tools(request: &ChatRequest) -> Vec<Tool<'_>> {
    let wanted = |tool: &&ToolDefinition| match &request.tool_choice {
        Some(ToolChoice::None) => false,
        Some(ToolChoice::Named(name)) => tool.name == *name,
        _ => true,
    };
    request.tools.iter().filter(wanted).map(tool).collect()
}

fn tool(tool: &ToolDefinition) -> Tool<'_> {
    let function =
        Function { name: &tool.name, description: &tool.description, parameters: &tool.parameters };
    Tool { r#type: "function", function }
}

fn format(format: &ResponseFormat) -> Option<Format<'_>> {
    match format {
        ResponseFormat::Text => None,
        ResponseFormat::Json => Some(Format::Word("json")),
        ResponseFormat::Schema { schema, .. } => Some(Format::Schema(schema)),
    }
}

/// Some models think or do not; some think more or less.
fn think(wanted: Effort) -> Value {
    match wanted {
        Effort::None => Value::from(false),
        Effort::Minimal | Effort::Low => Value::from("low"),
        Effort::Medium => Value::from("medium"),
        Effort::High | Effort::Max => Value::from("high"),
    }
}

fn messages<'a>(request: &'a ChatRequest, message: &'a Message) -> Vec<WireMessage<'a>> {
    match message.role {
        Role::Tool => message
            .parts
            .iter()
            .filter_map(Part::as_tool_result)
            .map(|result| told(request, result))
            .collect(),
        _ => vec![spoken(message)],
    }
}

fn told<'a>(request: &'a ChatRequest, result: &'a ToolResultPart) -> WireMessage<'a> {
    WireMessage {
        role: "tool",
        content: words(&result.parts),
        images: images(&result.parts),
        tool_name: request.tool_of_call(&result.call),
        tool_call_id: Some(&result.call),
        ..WireMessage::default()
    }
}

fn spoken(message: &Message) -> WireMessage<'_> {
    WireMessage {
        role: match message.role {
            Role::System => "system",
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
        },
        content: message.words(),
        thinking: message.reasoning(),
        images: images(&message.parts),
        tool_calls: message.tool_calls().map(called).collect(),
        ..WireMessage::default()
    }
}

/// Pictures at addresses were refused before.
fn images(parts: &[Part]) -> Vec<&str> {
    parts.iter().filter_map(Part::as_image).filter_map(base64_of).collect()
}

fn base64_of(image: &Image) -> Option<&str> {
    match &image.source {
        ImageSource::Data { base64, .. } => Some(base64),
        ImageSource::Url { .. } => None,
    }
}

fn called(call: &ToolCall) -> Call<'_> {
    Call { id: &call.id, function: Called { name: &call.name, arguments: arguments(&call.arguments) } }
}
