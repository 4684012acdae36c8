//! The whole answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Message, Role};

/// A model's answer, complete or as far as it came.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChatResult {
    /// What the provider calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The model that answered.
    pub model: String,
    /// What it said.
    pub message: Message,
    /// What was counted.
    pub usage: Usage,
    /// How fast, and why it ended.
    pub stats: Stats,
    /// Which model that is, where the provider says.
    pub model_info: ModelInfo,
    /// What ran it, where the provider says.
    pub runtime: Runtime,
    /// What of all this the provider did not say and was measured or estimated here.
    pub measured_here: Vec<Measure>,
}

/// Tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Of the question, those read from a cache included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Of the answer, reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// Of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Of the answer, those that were reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Of the question, those that the provider had kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Of the question, those that the provider now keeps, at a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
}

/// How an answer came about, in the words of LM Studio's v0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// Tokens of the answer in each second of generating it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_second: Option<f64>,
    /// Seconds until the first token.
    #[serde(default, rename = "time_to_first_token", skip_serializing_if = "Option::is_none")]
    pub time_to_first_token_s: Option<f64>,
    /// Seconds from the first token to the last.
    #[serde(default, rename = "generation_time", skip_serializing_if = "Option::is_none")]
    pub generation_time_s: Option<f64>,
    /// Why the answer ends where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<StopReason>,
}

/// Which model, as LM Studio tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelInfo {
    /// Its architecture, such as `llama`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// How its weights are rounded, such as `Q4_K_M`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quant: Option<String>,
    /// The format of its file, such as `gguf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// How many tokens question and answer may have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
}

/// What runs the model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Runtime {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The formats of model files that it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supported_formats: Vec<String>,
}

/// Why an answer ends where it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model had said all.
    End,
    /// It met one of the request's stop words: which, where the provider says.
    StopSequence(Option<String>),
    /// It reached the most tokens that it may give.
    Length,
    /// Question and answer filled the model's context.
    ContextFull,
    /// It wants tools called.
    ToolCalls,
    /// The provider would not have it say more, or it refused.
    ContentFilter,
    /// The caller or the owner stopped it.
    Cancelled,
    /// Something else, in the provider's word.
    Other(String),
}

/// What may have been measured or estimated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// [`Usage::prompt_tokens`], from the length of the prompt.
    PromptTokens,
    /// [`Usage::completion_tokens`], from the length of the answer.
    CompletionTokens,
    /// [`Stats::tokens_per_second`].
    TokensPerSecond,
    /// [`Stats::time_to_first_token_s`].
    TimeToFirstToken,
    /// [`Stats::generation_time_s`].
    GenerationTime,
}

impl ChatResult {
    /// An answer that says nothing yet.
    #[must_use]
    pub fn empty(model: impl Into<String>) -> Self {
        Self {
            id: None,
            model: model.into(),
            message: Message::of(Role::Assistant, Vec::new()),
            usage: Usage::default(),
            stats: Stats::default(),
            model_info: ModelInfo::default(),
            runtime: Runtime::default(),
            measured_here: Vec::new(),
        }
    }
}

impl Usage {
    /// So many of the question and so many of the answer.
    #[must_use]
    pub fn of(prompt: u64, completion: u64) -> Self {
        let mut usage =
            Self { prompt_tokens: Some(prompt), completion_tokens: Some(completion), ..Self::default() };
        usage.settle();
        usage
    }

    /// Takes over what `newer` knows.
    pub fn update(&mut self, newer: Self) {
        self.prompt_tokens = newer.prompt_tokens.or(self.prompt_tokens);
        self.completion_tokens = newer.completion_tokens.or(self.completion_tokens);
        self.reasoning_tokens = newer.reasoning_tokens.or(self.reasoning_tokens);
        self.cached_tokens = newer.cached_tokens.or(self.cached_tokens);
        self.cache_write_tokens = newer.cache_write_tokens.or(self.cache_write_tokens);
        self.total_tokens = newer.total_tokens;
        self.settle();
    }

    /// The total is always that of its parts where both are known, whatever a provider adds to it.
    fn settle(&mut self) {
        if let (Some(prompt), Some(completion)) = (self.prompt_tokens, self.completion_tokens) {
            self.total_tokens = Some(prompt.saturating_add(completion));
        }
    }

    /// Both counts, 0 where one is unknown.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.prompt_tokens.unwrap_or(0), self.completion_tokens.unwrap_or(0))
    }
}

impl Stats {
    /// Takes over what `newer` knows.
    pub fn update(&mut self, newer: Self) {
        self.tokens_per_second = newer.tokens_per_second.or(self.tokens_per_second);
        self.time_to_first_token_s = newer.time_to_first_token_s.or(self.time_to_first_token_s);
        self.generation_time_s = newer.generation_time_s.or(self.generation_time_s);
        self.stop_reason = newer.stop_reason.or(self.stop_reason.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_counts_replace_older_ones_and_the_total_follows() {
        let mut usage = Usage::of(10, 1);
        usage.update(Usage { completion_tokens: Some(7), ..Usage::default() });
        assert_eq!((usage.counts(), usage.total_tokens), ((10, 7), Some(17)));
    }

    #[test]
    fn counts_at_the_edge_do_not_overflow() {
        assert_eq!(Usage::of(u64::MAX, 1).total_tokens, Some(u64::MAX));
    }
}
