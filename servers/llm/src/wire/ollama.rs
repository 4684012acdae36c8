//! Ollama's own dialect (`/api/chat`, `/api/tags`, `/api/ps`, `/api/embed`): lines of JSON. Only what uses models is
//! spoken; what makes, copies, pulls or pushes them is not.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::decoder::ReadAnswer;
use super::embeddings::{EmbedRequest, EmbedResult};
use super::errors::failure_in_stream;
use super::json::{answer, arguments, body, lenient, or_default, spare};
use super::models::{ModelEntry, ModelKind};
use super::sse::Event;
use crate::chat::{
    ChatRequest, Effort, Failure, Image, ImageSource, Message, ModelInfo, Part, Piece, RawJson,
    ResponseFormat, Role, Runtime, Stats, StopReason, ToolCall, ToolChoice, ToolDefinition, ToolResultPart,
    Usage, words,
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

/// A line of an answer, or a whole one.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    model: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    message: Said,
    #[serde(default, deserialize_with = "or_default")]
    done: bool,
    #[serde(default, deserialize_with = "lenient")]
    done_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    load_duration: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    prompt_eval_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    prompt_eval_duration: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    eval_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    eval_duration: Option<f64>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default, deserialize_with = "or_default")]
    content: String,
    #[serde(default, deserialize_with = "or_default")]
    thinking: String,
    #[serde(default, deserialize_with = "or_default")]
    tool_calls: Vec<SaidCall>,
}

#[derive(Deserialize)]
struct SaidCall {
    #[serde(default)]
    id: Option<String>,
    function: SaidFunction,
}

#[derive(Deserialize)]
struct SaidFunction {
    name: String,
    #[serde(default)]
    arguments: Option<RawJson>,
}

/// What is remembered between lines.
#[derive(Debug)]
pub(crate) struct Reader {
    begun: bool,
    ended: bool,
    calls: usize,
    prefix: String,
}

/// The pieces of a whole answer.
pub(crate) fn decode(bytes: &[u8], prefix: &str) -> Result<Vec<Piece>, Failure> {
    let mut pieces = Vec::new();
    Reader::new(prefix).line(answer(bytes)?, &mut pieces);
    Ok(pieces)
}

impl Reader {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { begun: false, ended: false, calls: 0, prefix: prefix.to_owned() }
    }

    fn line(&mut self, line: Line, out: &mut Vec<Piece>) {
        if let Some(error) = &line.error {
            out.push(Piece::Failed(failure_in_stream(&json!({ "error": error }))));
            return;
        }
        if !std::mem::replace(&mut self.begun, true) {
            out.push(Piece::Begin { id: None, model: line.model.clone() });
        }
        self.said(&line.message, out);
        if line.done {
            self.ended = true;
            out.push(Piece::Stop(self.reason(line.done_reason.as_deref())));
            out.extend(line.counted());
        }
    }

    fn said(&mut self, said: &Said, out: &mut Vec<Piece>) {
        if !said.thinking.is_empty() {
            out.push(Piece::Reasoning(said.thinking.clone()));
        }
        if !said.content.is_empty() {
            out.push(Piece::Text(said.content.clone()));
        }
        for call in &said.tool_calls {
            self.call(call, out);
        }
    }

    /// Calls come whole here.
    fn call(&mut self, call: &SaidCall, out: &mut Vec<Piece>) {
        let index = self.calls;
        self.calls += 1;
        let id = call.id.clone().filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| super::made_id(&self.prefix, index));
        out.push(Piece::ToolCallStart { index, id, name: call.function.name.clone(), seal: None });
        let fragment = call.function.arguments.as_ref().map_or_else(|| "{}".to_owned(), super::json::as_text);
        out.push(Piece::ToolCallArguments { index, fragment });
    }

    fn reason(&self, word: Option<&str>) -> StopReason {
        match word {
            Some("length") => StopReason::Length,
            _ if self.calls > 0 => StopReason::ToolCalls,
            None | Some("stop") => StopReason::End,
            Some(other) => StopReason::Other(other.to_owned()),
        }
    }
}

impl Line {
    fn counted(&self) -> [Piece; 2] {
        let usage = Usage {
            prompt_tokens: self.prompt_eval_count,
            completion_tokens: self.eval_count,
            ..Usage::default()
        };
        let seconds = |nanoseconds: f64| nanoseconds / 1e9;
        let first =
            self.prompt_eval_duration.map(|prompt| seconds(prompt + self.load_duration.unwrap_or(0.0)));
        let generation = self.eval_duration.map(seconds);
        #[expect(clippy::cast_precision_loss, reason = "nobody answers with 2^52 tokens")]
        let tokens = self.eval_count.map(|count| count as f64);
        let stats = Stats {
            tokens_per_second: tokens
                .zip(generation)
                .filter(|(_, time)| *time > 0.0)
                .map(|(count, time)| count / time),
            time_to_first_token_s: first,
            generation_time_s: generation,
            stop_reason: None,
        };
        let facts = Piece::Facts { stats, model_info: ModelInfo::default(), runtime: Runtime::default() };
        [Piece::Usage(usage), facts]
    }
}

impl ReadAnswer for Reader {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<Piece>) {
        match answer(event.data) {
            Ok(line) => self.line(line, out),
            Err(failure) => out.push(Piece::Failed(failure)),
        }
    }

    fn is_ended(&self) -> bool {
        self.ended
    }
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default, deserialize_with = "or_default")]
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default, deserialize_with = "lenient")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    details: Details,
    /// Of a model in memory.
    #[serde(default, deserialize_with = "lenient")]
    size_vram: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    context_length: Option<u64>,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default, deserialize_with = "lenient")]
    format: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    family: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    quantization_level: Option<String>,
}

/// The list of `GET /api/tags`, and that of `GET /api/ps`, which has only those in memory.
pub(crate) fn decode_models(bytes: &[u8]) -> Result<Vec<ModelEntry>, Failure> {
    let tags: Tags = answer(bytes)?;
    Ok(tags.models.into_iter().map(ModelEntry::from).collect())
}

impl From<Tag> for ModelEntry {
    fn from(tag: Tag) -> Self {
        let is_embedding = tag.details.family.as_deref().is_some_and(|family| family.contains("bert"));
        Self {
            kind: if is_embedding { ModelKind::Embedding } else { ModelKind::Unknown },
            info: ModelInfo {
                arch: tag.details.family,
                quant: tag.details.quantization_level,
                format: tag.details.format,
                context_length: tag.context_length,
            },
            loaded: tag.size_vram.map(|_| true),
            size_bytes: tag.size,
            id: tag.name,
            ..Self::default()
        }
    }
}

/// The body of an embedding request.
pub(crate) fn encode_embed(request: &EmbedRequest) -> Vec<u8> {
    let mut ask = json!({ "model": request.model, "input": request.input, "truncate": false });
    if let Some(dimensions) = request.dimensions {
        ask["dimensions"] = dimensions.into();
    }
    body(&ask)
}

#[derive(Deserialize)]
struct Embedded {
    #[serde(default, deserialize_with = "or_default")]
    model: String,
    embeddings: Vec<Vec<f32>>,
    #[serde(default, deserialize_with = "lenient")]
    prompt_eval_count: Option<u64>,
}

/// The vectors of its answer.
pub(crate) fn decode_embed(bytes: &[u8]) -> Result<EmbedResult, Failure> {
    let embedded: Embedded = answer(bytes)?;
    let usage = Usage { prompt_tokens: embedded.prompt_eval_count, ..Usage::default() };
    Ok(EmbedResult { model: embedded.model, vectors: embedded.embeddings, usage })
}

/// The body of the request to `generate` that loads a model without asking it anything, or with 0 seconds unloads it.
pub(crate) fn encode_keep(model: &str, keep_s: Option<u64>) -> Vec<u8> {
    match keep_s {
        Some(seconds) => body(&json!({ "model": model, "keep_alive": seconds })),
        None => body(&json!({ "model": model })),
    }
}

#[derive(Deserialize)]
struct Kept {
    #[serde(default, deserialize_with = "lenient")]
    model: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    load_duration: Option<f64>,
}

/// What was loaded, and how many seconds it took.
pub(crate) fn decode_load(bytes: &[u8]) -> Result<(Option<String>, Option<f64>), Failure> {
    let kept: Kept = answer(bytes)?;
    Ok((kept.model, kept.load_duration.map(|nanoseconds| nanoseconds / 1e9)))
}
