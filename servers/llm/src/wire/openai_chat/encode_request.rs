//! Our question in the words of chat completions.

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::json::{body, spare};
use super::{Flavour, KNOWN};
use crate::chat::{
    ChatRequest, Document, Effort, Family, Image, Message, Part, RawJson, ResponseFormat, Role, ToolCall,
    ToolChoice, ToolDefinition, ToolResultPart,
};

/// The body of the request.
pub(crate) fn encode(request: &ChatRequest, flavour: Flavour) -> Vec<u8> {
    body(&Body::of(request, flavour))
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Typed<'a, Function<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
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
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Typed<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    r#type: &'static str,
    function: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Value>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: &'a RawJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Word(&'static str),
    Named { r#type: &'static str, function: Name<'a> },
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format<'a> {
    Text,
    JsonObject,
    JsonSchema { json_schema: Schema<'a> },
}

#[derive(Serialize)]
struct Schema<'a> {
    name: &'a str,
    schema: &'a RawJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize, Default)]
struct WireMessage<'a> {
    role: &'static str,
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Typed<'a, Called<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(String),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WirePart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
    File { file: WireFile<'a> },
}

#[derive(Serialize)]
struct WireFile<'a> {
    filename: &'a str,
    file_data: String,
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> Body<'a> {
    fn of(request: &'a ChatRequest, flavour: Flavour) -> Self {
        let openai = flavour == Flavour::OpenAi;
        Self {
            model: &request.model,
            messages: messages(&request.messages, flavour),
            stream: request.stream,
            stream_options: request.stream.then_some(StreamOptions { include_usage: true }),
            tools: request.tools.iter().map(tool).collect(),
            tool_choice: request.tool_choice.as_ref().map(choice),
            parallel_tool_calls: request.parallel_tool_calls,
            temperature: request.temperature,
            top_p: request.top_p,
            top_k: request.top_k.filter(|_| !openai),
            min_p: request.min_p.filter(|_| !openai),
            repeat_penalty: request.repeat_penalty.filter(|_| !openai),
            frequency_penalty: request.frequency_penalty,
            presence_penalty: request.presence_penalty,
            stop: &request.stop,
            seed: request.seed,
            max_tokens: request.max_tokens.filter(|_| !openai),
            max_completion_tokens: request.max_tokens.filter(|_| openai),
            ttl: request.ttl_s.filter(|_| flavour == Flavour::LmStudio),
            response_format: request.response_format.as_ref().map(format),
            reasoning_effort: request.effort.map(effort),
            user: request.user.as_deref(),
            extra: spare(&request.extra, Some(Family::OpenAiChat), KNOWN),
        }
    }
}

fn tool(tool: &ToolDefinition) -> Typed<'_, Function<'_>> {
    let function = Function {
        name: &tool.name,
        description: &tool.description,
        parameters: &tool.parameters,
        strict: tool.strict,
    };
    Typed { id: None, r#type: "function", function, extra_content: None }
}

fn choice(choice: &ToolChoice) -> Choice<'_> {
    match choice {
        ToolChoice::Auto => Choice::Word("auto"),
        ToolChoice::None => Choice::Word("none"),
        ToolChoice::Required => Choice::Word("required"),
        ToolChoice::Named(name) => Choice::Named { r#type: "function", function: Name { name } },
    }
}

fn format(format: &ResponseFormat) -> Format<'_> {
    match format {
        ResponseFormat::Text => Format::Text,
        ResponseFormat::Json => Format::JsonObject,
        ResponseFormat::Schema { name, schema, strict } => {
            Format::JsonSchema { json_schema: Schema { name, schema, strict: *strict } }
        }
    }
}

/// OpenAI's word for it, in both of its dialects.
pub(crate) fn effort(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max => "xhigh",
    }
}

fn messages(messages: &[Message], flavour: Flavour) -> Vec<WireMessage<'_>> {
    let mut out = Vec::with_capacity(messages.len());
    // Results of tools carry no pictures and files here: they follow in a user's message once all results have been told.
    let mut pictures = Vec::new();
    for message in messages {
        if message.role != Role::Tool {
            flush(&mut pictures, &mut out);
        }
        match message.role {
            Role::Tool => results(message, &mut pictures, &mut out),
            _ => out.push(spoken(message, flavour)),
        }
    }
    flush(&mut pictures, &mut out);
    out
}

fn flush<'a>(pictures: &mut Vec<WirePart<'a>>, out: &mut Vec<WireMessage<'a>>) {
    if !pictures.is_empty() {
        let content = Some(Content::Parts(std::mem::take(pictures)));
        out.push(WireMessage { role: "user", content, ..WireMessage::default() });
    }
}

fn results<'a>(message: &'a Message, pictures: &mut Vec<WirePart<'a>>, out: &mut Vec<WireMessage<'a>>) {
    for result in message.parts.iter().filter_map(Part::as_tool_result) {
        pictures.extend(result.parts.iter().filter(|part| part.as_text().is_none()).filter_map(part));
        out.push(told(result));
    }
}

fn told(result: &ToolResultPart) -> WireMessage<'_> {
    let words = crate::chat::words(&result.parts);
    let has_picture =
        result.parts.iter().any(|part| part.as_image().is_some() || part.as_document().is_some());
    let words = if words.is_empty() && has_picture { "(shown below)".to_owned() } else { words };
    WireMessage {
        role: "tool",
        content: Some(Content::Text(words)),
        tool_call_id: Some(&result.call),
        ..WireMessage::default()
    }
}

fn spoken(message: &Message, flavour: Flavour) -> WireMessage<'_> {
    let reasoning = (flavour == Flavour::LlamaCpp).then(|| message.reasoning());
    WireMessage {
        role: match message.role {
            Role::System => "system",
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
        },
        content: content(message),
        name: message.name.as_deref(),
        reasoning_content: reasoning.filter(|words| !words.is_empty()),
        tool_calls: message.tool_calls().map(called).collect(),
        tool_call_id: None,
    }
}

fn content(message: &Message) -> Option<Content<'_>> {
    if message.parts.iter().any(|part| matches!(part, Part::Image(_) | Part::File(_))) {
        return Some(Content::Parts(message.parts.iter().filter_map(part).collect()));
    }
    let words = message.words();
    let silent = words.is_empty() && message.tool_calls().next().is_some();
    (!silent).then_some(Content::Text(words))
}

fn part(part: &Part) -> Option<WirePart<'_>> {
    match part {
        Part::Text { text } => Some(WirePart::Text { text }),
        Part::Image(image) => Some(picture(image)),
        Part::File(document) => file(document),
        _ => None,
    }
}

/// Texts have become words before, and addresses were refused.
fn file(document: &Document) -> Option<WirePart<'_>> {
    let file_data = document.data_url()?;
    Some(WirePart::File { file: WireFile { filename: &document.name, file_data } })
}

fn picture(image: &Image) -> WirePart<'_> {
    WirePart::ImageUrl { image_url: ImageUrl { url: image.url(), detail: image.detail.as_deref() } }
}

fn called(call: &ToolCall) -> Typed<'_, Called<'_>> {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    Typed {
        id: Some(&call.id),
        r#type: "function",
        function: Called { name: &call.name, arguments },
        extra_content: call.seal.as_deref().map(sealed),
    }
}

/// Where Google's own version of this dialect puts the signature of a thought.
pub(crate) fn sealed(seal: &str) -> Value {
    serde_json::json!({ "google": { "thought_signature": seal } })
}
