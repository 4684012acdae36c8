//! OpenAI's chat completions (`POST /chat/completions`), and those who speak it: LM Studio's v0, llama.cpp, vLLM and
//! many others.

pub(crate) mod decode_answer;
pub(crate) mod decode_request;
pub(crate) mod encode_answer;
pub(crate) mod encode_request;

use serde::{Deserialize, Serialize};

use super::json::{lenient, or_default};
use crate::chat::{StopReason, Usage};

/// What some servers take or want that others refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// OpenAI itself: `max_completion_tokens`, and nothing that its reference does not name.
    OpenAi,
    /// Others, who take `max_tokens`, and `top_k` and the like where the caller wants them.
    Compatible,
    /// LM Studio, which also takes a `ttl`.
    LmStudio,
    /// llama.cpp's server, which takes a model's reasoning back.
    LlamaCpp,
}

/// Tokens, as this dialect counts them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct WireUsage {
    #[serde(default, deserialize_with = "lenient")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    total_tokens: Option<u64>,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "PromptDetails::is_empty")]
    prompt_tokens_details: PromptDetails,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "CompletionDetails::is_empty")]
    completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct PromptDetails {
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct CompletionDetails {
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    reasoning_tokens: Option<u64>,
}

impl PromptDetails {
    fn is_empty(&self) -> bool {
        self.cached_tokens.is_none()
    }
}

impl CompletionDetails {
    fn is_empty(&self) -> bool {
        self.reasoning_tokens.is_none()
    }
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let mut usage = Self::default();
        usage.update(Self {
            prompt_tokens: wire.prompt_tokens,
            completion_tokens: wire.completion_tokens,
            total_tokens: wire.total_tokens,
            reasoning_tokens: wire.completion_tokens_details.reasoning_tokens,
            cached_tokens: wire.prompt_tokens_details.cached_tokens,
            cache_write_tokens: None,
        });
        usage
    }
}

impl From<&Usage> for WireUsage {
    fn from(usage: &Usage) -> Self {
        let (prompt, completion) = usage.counts();
        Self {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            total_tokens: Some(usage.total_tokens.unwrap_or(prompt.saturating_add(completion))),
            prompt_tokens_details: PromptDetails { cached_tokens: usage.cached_tokens },
            completion_tokens_details: CompletionDetails { reasoning_tokens: usage.reasoning_tokens },
        }
    }
}

impl WireUsage {
    /// Of an embedding, which answers with no tokens.
    pub(crate) fn of_prompt(prompt: u64) -> Self {
        Self { prompt_tokens: Some(prompt), total_tokens: Some(prompt), ..Self::default() }
    }
}

/// Why an answer ended, from this dialect's word for it.
pub(crate) fn stop_reason(word: &str) -> StopReason {
    match word {
        "stop" => StopReason::End,
        "length" => StopReason::Length,
        "tool_calls" | "function_call" => StopReason::ToolCalls,
        "content_filter" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}

/// This dialect's word for why an answer ended.
pub(crate) fn finish_reason(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::Length | StopReason::ContextFull => "length",
        StopReason::ToolCalls => "tool_calls",
        StopReason::ContentFilter => "content_filter",
        StopReason::End | StopReason::StopSequence(_) | StopReason::Cancelled | StopReason::Other(_) => {
            "stop"
        }
    }
}

/// Fields of a request that we know; what is not among them is extra.
pub(crate) const KNOWN: &[&str] = &[
    "model",
    "messages",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repeat_penalty",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "ttl",
    "response_format",
    "reasoning_effort",
    "user",
    "stream",
    "stream_options",
    "n",
];
