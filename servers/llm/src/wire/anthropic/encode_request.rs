//! Our question in Anthropic's words.

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::json::{arguments, body, spare};
use super::super::seal::Maker;
use super::KNOWN;
use crate::chat::{
    ChatRequest, Document, DocumentSource, Effort, Family, Image, ImageSource, Part, RawJson, Reasoning,
    ResponseFormat, Role, ToolChoice, ToolDefinition, ToolResultPart,
};

/// The dialect wants a number; this is what its newer models give at least.
const MAX_TOKENS_DEFAULT: u64 = 8_192;
/// The dialect knows no JSON without a schema, so the model is told.
const JSON_PLEASE: &str = "Answer with one JSON object and nothing else.";

/// The body of the request.
pub(crate) fn encode(request: &ChatRequest) -> Vec<u8> {
    body(&Body::of(request))
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "OutputConfig::is_empty")]
    output_config: OutputConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: &'a RawJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
struct Choice<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_parallel_tool_use: bool,
}

#[derive(Serialize)]
struct Thinking {
    r#type: &'static str,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
}

impl OutputConfig<'_> {
    fn is_empty(&self) -> bool {
        self.effort.is_none() && self.format.is_none()
    }
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    schema: &'a RawJson,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a str,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    Image {
        source: Source<'a>,
    },
    Document {
        title: &'a str,
        source: Source<'a>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: RawJson,
    },
    ToolResult {
        tool_use_id: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Text { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
}

impl<'a> Body<'a> {
    fn of(request: &'a ChatRequest) -> Self {
        // A model that thinks may not be told how to sample.
        let thinks = request.effort.is_some_and(|effort| effort != Effort::None);
        Self {
            model: &request.model,
            max_tokens: request.max_tokens.unwrap_or(MAX_TOKENS_DEFAULT),
            system: system(request),
            messages: messages(request),
            tools: request.tools.iter().map(tool).collect(),
            tool_choice: choice(request),
            temperature: request.temperature.filter(|_| !thinks).map(|warmth| warmth.clamp(0.0, 1.0)),
            top_p: request.top_p.filter(|_| !thinks),
            top_k: request.top_k.filter(|_| !thinks),
            stop_sequences: &request.stop,
            thinking: request.effort.map(thinking),
            output_config: OutputConfig { effort: request.effort.and_then(effort), format: format(request) },
            metadata: request.user.as_deref().map(|user_id| Metadata { user_id }),
            stream: request.stream,
            extra: spare(&request.extra, Some(Family::Anthropic), KNOWN),
        }
    }
}

fn system(request: &ChatRequest) -> Option<String> {
    let words = request.system();
    if request.response_format != Some(ResponseFormat::Json) {
        return words;
    }
    Some(words.map_or_else(|| JSON_PLEASE.to_owned(), |words| format!("{words}\n\n{JSON_PLEASE}")))
}

fn tool(tool: &ToolDefinition) -> Tool<'_> {
    Tool {
        name: &tool.name,
        description: &tool.description,
        input_schema: &tool.parameters,
        strict: tool.strict,
    }
}

fn choice(request: &ChatRequest) -> Option<Choice<'_>> {
    let single = request.parallel_tool_calls == Some(false) && !request.tools.is_empty();
    let (kind, name) = match request.tool_choice.as_ref() {
        None if !single => return None,
        None | Some(ToolChoice::Auto) => ("auto", None),
        Some(ToolChoice::None) => ("none", None),
        Some(ToolChoice::Required) => ("any", None),
        Some(ToolChoice::Named(name)) => ("tool", Some(name.as_str())),
    };
    Some(Choice { r#type: kind, name, disable_parallel_tool_use: single && kind != "none" })
}

fn thinking(effort: Effort) -> Thinking {
    Thinking { r#type: if effort == Effort::None { "disabled" } else { "adaptive" } }
}

fn effort(effort: Effort) -> Option<&'static str> {
    match effort {
        Effort::None => None,
        Effort::Minimal | Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High => Some("high"),
        Effort::Max => Some("max"),
    }
}

fn format(request: &ChatRequest) -> Option<Format<'_>> {
    match request.response_format.as_ref()? {
        ResponseFormat::Schema { schema, .. } => Some(Format { r#type: "json_schema", schema }),
        ResponseFormat::Text | ResponseFormat::Json => None,
    }
}

/// Neighbours of the same role become one message: all results of one round must stand together, and what the user
/// says after them comes behind them.
fn messages(request: &ChatRequest) -> Vec<WireMessage<'_>> {
    let mut out: Vec<WireMessage<'_>> = Vec::new();
    for message in request.conversation() {
        let role = if message.role == Role::Assistant { "assistant" } else { "user" };
        let blocks = message.parts.iter().filter_map(block);
        match out.last_mut().filter(|last| last.role == role) {
            Some(last) => last.content.extend(blocks),
            None => out.push(WireMessage { role, content: blocks.collect() }),
        }
    }
    // The dialect refuses messages and words that are empty.
    out.retain(|message| !message.content.is_empty());
    out
}

fn block(part: &Part) -> Option<Block<'_>> {
    match part {
        Part::Text { text } => (!text.trim().is_empty()).then_some(Block::Text { text }),
        Part::Image(image) => Some(picture(image)),
        Part::File(document) => file(document),
        Part::Reasoning(thought) => reasoning(thought),
        Part::ToolCall(call) => {
            Some(Block::ToolUse { id: &call.id, name: &call.name, input: arguments(&call.arguments) })
        }
        Part::ToolResult(result) => Some(told(result)),
    }
}

/// Thoughts that Anthropic did not seal would be refused.
fn reasoning(thought: &Reasoning) -> Option<Block<'_>> {
    let seal = Maker::Anthropic.off(thought.seal.as_deref()?)?;
    Some(match thought.redacted {
        true => Block::RedactedThinking { data: seal },
        false => Block::Thinking { thinking: &thought.text, signature: seal },
    })
}

/// The dialect refuses texts that are empty.
fn file(document: &Document) -> Option<Block<'_>> {
    let source = match &document.source {
        DocumentSource::Data { media_type, base64 } => Source::Base64 { media_type, data: base64 },
        DocumentSource::Text { text } if text.trim().is_empty() => return None,
        DocumentSource::Text { text } => Source::Text { media_type: "text/plain", data: text },
        DocumentSource::Url { url } => Source::Url { url },
    };
    Some(Block::Document { title: &document.name, source })
}

fn picture(image: &Image) -> Block<'_> {
    let source = match &image.source {
        ImageSource::Data { media_type, base64 } => Source::Base64 { media_type, data: base64 },
        ImageSource::Url { url } => Source::Url { url },
    };
    Block::Image { source }
}

fn told(result: &ToolResultPart) -> Block<'_> {
    let content = result.parts.iter().filter_map(block).collect();
    Block::ToolResult { tool_use_id: &result.call, content, is_error: result.is_error }
}
