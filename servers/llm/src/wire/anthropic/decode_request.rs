//! A client's question in Anthropic's words.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::json::{Mixed, invalid, or_default, question};
use super::super::openai_chat::decode_request::{effort as effort_word, kept_elsewhere, untranslatable};
use crate::chat::{
    ChatRequest, Document, Effort, Extra, Failure, Family, Image, Message, Part, RawJson, Reasoning,
    ResponseFormat, Role, ToolCall, ToolChoice, ToolDefinition, ToolResultPart,
};

/// Budgets of thinking up to these numbers of tokens are a low and a medium effort.
const BUDGET_LOW_TOKENS: u64 = 4_096;
const BUDGET_MEDIUM_TOKENS: u64 = 16_384;

/// Our question from the body of the request.
pub(crate) fn decode(bytes: &[u8]) -> Result<ChatRequest, Failure> {
    question::<Ask>(bytes)?.translated()
}

#[derive(Deserialize)]
struct Ask {
    model: String,
    messages: Vec<WireMessage>,
    #[serde(default)]
    system: Option<Content>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    tools: Vec<Tool>,
    #[serde(default)]
    tool_choice: Option<Choice>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    top_p: Option<f64>,
    #[serde(default)]
    top_k: Option<u32>,
    #[serde(default, deserialize_with = "or_default")]
    stop_sequences: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    stream: bool,
    #[serde(default)]
    thinking: Option<Thinking>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default, deserialize_with = "or_default")]
    output_config: OutputConfig,
    /// What `output_config.format` was while it was new.
    #[serde(default)]
    output_format: Option<Format>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct WireMessage {
    role: String,
    content: Content,
}

type Content = Mixed<Block>;

#[derive(Deserialize)]
struct Block {
    r#type: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    input: Option<RawJson>,
    #[serde(default)]
    tool_use_id: Option<String>,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default, deserialize_with = "or_default")]
    is_error: bool,
    #[serde(default)]
    title: Option<String>,
    /// Of a document: what the model is to know of it.
    #[serde(default)]
    context: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    r#type: String,
    /// Of a document that is made of words: a text, or blocks of it.
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct Tool {
    #[serde(default)]
    r#type: Option<String>,
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    input_schema: Option<RawJson>,
    #[serde(default)]
    strict: Option<bool>,
}

#[derive(Deserialize)]
struct Choice {
    r#type: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Deserialize)]
struct Thinking {
    r#type: String,
    #[serde(default)]
    budget_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    user_id: Option<String>,
}

#[derive(Deserialize, Default)]
struct OutputConfig {
    #[serde(default)]
    effort: Option<String>,
    #[serde(default)]
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    schema: RawJson,
}

impl Ask {
    fn translated(self) -> Result<ChatRequest, Failure> {
        let mut messages = Vec::with_capacity(self.messages.len() + 1);
        if let Some(system) = self.system {
            messages.push(Message::of(Role::System, parts_of(system)?));
        }
        for message in self.messages {
            message.translated(&mut messages)?;
        }
        let format = self.output_config.format.or(self.output_format);
        let effort = match self.output_config.effort.as_deref() {
            Some(word) => Some(effort_word(word)?),
            None => self.thinking.as_ref().and_then(Thinking::effort),
        };
        let single = self.tool_choice.as_ref().and_then(|choice| choice.disable_parallel_tool_use);
        Ok(ChatRequest {
            model: self.model,
            messages,
            tools: self.tools.into_iter().map(Tool::translated).collect::<Result<_, _>>()?,
            tool_choice: self.tool_choice.map(Choice::translated).transpose()?,
            parallel_tool_calls: single.map(|single| !single),
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            stop: self.stop_sequences,
            max_tokens: self.max_tokens,
            response_format: format.map(Format::translated),
            effort,
            user: self.metadata.and_then(|metadata| metadata.user_id),
            stream: self.stream,
            extra: Extra::of(Family::Anthropic, self.extra),
            ..ChatRequest::default()
        })
    }
}

fn parts_of(content: Content) -> Result<Vec<Part>, Failure> {
    match content {
        Mixed::Text(text) => Ok(vec![Part::text(text)]),
        Mixed::List(blocks) => {
            let mut parts = Vec::with_capacity(blocks.len());
            for mut block in blocks {
                parts.extend(block.context.take().filter(|words| !words.trim().is_empty()).map(about));
                parts.push(block.translated()?);
            }
            Ok(parts)
        }
    }
}

/// What is to be known of the document that follows: no other dialect has a place for it in the document.
fn about(context: String) -> Part {
    Part::text(format!("\nAbout the document that follows: {context}\n"))
}

impl WireMessage {
    /// Results of tools stand in a user's message here; with us they have one of their own, before what the user says.
    fn translated(self, out: &mut Vec<Message>) -> Result<(), Failure> {
        let role = match self.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            other => return Err(invalid(format!("a message has the unknown role {other:?}"))),
        };
        let (results, said): (Vec<_>, Vec<_>) =
            parts_of(self.content)?.into_iter().partition(|part| part.as_tool_result().is_some());
        if !results.is_empty() {
            out.push(Message::of(Role::Tool, results));
        }
        if !said.is_empty() {
            out.push(Message::of(role, said));
        }
        Ok(())
    }
}

impl Block {
    fn translated(self) -> Result<Part, Failure> {
        let kind = self.r#type;
        match kind.as_str() {
            "text" => self.text.map(Part::text),
            "image" => self.source.and_then(Source::image).map(Part::Image),
            "document" => return document(self.title, self.source),
            "thinking" => Some(thought(self.thinking.unwrap_or_default(), self.signature, false)),
            "redacted_thinking" => self.data.map(|data| thought(String::new(), Some(data), true)),
            "tool_use" => called(self.id, self.name, self.input),
            "tool_result" => return told(self.tool_use_id, self.content, self.is_error),
            _ => None,
        }
        .ok_or_else(|| untranslatable(&kind))
    }
}

fn thought(text: String, seal: Option<String>, redacted: bool) -> Part {
    Part::Reasoning(Reasoning { text, seal: seal.filter(|seal| !seal.is_empty()), redacted })
}

fn called(id: Option<String>, name: Option<String>, input: Option<RawJson>) -> Option<Part> {
    let arguments = input.map_or_else(|| "{}".to_owned(), |input| input.get().to_owned());
    Some(Part::ToolCall(ToolCall { id: id?, name: name?, arguments, seal: None }))
}

fn told(call: Option<String>, content: Option<Content>, is_error: bool) -> Result<Part, Failure> {
    let call = call.ok_or_else(|| invalid("a tool_result says with tool_use_id which call it answers"))?;
    let parts = content.map(parts_of).transpose()?.unwrap_or_default();
    Ok(Part::ToolResult(ToolResultPart { call, parts, is_error }))
}

fn document(title: Option<String>, source: Option<Source>) -> Result<Part, Failure> {
    let source = source.ok_or_else(|| invalid("a document has a source"))?;
    match (source.r#type.as_str(), source.data, source.url, source.content) {
        ("base64", Some(data), ..) => {
            let media_type = source.media_type.unwrap_or_default();
            Part::file_of(title, &media_type, &data).map_err(|error| invalid(error.to_string()))
        }
        ("text", Some(text), ..) => Ok(Part::File(Document::text(title, text))),
        ("url", _, Some(url), _) => Ok(Part::File(Document::at(title, url))),
        ("content", _, _, Some(content)) => written(title, content),
        ("file", ..) => Err(kept_elsewhere("source of type base64 or text")),
        (other, ..) => Err(invalid(format!("a document's source of type {other:?} cannot be read"))),
    }
}

/// A document of several pieces, all of which are words.
fn written(title: Option<String>, content: Content) -> Result<Part, Failure> {
    let parts = parts_of(content)?;
    if parts.iter().any(|part| part.as_text().is_none()) {
        return Err(invalid(
            "a document whose content is more than text cannot be given to this model: put its pictures beside it",
        ));
    }
    let pieces: Vec<&str> = parts.iter().filter_map(Part::as_text).collect();
    Ok(Part::File(Document::text(title, pieces.join("\n\n"))))
}

impl Source {
    fn image(self) -> Option<Image> {
        match self.r#type.as_str() {
            "base64" => Some(Image::data(self.media_type?, self.data?)),
            "url" => Some(Image::at(&self.url?)),
            _ => None,
        }
    }
}

impl Tool {
    fn translated(self) -> Result<ToolDefinition, Failure> {
        let custom = self.r#type.as_deref().is_none_or(|kind| kind == "custom");
        let parameters = self.input_schema.filter(|_| custom).ok_or_else(|| {
            invalid(format!(
                "the tool {:?} has no input_schema of its own: only such tools can be given to this model",
                self.name
            ))
        })?;
        Ok(ToolDefinition {
            name: self.name,
            description: self.description.unwrap_or_default(),
            parameters,
            strict: self.strict,
        })
    }
}

impl Choice {
    fn translated(self) -> Result<ToolChoice, Failure> {
        match (self.r#type.as_str(), self.name) {
            ("auto", _) => Ok(ToolChoice::Auto),
            ("any", _) => Ok(ToolChoice::Required),
            ("none", _) => Ok(ToolChoice::None),
            ("tool", Some(name)) => Ok(ToolChoice::Named(name)),
            _ => Err(invalid("tool_choice is auto, any, none, or tool with a name")),
        }
    }
}

impl Thinking {
    fn effort(&self) -> Option<Effort> {
        match (self.r#type.as_str(), self.budget_tokens) {
            ("disabled", _) => Some(Effort::None),
            ("enabled", Some(..=BUDGET_LOW_TOKENS)) => Some(Effort::Low),
            ("enabled", Some(..=BUDGET_MEDIUM_TOKENS)) => Some(Effort::Medium),
            ("enabled", _) => Some(Effort::High),
            _ => None,
        }
    }
}

impl Format {
    fn translated(self) -> ResponseFormat {
        ResponseFormat::Schema { name: "answer".to_owned(), schema: self.schema, strict: Some(true) }
    }
}
