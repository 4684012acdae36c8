//! Ollama's answer, whole or line by line: every line has the shape of a whole answer.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::decoder::ReadAnswer;
use super::super::errors::failure_in_stream;
use super::super::json::{answer, as_text, lenient, or_default};
use super::super::sse::Event;
use crate::chat::{Failure, ModelInfo, Piece, RawJson, Runtime, Stats, StopReason, Usage};

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
        let id = id.unwrap_or_else(|| super::super::made_id(&self.prefix, index));
        out.push(Piece::ToolCallStart { index, id, name: call.function.name.clone(), seal: None });
        let fragment = call.function.arguments.as_ref().map_or_else(|| "{}".to_owned(), as_text);
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
