//! Anthropic's messages (`POST /v1/messages`).

pub(crate) mod decode_answer;
pub(crate) mod decode_request;
pub(crate) mod encode_answer;
pub(crate) mod encode_request;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::lenient;
use crate::chat::{StopReason, Usage};

/// The version of the dialect, which every request names.
pub(crate) const VERSION: &str = "2023-06-01";

/// Tokens, as this dialect counts them: those of the cache are not among `input_tokens`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct WireUsage {
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    cache_read_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    /// How often tools were used that Anthropic ran itself, each under its name and `_requests`.
    #[serde(default, deserialize_with = "lenient", skip_serializing)]
    server_tool_use: Option<BTreeMap<String, Value>>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let cached = wire
            .cache_read_input_tokens
            .unwrap_or(0)
            .saturating_add(wire.cache_creation_input_tokens.unwrap_or(0));
        let mut usage = Self::default();
        usage.update(Self {
            prompt_tokens: wire.input_tokens.map(|input| input.saturating_add(cached)),
            completion_tokens: wire.output_tokens,
            cached_tokens: wire.cache_read_input_tokens,
            cache_write_tokens: wire.cache_creation_input_tokens,
            ..Self::default()
        });
        usage
    }
}

impl From<&Usage> for WireUsage {
    fn from(usage: &Usage) -> Self {
        let (prompt, completion) = usage.counts();
        let cached = usage.cached_tokens.unwrap_or(0).saturating_add(usage.cache_write_tokens.unwrap_or(0));
        Self {
            input_tokens: Some(prompt.saturating_sub(cached)),
            cache_creation_input_tokens: usage.cache_write_tokens,
            cache_read_input_tokens: usage.cached_tokens,
            output_tokens: Some(completion),
            server_tool_use: None,
        }
    }
}

/// Why an answer ended, from this dialect's words for it.
pub(crate) fn stop_reason(word: &str, sequence: Option<String>) -> StopReason {
    match word {
        "end_turn" => StopReason::End,
        "stop_sequence" => StopReason::StopSequence(sequence),
        "max_tokens" => StopReason::Length,
        "model_context_window_exceeded" => StopReason::ContextFull,
        "tool_use" => StopReason::ToolCalls,
        "refusal" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}

/// This dialect's words for why an answer ended.
pub(crate) fn stop_words(reason: Option<&StopReason>) -> (&'static str, Option<&str>) {
    match reason {
        Some(StopReason::StopSequence(sequence)) => ("stop_sequence", sequence.as_deref()),
        Some(StopReason::Length) => ("max_tokens", None),
        Some(StopReason::ContextFull) => ("model_context_window_exceeded", None),
        Some(StopReason::ToolCalls) => ("tool_use", None),
        Some(StopReason::ContentFilter) => ("refusal", None),
        Some(StopReason::End | StopReason::Cancelled | StopReason::Other(_)) | None => ("end_turn", None),
    }
}

/// Fields of a request that we know; what is not among them is extra.
pub(crate) const KNOWN: &[&str] = &[
    "model",
    "messages",
    "system",
    "max_tokens",
    "tools",
    "tool_choice",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stream",
    "thinking",
    "metadata",
    "output_config",
    "output_format",
];
