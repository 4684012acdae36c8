//! LM Studio's own dialect since 0.4 (`/api/v1/chat`, `/api/v1/models`, `…/load`, `…/unload`). Its chat remembers:
//! a request carries one turn, and names the answer that it follows.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::decoder::ReadAnswer;
use super::errors::failure_in_stream;
use super::json::{answer, body, invalid, lenient, or_default, spare};
use super::models::{ModelEntry, ModelKind, lm_kind};
use super::sse::Event;
use crate::chat::{
    ChatRequest, Effort, Failure, Message, ModelInfo, Part, Piece, Role, Runtime, Stage, Stats, StopReason,
    Usage,
};

/// Fields of a request that we know; what is not among them is extra. `integrations` is among them and never sent: by
/// it the model would call tools past the door.
const KNOWN: &[&str] = &[
    "model",
    "input",
    "system_prompt",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repeat_penalty",
    "max_output_tokens",
    "reasoning",
    "store",
    "integrations",
    "messages",
];

/// The body of a chat request.
///
/// # Errors
/// [`Failure`] of kind `Invalid` when the question has something that this dialect cannot carry; LM Studio's other
/// dialects can.
pub(crate) fn encode(request: &ChatRequest) -> Result<Vec<u8>, Failure> {
    let turn = turn(request)?;
    let follows = request.extra.fields.get("previous_response_id").is_some_and(Value::is_string);
    // What is stored can be followed; nothing is stored unless the caller wants that.
    let store = follows || request.extra.fields.get("store") == Some(&Value::Bool(true));
    Ok(body(&Body {
        model: &request.model,
        input: turn.parts.iter().filter_map(item).collect(),
        system_prompt: request.system(),
        stream: request.stream,
        temperature: request.temperature.map(|warmth| warmth.clamp(0.0, 1.0)),
        top_p: request.top_p,
        top_k: request.top_k,
        min_p: request.min_p,
        repeat_penalty: request.repeat_penalty,
        max_output_tokens: request.max_tokens,
        reasoning: request.effort.map(reasoning),
        store,
        extra: spare(&request.extra, None, KNOWN),
    }))
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_prompt: Option<String>,
    stream: bool,
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
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'static str>,
    store: bool,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message { content: &'a str },
    Image { data_url: String },
}

/// The one turn that the dialect carries.
fn turn(request: &ChatRequest) -> Result<&Message, Failure> {
    let cannot = [
        (!request.tools.is_empty(), "tools of the caller"),
        (
            request
                .response_format
                .as_ref()
                .is_some_and(|format| *format != crate::chat::ResponseFormat::Text),
            "a response format",
        ),
        (!request.stop.is_empty(), "stop words"),
        (request.seed.is_some(), "a seed"),
    ];
    if let Some((_, what)) = cannot.iter().find(|(has, _)| *has) {
        return Err(lost(what));
    }
    let mut turns = request.conversation();
    match (turns.next(), turns.next()) {
        (Some(turn), None) if turn.role == Role::User => Ok(turn),
        _ => Err(lost("more than one turn (it remembers: name the answer before with previous_response_id)")),
    }
}

fn lost(what: &str) -> Failure {
    invalid(format!("LM Studio's v1 chat cannot carry {what}; its v0 and OpenAI dialects can"))
}

fn item(part: &Part) -> Option<Item<'_>> {
    match part {
        Part::Text { text } => Some(Item::Message { content: text }),
        Part::Image(image) => Some(Item::Image { data_url: image.url() }),
        _ => None,
    }
}

fn reasoning(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "off",
        Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::Max => "high",
    }
}

#[derive(Deserialize)]
struct Whole {
    #[serde(default, deserialize_with = "lenient")]
    model_instance_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    output: Vec<Output>,
    #[serde(default, deserialize_with = "or_default")]
    stats: Counted,
    #[serde(default, deserialize_with = "lenient")]
    response_id: Option<String>,
}

#[derive(Deserialize)]
struct Output {
    r#type: String,
    #[serde(default, deserialize_with = "or_default")]
    content: String,
}

#[derive(Deserialize, Default)]
struct Counted {
    #[serde(default, deserialize_with = "lenient")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    total_output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    reasoning_output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    tokens_per_second: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    time_to_first_token_seconds: Option<f64>,
}

/// The pieces of a whole answer.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Piece>, Failure> {
    let whole: Whole = answer(bytes)?;
    let mut pieces = vec![Piece::Begin { id: None, model: whole.model_instance_id.clone() }];
    for output in &whole.output {
        // Tools that LM Studio itself ran are nothing that a caller of ours could answer.
        match output.r#type.as_str() {
            "message" => pieces.push(Piece::Text(output.content.clone())),
            "reasoning" => pieces.push(Piece::Reasoning(output.content.clone())),
            _ => {}
        }
    }
    ended(whole, &mut pieces);
    Ok(pieces)
}

/// What comes after the last word. The dialect does not say why an answer ends.
fn ended(whole: Whole, out: &mut Vec<Piece>) {
    let counted = whole.stats;
    let usage = Usage {
        prompt_tokens: counted.input_tokens,
        completion_tokens: counted.total_output_tokens,
        reasoning_tokens: counted.reasoning_output_tokens,
        ..Usage::default()
    };
    let stats = Stats {
        tokens_per_second: counted.tokens_per_second,
        time_to_first_token_s: counted.time_to_first_token_seconds,
        ..Stats::default()
    };
    out.push(Piece::Begin { id: whole.response_id, model: None });
    out.push(Piece::Usage(usage));
    out.push(Piece::Facts { stats, model_info: ModelInfo::default(), runtime: Runtime::default() });
    out.push(Piece::Stop(StopReason::End));
}

/// Any event of a stream.
#[derive(Deserialize)]
struct Step {
    r#type: String,
    #[serde(default, deserialize_with = "lenient")]
    model_instance_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    progress: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    content: String,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    result: Option<Whole>,
}

/// What is remembered between events.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    ended: bool,
}

impl Reader {
    fn step(&mut self, step: Step, out: &mut Vec<Piece>) {
        let progress = |stage| Piece::Progress { stage, done: step.progress.unwrap_or(0.0).clamp(0.0, 1.0) };
        match step.r#type.as_str() {
            "chat.start" => out.push(Piece::Begin { id: None, model: step.model_instance_id }),
            "model_load.start" | "model_load.progress" => out.push(progress(Stage::Load)),
            "prompt_processing.start" | "prompt_processing.progress" => out.push(progress(Stage::Prompt)),
            "reasoning.delta" => out.push(Piece::Reasoning(step.content)),
            "message.delta" => out.push(Piece::Text(step.content)),
            "error" => out.push(Piece::Failed(failure_in_stream(&json!({ "error": step.error })))),
            "chat.end" => {
                self.ended = true;
                step.result.into_iter().for_each(|whole| ended(whole, out));
            }
            _ => {}
        }
    }
}

impl ReadAnswer for Reader {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<Piece>) {
        match answer(event.data) {
            Ok(step) => self.step(step, out),
            Err(failure) => out.push(Piece::Failed(failure)),
        }
    }

    fn is_ended(&self) -> bool {
        self.ended
    }
}

#[derive(Deserialize)]
struct List {
    #[serde(default, deserialize_with = "or_default")]
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    key: String,
    #[serde(default, deserialize_with = "lenient")]
    r#type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    publisher: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    architecture: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    quantization: Option<Quantization>,
    #[serde(default, deserialize_with = "lenient")]
    size_bytes: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    loaded_instances: Vec<Instance>,
    #[serde(default, deserialize_with = "lenient")]
    max_context_length: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    format: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    capabilities: Option<Capabilities>,
}

#[derive(Deserialize)]
struct Quantization {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Instance {
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    config: Config,
}

#[derive(Deserialize, Default)]
struct Config {
    #[serde(default, deserialize_with = "lenient")]
    context_length: Option<u64>,
}

#[derive(Deserialize)]
struct Capabilities {
    #[serde(default)]
    vision: Option<bool>,
    #[serde(default)]
    trained_for_tool_use: Option<bool>,
}

/// The list of `GET /api/v1/models`.
pub(crate) fn decode_models(bytes: &[u8]) -> Result<Vec<ModelEntry>, Failure> {
    let list: List = answer(bytes)?;
    Ok(list.models.into_iter().map(ModelEntry::from).collect())
}

impl From<Model> for ModelEntry {
    fn from(wire: Model) -> Self {
        let loaded_context = wire.loaded_instances.first().and_then(|one| one.config.context_length);
        let can = wire.capabilities;
        Self {
            name: wire.display_name,
            kind: wire.r#type.as_deref().map_or(ModelKind::Unknown, lm_kind),
            info: ModelInfo {
                arch: wire.architecture,
                quant: wire.quantization.and_then(|quantization| quantization.name),
                format: wire.format,
                context_length: loaded_context.or(wire.max_context_length),
            },
            loaded: Some(!wire.loaded_instances.is_empty()),
            instances: wire.loaded_instances.into_iter().map(|one| one.id).collect(),
            size_bytes: wire.size_bytes,
            vision: can.as_ref().and_then(|can| can.vision),
            tools: can.as_ref().and_then(|can| can.trained_for_tool_use),
            owner: wire.publisher,
            created_s: None,
            id: wire.key,
        }
    }
}

/// The body of a request that loads a model.
pub(crate) fn encode_load(model: &str, context_length: Option<u64>) -> Vec<u8> {
    match context_length {
        Some(length) => body(&json!({ "model": model, "context_length": length, "echo_load_config": true })),
        None => body(&json!({ "model": model, "echo_load_config": true })),
    }
}

#[derive(Deserialize)]
struct Loaded {
    /// `model_instance_id` before 0.4.
    #[serde(default, alias = "model_instance_id")]
    instance_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    load_time_seconds: Option<f64>,
}

/// The loaded copy's name, and how many seconds it took.
pub(crate) fn decode_load(bytes: &[u8]) -> Result<(Option<String>, Option<f64>), Failure> {
    let loaded: Loaded = answer(bytes)?;
    Ok((loaded.instance_id, loaded.load_time_seconds))
}

/// The body of a request that unloads a copy.
pub(crate) fn encode_unload(instance: &str) -> Vec<u8> {
    body(&json!({ "instance_id": instance }))
}
