//! Prompts: templates of messages that a person picks.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Arguments, BoxFuture, Completion, Context, Outcome, Suggestions, ToolError};

/// How a prompt describes itself. Serialises to an MCP `Prompt`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PromptSpec {
    /// Unique in the catalog.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For people and models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What can be filled in; the values are strings.
    #[serde(default)]
    pub arguments: Vec<PromptArgument>,
}

/// One thing to fill in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it must be there.
    #[serde(default)]
    pub required: bool,
}

/// A filled-in prompt.
#[derive(Debug, Clone)]
pub struct PromptResult {
    /// For people.
    pub description: Option<String>,
    /// A JSON array of MCP `PromptMessage`s.
    pub messages: Box<RawValue>,
}

/// A prompt: a spec and the code that fills it in.
pub trait Prompt: Send + Sync + 'static {
    /// How it describes itself.
    fn spec(&self) -> &PromptSpec;

    /// Fills it in. Required arguments are there, and all values are strings.
    fn get<'a>(
        &'a self,
        arguments: &'a Arguments,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome<PromptResult>, ToolError>>;

    /// Suggests values for an argument, of those that begin with what was typed.
    fn complete<'a>(&'a self, _request: &'a Completion) -> BoxFuture<'a, Suggestions> {
        Box::pin(async { Suggestions::default() })
    }
}
