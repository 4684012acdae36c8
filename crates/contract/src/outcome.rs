//! What comes of a call.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{Content, InputRequired, ToolError, raw};

/// What comes of a call that was let through.
#[derive(Debug, Clone)]
pub enum Outcome<T = ToolResult> {
    /// It is done; for a tool, whether well or not is in the result.
    Complete(T),
    /// It needs an answer first: send it again with the answers.
    InputRequired(InputRequired),
    /// It runs in the background, under this job's id.
    Accepted(Box<str>),
}

impl<T> Outcome<T> {
    /// Wraps what is complete in another type.
    pub fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Complete(done) => Outcome::Complete(wrap(done)),
            Self::InputRequired(needed) => Outcome::InputRequired(needed),
            Self::Accepted(job) => Outcome::Accepted(job),
        }
    }
}

impl From<ToolResult> for Outcome {
    fn from(result: ToolResult) -> Self {
        Self::Complete(result)
    }
}

/// What a tool answers: content for the model, structured data for programs, and whether it went well.
#[derive(Debug, Clone)]
pub struct ToolResult {
    /// For the model.
    pub content: Content,
    /// For programs; fits the output schema when the tool has one. Always a JSON object.
    pub structured: Option<Box<RawValue>>,
    /// The tool could not do it; the content says why, so that the model can act on it.
    pub is_error: bool,
    /// The result's `_meta`, passed through.
    pub meta: Option<Box<RawValue>>,
}

impl ToolResult {
    /// Text, and nothing else.
    pub fn text(text: &str) -> Self {
        Self::content(Content::text(text))
    }

    /// Content, and nothing else.
    pub fn content(content: Content) -> Self {
        Self { content, structured: None, is_error: false, meta: None }
    }

    /// Structured data, and the same as text for models that read only text (MCP 2025-06-18 and later, structured content).
    pub fn structured(data: &impl Serialize) -> Self {
        let data = raw(data);
        Self { content: Content::text(data.get()), structured: Some(data), is_error: false, meta: None }
    }

    /// Text for the model, and other data beside it for programs.
    pub fn text_and(text: &str, data: &impl Serialize) -> Self {
        Self { structured: Some(raw(data)), ..Self::text(text) }
    }

    /// An error that the model can act on.
    pub fn error(message: &str) -> Self {
        Self { is_error: true, ..Self::text(message) }
    }

    /// Where the `_meta` of an error says its kind, for programs: [`ToolError::kind`].
    pub const ERROR_KIND: &str = "drawbridge/error";

    /// A tool's error, for the model and for programs.
    pub fn failed(error: &ToolError) -> Self {
        let kind = BTreeMap::from([(Self::ERROR_KIND, error.kind())]);
        Self { meta: Some(raw(&kind)), ..Self::error(&error.to_string()) }
    }

    /// The size of what goes to the caller, in bytes of JSON.
    pub fn size_bytes(&self) -> usize {
        let raw_len = |value: &Option<Box<RawValue>>| value.as_ref().map_or(0, |value| value.get().len());
        self.content.json().len() + raw_len(&self.structured) + raw_len(&self.meta)
    }
}
