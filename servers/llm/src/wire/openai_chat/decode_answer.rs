//! A provider's answer in the words of chat completions, whole or chunk by chunk.

use serde::Deserialize;
use serde_json::Value;

use super::super::decoder::ReadAnswer;
use super::super::errors::failure_in_stream;
use super::super::json::{Mixed, answer, lenient, or_default};
use super::super::sse::Event;
use super::{WireUsage, stop_reason};
use crate::chat::{Failure, ModelInfo, Piece, RawJson, Runtime, Stats, StopReason};

/// A chunk, or a whole answer: they differ in one word.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    choices: Vec<Choice>,
    #[serde(default, deserialize_with = "or_default")]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    stats: Option<LmStats>,
    #[serde(default, deserialize_with = "lenient")]
    model_info: Option<ModelInfo>,
    #[serde(default, deserialize_with = "lenient")]
    runtime: Option<Runtime>,
    #[serde(default, deserialize_with = "lenient")]
    timings: Option<Timings>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default, deserialize_with = "or_default")]
    delta: Delta,
    /// Instead of `delta` in a whole answer.
    #[serde(default)]
    message: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Delta {
    #[serde(default)]
    content: Option<Content>,
    /// DeepSeek's, llama.cpp's and LM Studio's word.
    #[serde(default, deserialize_with = "lenient")]
    reasoning_content: Option<String>,
    /// OpenRouter's, Groq's and vLLM's word; some say both.
    #[serde(default, deserialize_with = "lenient")]
    reasoning: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    tool_calls: Vec<Call>,
    /// What `tool_calls` was before 2024.
    #[serde(default)]
    function_call: Option<Function>,
}

/// A string as a rule; Mistral sends parts.
type Content = Mixed<Value>;

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    function: Function,
    #[serde(default)]
    extra_content: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    /// A string as a rule; some servers send the object.
    #[serde(default)]
    arguments: Option<RawJson>,
}

/// LM Studio's v0.
#[derive(Deserialize)]
struct LmStats {
    #[serde(default)]
    tokens_per_second: Option<f64>,
    #[serde(default)]
    time_to_first_token: Option<f64>,
    #[serde(default)]
    generation_time: Option<f64>,
    #[serde(default)]
    stop_reason: Option<String>,
}

/// llama.cpp's server.
#[derive(Deserialize)]
struct Timings {
    #[serde(default)]
    prompt_ms: Option<f64>,
    #[serde(default)]
    predicted_ms: Option<f64>,
    #[serde(default)]
    predicted_per_second: Option<f64>,
}

/// What is remembered between chunks.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    begun: bool,
    ended: bool,
    calls: Vec<Known>,
    /// Makes ids for calls that have none.
    prefix: String,
}

/// A tool call that has begun.
#[derive(Debug)]
struct Known {
    /// The provider's number for it.
    number: Option<u64>,
    id: String,
    /// Our number for it, once its name is known.
    told: Option<usize>,
    /// Arguments that came before the name.
    early: String,
}

/// The pieces of a whole answer.
pub(crate) fn decode(bytes: &[u8], prefix: &str) -> Result<Vec<Piece>, Failure> {
    let chunk: Chunk = answer(bytes)?;
    let mut pieces = Vec::new();
    Reader::new(prefix).chunk(chunk, &mut pieces);
    Ok(pieces)
}

impl Reader {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }

    fn chunk(&mut self, chunk: Chunk, out: &mut Vec<Piece>) {
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            out.push(Piece::Failed(failure_in_stream(&serde_json::json!({ "error": error }))));
            return;
        }
        if !self.begun {
            self.begun = true;
            out.push(Piece::Begin { id: chunk.id, model: chunk.model });
        }
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            self.choice(choice, out);
        }
        if let Some(usage) = chunk.usage {
            out.push(Piece::Usage(usage.into()));
        }
        let facts = Facts {
            stats: chunk.stats,
            model: chunk.model_info,
            runtime: chunk.runtime,
            timings: chunk.timings,
        };
        out.extend(facts.piece());
    }

    fn choice(&mut self, choice: Choice, out: &mut Vec<Piece>) {
        let delta = choice.message.unwrap_or(choice.delta);
        if let Some(words) = delta.reasoning_content.or(delta.reasoning).filter(|words| !words.is_empty()) {
            out.push(Piece::Reasoning(words));
        }
        match delta.content {
            Some(Mixed::Text(words)) => say(words, out),
            Some(Mixed::List(parts)) => parts.iter().for_each(|part| out.extend(part_of(part))),
            None => {}
        }
        say(delta.refusal.unwrap_or_default(), out);
        let legacy = delta.function_call.map(|function| Call {
            index: Some(0),
            id: None,
            function,
            extra_content: None,
        });
        for call in delta.tool_calls.into_iter().chain(legacy) {
            self.call(call, out);
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.ended = true;
            out.push(Piece::Stop(self.corrected(stop_reason(&reason))));
        }
    }

    /// Some servers say `stop` when they want tools called.
    fn corrected(&self, reason: StopReason) -> StopReason {
        match reason {
            StopReason::End if !self.calls.is_empty() => StopReason::ToolCalls,
            reason => reason,
        }
    }

    fn call(&mut self, call: Call, out: &mut Vec<Piece>) {
        let at = self.find(&call);
        let arguments = call.function.arguments.as_ref().map(super::super::json::as_text).unwrap_or_default();
        self.calls[at].early.push_str(&arguments);
        if let Some(name) = call.function.name.filter(|name| !name.is_empty()) {
            self.name(at, name, seal_of(call.extra_content.as_ref()), out);
        }
        let known = &mut self.calls[at];
        if let Some(index) = known.told.filter(|_| !known.early.is_empty()) {
            out.push(Piece::ToolCallArguments { index, fragment: std::mem::take(&mut known.early) });
        }
    }

    fn name(&mut self, at: usize, name: String, seal: Option<String>, out: &mut Vec<Piece>) {
        if self.calls[at].told.is_some() {
            return;
        }
        let index = self.calls.iter().filter(|known| known.told.is_some()).count();
        let known = &mut self.calls[at];
        known.told = Some(index);
        out.push(Piece::ToolCallStart { index, id: known.id.clone(), name, seal });
    }

    /// Which call this is about: by its number, unless a new id says that the server gives every call the same one;
    /// without a number, the last one, unless it has a new id or a name of its own.
    fn find(&mut self, call: &Call) -> usize {
        let id = call.id.as_deref().filter(|id| !id.is_empty());
        let same = |known: &Known| {
            let numbered = call.index.is_none() || known.number == call.index;
            numbered && id.is_none_or(|id| id == known.id || call.function.name.is_none())
        };
        let unnamed = call.index.is_some() || id.is_some() || call.function.name.is_none();
        match self.calls.iter().rposition(same).filter(|_| unnamed) {
            Some(at) => at,
            None => self.begin(call.index, id),
        }
    }

    fn begin(&mut self, number: Option<u64>, id: Option<&str>) -> usize {
        let at = self.calls.len();
        let id = id.map_or_else(|| super::super::made_id(&self.prefix, at), str::to_owned);
        self.calls.push(Known { number, id, told: None, early: String::new() });
        at
    }
}

impl ReadAnswer for Reader {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<Piece>) {
        if event.data == b"[DONE]" {
            self.ended = true;
            return;
        }
        match answer(event.data) {
            Ok(chunk) => self.chunk(chunk, out),
            Err(failure) => out.push(Piece::Failed(failure)),
        }
    }

    fn is_ended(&self) -> bool {
        self.ended
    }
}

fn say(words: String, out: &mut Vec<Piece>) {
    if !words.is_empty() {
        out.push(Piece::Text(words));
    }
}

/// Mistral's parts: words, or a list of words that are a thought.
fn part_of(part: &Value) -> Option<Piece> {
    match part["type"].as_str()? {
        "text" => Some(Piece::Text(part["text"].as_str()?.to_owned())),
        "thinking" => {
            let thought = part["thinking"].as_array()?.iter().filter_map(|one| one["text"].as_str());
            Some(Piece::Reasoning(thought.collect()))
        }
        _ => None,
    }
}

fn seal_of(extra: Option<&Value>) -> Option<String> {
    extra?.get("google")?.get("thought_signature")?.as_str().map(str::to_owned)
}

struct Facts {
    stats: Option<LmStats>,
    model: Option<ModelInfo>,
    runtime: Option<Runtime>,
    timings: Option<Timings>,
}

impl Facts {
    fn piece(self) -> Option<Piece> {
        let stats = self.stats.map(Stats::from).or_else(|| self.timings.map(Stats::from)).unwrap_or_default();
        let model_info = self.model.unwrap_or_default();
        let runtime = self.runtime.unwrap_or_default();
        let says =
            stats != Stats::default() || model_info != ModelInfo::default() || runtime != Runtime::default();
        says.then_some(Piece::Facts { stats, model_info, runtime })
    }
}

impl From<LmStats> for Stats {
    fn from(wire: LmStats) -> Self {
        Self {
            tokens_per_second: wire.tokens_per_second,
            time_to_first_token_s: wire.time_to_first_token,
            generation_time_s: wire.generation_time,
            // A word that we do not know says less than the choice's own reason.
            stop_reason: wire
                .stop_reason
                .as_deref()
                .map(lm_stop_reason)
                .filter(|reason| !matches!(reason, StopReason::Other(_))),
        }
    }
}

impl From<Timings> for Stats {
    fn from(wire: Timings) -> Self {
        Self {
            tokens_per_second: wire.predicted_per_second,
            time_to_first_token_s: wire.prompt_ms.map(|ms| ms / 1_000.0),
            generation_time_s: wire.predicted_ms.map(|ms| ms / 1_000.0),
            stop_reason: None,
        }
    }
}

/// LM Studio's words for why it ended.
pub(crate) fn lm_stop_reason(word: &str) -> StopReason {
    match word {
        "eosFound" => StopReason::End,
        "stopStringFound" => StopReason::StopSequence(None),
        "maxPredictedTokensReached" => StopReason::Length,
        "contextLengthReached" => StopReason::ContextFull,
        "toolCalls" => StopReason::ToolCalls,
        "userStopped" => StopReason::Cancelled,
        "contentFilter" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}
