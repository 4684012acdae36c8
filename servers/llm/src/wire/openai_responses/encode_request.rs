//! Our question in the words of responses.

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::json::{body, spare};
use super::super::openai_chat::encode_request::effort;
use super::super::seal::Maker;
use super::KNOWN;
use crate::chat::{
    ChatRequest, Document, DocumentSource, Family, Image, Message, Part, RawJson, Reasoning, ResponseFormat,
    Role, ToolCall, ToolChoice, ToolDefinition, ToolResultPart,
};

/// The body of the request.
pub(crate) fn encode(request: &ChatRequest) -> Vec<u8> {
    body(&Body::of(request))
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    /// Nothing stays with OpenAI; so thoughts have to come to us, sealed.
    store: bool,
    include: [&'static str; 1],
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: &'a RawJson,
    /// Strict unless told otherwise, and then many schemas are refused.
    strict: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Word(&'static str),
    Named { r#type: &'static str, name: &'a str },
}

#[derive(Serialize)]
struct Text<'a> {
    format: Format<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format<'a> {
    Text,
    JsonObject,
    JsonSchema {
        name: &'a str,
        schema: &'a RawJson,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

#[derive(Serialize)]
struct Thinking {
    effort: &'static str,
    summary: &'static str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message { role: &'static str, content: Vec<Content<'a>> },
    FunctionCall { call_id: &'a str, name: &'a str, arguments: &'a str },
    FunctionCallOutput { call_id: &'a str, output: Output<'a> },
    Reasoning { summary: Vec<Content<'a>>, encrypted_content: &'a str },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Output<'a> {
    Words(String),
    Parts(Vec<Content<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content<'a> {
    InputText {
        text: &'a str,
    },
    OutputText {
        text: &'a str,
    },
    SummaryText {
        text: &'a str,
    },
    InputFile(WireFile<'a>),
    InputImage {
        image_url: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
    },
}

/// OpenAI fetches what is at an address itself; it takes no name then.
#[derive(Serialize)]
#[serde(untagged)]
enum WireFile<'a> {
    Data { filename: &'a str, file_data: String },
    Url { file_url: &'a str },
}

impl<'a> Body<'a> {
    fn of(request: &'a ChatRequest) -> Self {
        Self {
            model: &request.model,
            input: request.messages.iter().flat_map(items).collect(),
            tools: request.tools.iter().map(tool).collect(),
            tool_choice: request.tool_choice.as_ref().map(choice),
            parallel_tool_calls: request.parallel_tool_calls,
            temperature: request.temperature,
            top_p: request.top_p,
            max_output_tokens: request.max_tokens,
            text: request.response_format.as_ref().map(|format| Text { format: self::format(format) }),
            reasoning: request.effort.map(|wanted| Thinking { effort: effort(wanted), summary: "auto" }),
            user: request.user.as_deref(),
            stream: request.stream,
            store: false,
            include: ["reasoning.encrypted_content"],
            extra: spare(&request.extra, Some(Family::OpenAiResponses), KNOWN),
        }
    }
}

fn tool(tool: &ToolDefinition) -> Tool<'_> {
    Tool {
        r#type: "function",
        name: &tool.name,
        description: &tool.description,
        parameters: &tool.parameters,
        strict: tool.strict.unwrap_or(false),
    }
}

fn choice(choice: &ToolChoice) -> Choice<'_> {
    match choice {
        ToolChoice::Auto => Choice::Word("auto"),
        ToolChoice::None => Choice::Word("none"),
        ToolChoice::Required => Choice::Word("required"),
        ToolChoice::Named(name) => Choice::Named { r#type: "function", name },
    }
}

fn format(format: &ResponseFormat) -> Format<'_> {
    match format {
        ResponseFormat::Text => Format::Text,
        ResponseFormat::Json => Format::JsonObject,
        ResponseFormat::Schema { name, schema, strict } => {
            Format::JsonSchema { name, schema, strict: *strict }
        }
    }
}

/// A message is one item for what it says, and one for each of its thoughts, calls and results, in their order.
fn items(message: &Message) -> Vec<Item<'_>> {
    let role = match message.role {
        Role::System => "system",
        Role::Assistant => "assistant",
        Role::User | Role::Tool => "user",
    };
    let mut out: Vec<Item<'_>> = Vec::new();
    for part in &message.parts {
        match (content(part, message.role), out.last_mut()) {
            (Some(said), Some(Item::Message { content, .. })) => content.push(said),
            (Some(said), _) => out.push(Item::Message { role, content: vec![said] }),
            (None, _) => out.extend(item(part)),
        }
    }
    out
}

fn content(part: &Part, role: Role) -> Option<Content<'_>> {
    match part {
        Part::Text { text } if role == Role::Assistant => Some(Content::OutputText { text }),
        Part::Text { text } => Some(Content::InputText { text }),
        Part::Image(image) => Some(picture(image)),
        Part::File(document) => file(document),
        _ => None,
    }
}

/// Texts have become words before.
fn file(document: &Document) -> Option<Content<'_>> {
    Some(Content::InputFile(match &document.source {
        DocumentSource::Url { url } => WireFile::Url { file_url: url },
        _ => WireFile::Data { filename: &document.name, file_data: document.data_url()? },
    }))
}

fn picture(image: &Image) -> Content<'_> {
    Content::InputImage { image_url: image.url(), detail: image.detail.as_deref() }
}

fn item(part: &Part) -> Option<Item<'_>> {
    match part {
        Part::ToolCall(call) => Some(called(call)),
        Part::ToolResult(result) => {
            Some(Item::FunctionCallOutput { call_id: &result.call, output: output(result) })
        }
        Part::Reasoning(thought) => reasoning(thought),
        Part::Text { .. } | Part::Image(_) | Part::File(_) => None,
    }
}

fn called(call: &ToolCall) -> Item<'_> {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    Item::FunctionCall { call_id: &call.id, name: &call.name, arguments }
}

fn output(result: &ToolResultPart) -> Output<'_> {
    if result.parts.iter().all(|part| part.as_text().is_some()) {
        return Output::Words(crate::chat::words(&result.parts));
    }
    Output::Parts(result.parts.iter().filter_map(|part| content(part, Role::User)).collect())
}

/// Thoughts that OpenAI did not seal would be refused.
fn reasoning(thought: &Reasoning) -> Option<Item<'_>> {
    let encrypted_content = Maker::OpenAi.off(thought.seal.as_deref()?)?;
    let summary =
        if thought.text.is_empty() { vec![] } else { vec![Content::SummaryText { text: &thought.text }] };
    Some(Item::Reasoning { summary, encrypted_content })
}
