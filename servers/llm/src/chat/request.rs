//! The question.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Document, Message, Part, RawJson, Role, tokens_of};

/// What is asked of a model. What is `None` or empty is left to the provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ChatRequest {
    /// Which model, as its provider calls it.
    pub model: String,
    /// The conversation so far; system messages stand where the caller put them.
    pub messages: Vec<Message>,
    /// Tools that the model may want called.
    pub tools: Vec<ToolDefinition>,
    /// Whether it must, may or must not.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may want several at once.
    pub parallel_tool_calls: Option<bool>,
    /// 0 is always the likeliest token; up to 2, and up to 1 with Anthropic.
    pub temperature: Option<f64>,
    /// Only the likeliest tokens that together have this probability, 0 to 1.
    pub top_p: Option<f64>,
    /// Only so many of the likeliest tokens.
    pub top_k: Option<u32>,
    /// Only tokens of at least this share of the likeliest one's probability, 0 to 1.
    pub min_p: Option<f64>,
    /// Above 1: what was said is said less often again; local models only.
    pub repeat_penalty: Option<f64>,
    /// -2 to 2: the oftener a token was said, the less likely.
    pub frequency_penalty: Option<f64>,
    /// -2 to 2: a token that was said at all is less likely.
    pub presence_penalty: Option<f64>,
    /// Where the answer ends; these words are not part of it.
    pub stop: Vec<String>,
    /// The same seed gives the same answer, where the provider keeps that promise.
    pub seed: Option<i64>,
    /// How many tokens the answer may have, reasoning included.
    pub max_tokens: Option<u64>,
    /// How many seconds a local server keeps the model in memory after this request.
    pub ttl_s: Option<u64>,
    /// What the answer must look like.
    pub response_format: Option<ResponseFormat>,
    /// How hard to think.
    pub effort: Option<Effort>,
    /// Which of the caller's users asks; a name that tells nobody who that is.
    pub user: Option<String>,
    /// Whether the answer comes piece by piece.
    pub stream: bool,
    /// What else the caller wrote.
    pub extra: Extra,
}

/// Fields that have no place above, carried to upstreams that can read them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Extra {
    /// Whose words they are; `None`: meant for whatever upstream it will be.
    pub family: Option<Family>,
    /// The fields, at the top level of the body. Fields that we know win over these.
    pub fields: Map<String, Value>,
}

/// Dialects that read each other's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// OpenAI's chat completions, LM Studio's v0, llama.cpp, and everything that is compatible with the first.
    OpenAiChat,
    /// OpenAI's responses.
    OpenAiResponses,
    /// Anthropic's messages.
    Anthropic,
}

/// A tool that a model may want called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// Its name: at most 64 of `A–Z a–z 0–9 _ -`, which every dialect takes.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: RawJson,
    /// Whether the provider must hold the model to the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// Whether tools are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// What the answer must look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    /// Words.
    Text,
    /// Some JSON object.
    Json,
    /// JSON that fits a schema.
    Schema {
        /// A name for it; OpenAI wants one.
        name: String,
        /// JSON Schema.
        schema: RawJson,
        /// Whether the provider must hold the model to it.
        strict: Option<bool>,
    },
}

/// How hard a model thinks before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// A little.
    Low,
    /// As it likes.
    Medium,
    /// Hard.
    High,
    /// As hard as it can.
    Max,
}

impl ChatRequest {
    /// A question of these messages to this model.
    #[must_use]
    pub fn new(model: impl Into<String>, messages: Vec<Message>) -> Self {
        Self { model: model.into(), messages, ..Self::default() }
    }

    /// The words of all system messages, a blank line between them, for dialects that want them apart.
    #[must_use]
    pub fn system(&self) -> Option<String> {
        let words: Vec<String> =
            self.messages.iter().filter(|one| one.role == Role::System).map(Message::words).collect();
        (!words.is_empty()).then(|| words.join("\n\n"))
    }

    /// The messages that are not the system's.
    pub fn conversation(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|one| one.role != Role::System)
    }

    /// The tool that a call of an earlier message named, for dialects whose results bear the tool's name.
    #[must_use]
    pub fn tool_of_call(&self, call: &str) -> Option<&str> {
        let mut calls = self.messages.iter().rev().flat_map(Message::tool_calls);
        calls.find(|one| one.id == call).map(|one| one.name.as_str())
    }

    /// Whether any picture has to be fetched from an address first, for dialects that take none.
    #[must_use]
    pub fn has_image_urls(&self) -> bool {
        self.messages.iter().flat_map(|one| &one.parts).any(has_image_url)
    }

    /// Every document in it, those in results of tools included.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        parts.flat_map(with_parts_of_results).filter_map(Part::as_document)
    }

    /// About how many tokens the prompt has, tools included: what is reserved before the provider counts.
    #[must_use]
    pub fn estimated_prompt_tokens(&self) -> u64 {
        let messages: u64 = self.messages.iter().map(super::estimate::tokens_of_message).sum();
        let tool = |one: &ToolDefinition| {
            tokens_of(&one.name) + tokens_of(&one.description) + tokens_of(one.parameters.get())
        };
        messages + self.tools.iter().map(tool).sum::<u64>()
    }
}

/// A part, or, of a tool's result, all of its parts.
fn with_parts_of_results(part: &Part) -> &[Part] {
    match part {
        Part::ToolResult(result) => &result.parts,
        part => std::slice::from_ref(part),
    }
}

fn has_image_url(part: &Part) -> bool {
    match part {
        Part::Image(image) => matches!(image.source, super::ImageSource::Url { .. }),
        Part::ToolResult(result) => result.parts.iter().any(has_image_url),
        _ => false,
    }
}

impl Extra {
    /// Fields of this family's dialects.
    #[must_use]
    pub fn of(family: Family, fields: Map<String, Value>) -> Self {
        Self { family: Some(family), fields }
    }

    /// The fields that dialects of `family` can read.
    #[must_use]
    pub fn readable_by(&self, family: Option<Family>) -> Option<&Map<String, Value>> {
        let readable = self.family.is_none() || self.family == family;
        (readable && !self.fields.is_empty()).then_some(&self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_messages_are_gathered() {
        let messages = vec![
            Message::text(Role::System, "Be brief."),
            Message::text(Role::User, "Hello"),
            Message::text(Role::System, "Be kind."),
        ];
        let request = ChatRequest::new("m", messages);
        assert_eq!(request.system().as_deref(), Some("Be brief.\n\nBe kind."));
        assert_eq!(request.conversation().count(), 1);
        assert_eq!(ChatRequest::new("m", vec![]).system(), None);
    }

    #[test]
    fn extra_fields_reach_only_those_who_can_read_them() {
        let fields = Map::from_iter([("logit_bias".to_owned(), Value::Null)]);
        let extra = Extra::of(Family::OpenAiChat, fields.clone());
        assert!(extra.readable_by(Some(Family::OpenAiChat)).is_some());
        assert!(extra.readable_by(Some(Family::Anthropic)).is_none());
        assert!(extra.readable_by(None).is_none());
        assert!(Extra { family: None, fields }.readable_by(Some(Family::Anthropic)).is_some());
    }

    #[test]
    fn an_image_behind_an_address_is_seen_in_results_too() {
        let image = Part::Image(super::super::Image::at("https://example.org/a.png"));
        let result = super::super::ToolResultPart { call: "c".into(), parts: vec![image], is_error: false };
        let messages = vec![Message::of(Role::Tool, vec![Part::ToolResult(result)])];
        assert!(ChatRequest::new("m", messages).has_image_urls());
    }
}
