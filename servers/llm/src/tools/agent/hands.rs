//! The tools that an agent may use: those that its caller named, of those that its caller may use. Each is called through
//! the door as the caller.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use drawbridge_contract::{Answer, Arguments, Context, Outcome, RawValue, ToolError, ToolResult};
use futures::StreamExt as _;
use futures::stream;
use globset::{Glob, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PATTERNS_MAX;
use super::shelf::{READ_ON, Shelf};
use crate::chat::{Message, Part, RawJson, Role, ToolCall, ToolDefinition, ToolResultPart};
use crate::tools::question::part_of;
use crate::tools::tell::Teller;

/// How many calls of one round run at once.
const AT_ONCE_MAX: usize = 8;
/// How many tools a model is offered: beyond this no provider takes them, and no model chooses well.
pub(super) const TOOLS_MAX: usize = 128;
/// How much of a call's arguments the answer repeats.
const ARGUMENTS_CHARACTERS_MAX: usize = 500;
/// An agent does not start others: it would multiply its budget.
const NEVER: &str = "llm_agent";

/// The tools, and what they gave.
pub(super) struct Hands {
    tools: Vec<ToolDefinition>,
    shelf: Mutex<Shelf>,
}

/// One call, as the answer tells it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Called {
    tool: String,
    /// As the model wrote them, cut when they are long.
    arguments: String,
    /// Whether it failed or was refused; the model was told why.
    pub(super) failed: bool,
    /// Why, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    duration_ms: f64,
}

impl Called {
    /// The same for the same call.
    pub(super) fn fingerprint(&self) -> String {
        format!("{} {}", self.tool, self.arguments)
    }
}

#[derive(Deserialize)]
struct ReadOn {
    result: usize,
    from: usize,
}

impl Hands {
    /// The tools that fit the patterns and that this caller sees.
    ///
    /// # Errors
    /// [`ToolError::Invalid`] when there are none, or too many.
    pub(super) fn named(patterns: &[String], context: &Context) -> Result<Self, ToolError> {
        let wanted = compile(patterns)?;
        let view = context.view();
        let fitting =
            view.tools.iter().map(|tool| tool.spec()).filter(|spec| {
                spec.name != NEVER && spec.name != READ_ON && wanted.is_match(spec.name.as_ref())
            });
        let mut tools: Vec<ToolDefinition> = fitting
            .map(|spec| ToolDefinition {
                name: spec.name.to_string(),
                description: spec.description.to_string(),
                parameters: RawJson::from(spec.input_schema.clone()),
                strict: None,
            })
            .collect();
        if tools.is_empty() || tools.len() > TOOLS_MAX {
            let why = format!(
                "`tools` fits {} of the tools that you may use; it has to fit 1 to {TOOLS_MAX}",
                tools.len()
            );
            return Err(ToolError::Invalid(why));
        }
        tools.extend(Shelf::definition());
        Ok(Self { tools, shelf: Mutex::default() })
    }

    pub(super) fn definitions(&self) -> Vec<ToolDefinition> {
        self.tools.clone()
    }

    /// Makes all calls of a round, several at once; the results in the order of the calls.
    pub(super) async fn call_all(
        &self,
        calls: &[ToolCall],
        context: &Context,
        teller: &Teller<'_>,
    ) -> Vec<(Message, Called)> {
        let made = calls.iter().cloned().map(|call| async move { self.call(&call, context, teller).await });
        stream::iter(made).buffered(AT_ONCE_MAX).collect().await
    }

    async fn call(&self, call: &ToolCall, context: &Context, teller: &Teller<'_>) -> (Message, Called) {
        let begun = Instant::now();
        teller.aside(&format!("calls {}", call.name));
        let (parts, why) = match self.result(call, context).await {
            Ok(parts) => (parts, None),
            Err(why) => (vec![Part::text(why.clone())], Some(why)),
        };
        let failed = why.is_some();
        let called = Called {
            tool: call.name.clone(),
            arguments: cut(&call.arguments),
            failed,
            why: why.as_deref().map(cut),
            duration_ms: begun.elapsed().as_secs_f64() * 1000.0,
        };
        let result = ToolResultPart { call: call.id.clone(), parts, is_error: failed };
        (Message::of(Role::Tool, vec![Part::ToolResult(result)]), called)
    }

    /// What a call gave, or why it gave nothing, for the model to act on.
    async fn result(&self, call: &ToolCall, context: &Context) -> Result<Vec<Part>, String> {
        if !self.tools.iter().any(|tool| tool.name == call.name) {
            return Err(format!("there is no tool {}: use one of those you were given", call.name));
        }
        let text = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|error| format!("the arguments are not JSON: {error}"))?;
        let arguments = Arguments::decode(raw).map_err(|error| error.to_string())?;
        if call.name == READ_ON {
            let ReadOn { result, from } = arguments.read().map_err(|error| error.to_string())?;
            return Ok(vec![Part::text(self.shelf().read(result, from))]);
        }
        match context.call(&call.name, arguments).await {
            Ok(Outcome::Complete(Answer::Tool(result))) => self.parts(&result),
            Ok(Outcome::InputRequired(_)) => {
                Err("the owner must approve this first, and was not asked: go on without it, or say what you need".to_owned())
            }
            Ok(Outcome::Accepted(job)) => Ok(vec![Part::text(format!("it runs in the background as job {job}"))]),
            Ok(_) => Err("the tool gave no result".to_owned()),
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    fn parts(&self, result: &ToolResult) -> Result<Vec<Part>, String> {
        if result.is_error {
            return Err(self.shelf().show(result.content.plain_text()));
        }
        let blocks = result.content.parse().unwrap_or_default();
        let mut parts: Vec<Part> =
            blocks.iter().filter_map(part_of).filter(|part| part.as_image().is_some()).collect();
        parts.insert(0, Part::text(self.shelf().show(result.content.plain_text())));
        Ok(parts)
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compile(patterns: &[String]) -> Result<GlobSet, ToolError> {
    if patterns.len() > PATTERNS_MAX {
        return Err(ToolError::Invalid(format!("`tools` names at most {PATTERNS_MAX} patterns")));
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = Glob::new(pattern).map_err(|error| ToolError::Invalid(format!("in `tools`: {error}")))?;
        set.add(glob);
    }
    set.build().map_err(|error| ToolError::Invalid(format!("in `tools`: {error}")))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(ARGUMENTS_CHARACTERS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
    }
}
