//! Gemini's answer, whole or event by event: every event has the shape of a whole answer.

use serde::Deserialize;
use serde_json::Value;

use super::super::decoder::ReadAnswer;
use super::super::errors::failure_in_stream;
use super::super::json::{answer, lenient, or_default};
use super::super::seal::Maker;
use super::super::sse::Event;
use crate::chat::{Failure, FailureKind, Piece, RawJson, StopReason, Usage};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    #[serde(default, deserialize_with = "or_default")]
    candidates: Vec<Candidate>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
    #[serde(default)]
    usage_metadata: Option<Counted>,
    #[serde(default, deserialize_with = "lenient")]
    model_version: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    response_id: Option<String>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    index: u32,
    #[serde(default, deserialize_with = "or_default")]
    content: Content,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Content {
    #[serde(default, deserialize_with = "or_default")]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(default)]
    text: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    thought: bool,
    #[serde(default)]
    thought_signature: Option<String>,
    #[serde(default)]
    function_call: Option<Call>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Option<RawJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default)]
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    #[serde(default, deserialize_with = "lenient")]
    prompt_token_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    tool_use_prompt_token_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    candidates_token_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    thoughts_token_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    cached_content_token_count: Option<u64>,
}

/// What is remembered between events.
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
    Reader::new(prefix).chunk(answer(bytes)?, &mut pieces);
    Ok(pieces)
}

impl Reader {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { begun: false, ended: false, calls: 0, prefix: prefix.to_owned() }
    }

    fn chunk(&mut self, chunk: Chunk, out: &mut Vec<Piece>) {
        if let Some(failure) = refused(&chunk) {
            out.push(Piece::Failed(failure));
            return;
        }
        if !std::mem::replace(&mut self.begun, true) {
            out.push(Piece::Begin { id: chunk.response_id, model: chunk.model_version });
        }
        for candidate in chunk.candidates.into_iter().filter(|candidate| candidate.index == 0) {
            self.candidate(candidate, out);
        }
        out.extend(chunk.usage_metadata.map(|counted| Piece::Usage(counted.into())));
    }

    fn candidate(&mut self, candidate: Candidate, out: &mut Vec<Piece>) {
        for part in candidate.content.parts {
            self.part(part, out);
        }
        if let Some(reason) = candidate.finish_reason {
            self.ended = true;
            out.push(Piece::Stop(self.reason(&reason)));
        }
    }

    fn part(&mut self, part: Part, out: &mut Vec<Piece>) {
        if let Some(text) = part.text.filter(|text| !text.is_empty()) {
            out.push(if part.thought { Piece::Reasoning(text) } else { Piece::Text(text) });
        }
        if let Some(call) = part.function_call {
            self.call(call, part.thought_signature.as_deref(), out);
        }
    }

    /// Calls come whole here.
    fn call(&mut self, call: Call, seal: Option<&str>, out: &mut Vec<Piece>) {
        let index = self.calls;
        self.calls += 1;
        let id =
            call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| super::super::made_id(&self.prefix, index));
        let seal = seal.map(|seal| Maker::Gemini.mark_on(seal));
        out.push(Piece::ToolCallStart { index, id, name: call.name, seal });
        let fragment = call.args.map_or_else(|| "{}".to_owned(), |args| args.get().to_owned());
        out.push(Piece::ToolCallArguments { index, fragment });
    }

    fn reason(&self, word: &str) -> StopReason {
        match word {
            "STOP" if self.calls > 0 => StopReason::ToolCalls,
            "STOP" => StopReason::End,
            "MAX_TOKENS" => StopReason::Length,
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" => {
                StopReason::ContentFilter
            }
            other => StopReason::Other(other.to_owned()),
        }
    }
}

/// An error, or a prompt that was not let through.
fn refused(chunk: &Chunk) -> Option<Failure> {
    if let Some(error) = &chunk.error {
        return Some(failure_in_stream(&serde_json::json!({ "error": error })));
    }
    let reason = chunk.prompt_feedback.as_ref()?.block_reason.as_deref()?;
    let words = format!("the provider does not let this prompt through ({reason})");
    Some(Failure::new(FailureKind::Filtered, words).with_code(Some(reason.to_owned())))
}

impl From<Counted> for Usage {
    fn from(counted: Counted) -> Self {
        let thoughts = counted.thoughts_token_count;
        let tools = counted.tool_use_prompt_token_count.unwrap_or(0);
        let mut usage = Self::default();
        let completion = match (counted.candidates_token_count, thoughts) {
            (None, None) => None,
            (said, thought) => Some(said.unwrap_or(0).saturating_add(thought.unwrap_or(0))),
        };
        usage.update(Self {
            prompt_tokens: counted.prompt_token_count.map(|prompt| prompt.saturating_add(tools)),
            completion_tokens: completion,
            reasoning_tokens: thoughts,
            cached_tokens: counted.cached_content_token_count,
            ..Self::default()
        });
        usage
    }
}

impl ReadAnswer for Reader {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<Piece>) {
        match answer(event.data) {
            Ok(chunk) => self.chunk(chunk, out),
            Err(failure) => out.push(Piece::Failed(failure)),
        }
    }

    fn is_ended(&self) -> bool {
        self.ended
    }
}
