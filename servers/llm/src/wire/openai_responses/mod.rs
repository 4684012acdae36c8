//! OpenAI's responses (`POST /responses`), without what OpenAI keeps between requests: the whole conversation is in
//! each.

pub(crate) mod decode_answer;
pub(crate) mod decode_request;
pub(crate) mod encode_answer;
pub(crate) mod encode_request;

use serde::{Deserialize, Serialize};

use super::json::{lenient, or_default};
use crate::chat::Usage;

/// Tokens, as this dialect counts them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct WireUsage {
    #[serde(default, deserialize_with = "lenient")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    input_tokens_details: InputDetails,
    #[serde(default, deserialize_with = "lenient")]
    output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    output_tokens_details: OutputDetails,
    #[serde(default, deserialize_with = "lenient")]
    total_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: u64,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: u64,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let some = |count: u64| (count > 0).then_some(count);
        let mut usage = Self::default();
        usage.update(Self {
            prompt_tokens: wire.input_tokens,
            completion_tokens: wire.output_tokens,
            total_tokens: wire.total_tokens,
            reasoning_tokens: some(wire.output_tokens_details.reasoning_tokens),
            cached_tokens: some(wire.input_tokens_details.cached_tokens),
            cache_write_tokens: None,
        });
        usage
    }
}

impl From<&Usage> for WireUsage {
    fn from(usage: &Usage) -> Self {
        let (prompt, completion) = usage.counts();
        Self {
            input_tokens: Some(prompt),
            input_tokens_details: InputDetails { cached_tokens: usage.cached_tokens.unwrap_or(0) },
            output_tokens: Some(completion),
            output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning_tokens.unwrap_or(0) },
            total_tokens: Some(prompt.saturating_add(completion)),
        }
    }
}

/// Fields of a request that we know; what is not among them is extra.
pub(crate) const KNOWN: &[&str] = &[
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "max_output_tokens",
    "text",
    "reasoning",
    "user",
    "stream",
    "stream_options",
    "store",
    "previous_response_id",
    "conversation",
    "background",
    "include",
    "truncation",
];
