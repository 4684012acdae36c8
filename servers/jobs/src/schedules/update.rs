//! `schedules_update`: something is different about a schedule from now on.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ScheduleChange, TimetableChange, ToolError, ToolResult, ToolSpec,
    TypedTool,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{One, line, schedules_of};
use crate::error::tool_error;

pub(crate) struct Update;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Its name, or its id.
    name: Box<str>,
    /// Another name for it.
    #[serde(default)]
    new_name: Option<Box<str>>,
    /// Another tool to run, one that you may call.
    #[serde(default)]
    tool: Option<Box<str>>,
    /// All of its arguments, as they are to be.
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
    /// What is different about how each job is to be treated, in the words of schedules_add; `null` takes one away.
    #[serde(default)]
    options: Option<Map<String, Value>>,
    /// What is different about its times.
    #[serde(default)]
    when: Option<TimetableChange>,
}

impl TypedTool<()> for Update {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "schedules_update",
            "Change a schedule",
            "Changes a schedule in its place. What you leave out stays, also its id, what it has begun and whether it is paused. Arguments are given whole, everything else in parts; a pattern takes the place of an interval, and the reverse. Other times count from now on.",
        )
        .annotated(Annotations::CHANGES)
        .gives::<One>()
        .examples(&[Example {
            says: "Moves a schedule that is not there to another hour.",
            args: r#"{"name": "no-such-schedule", "when": {"cron": "30 4 * * *"}}"#,
            gives: "there is no schedule",
        }])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let Input { name, new_name, tool, arguments, options, when } = input;
        let change = ScheduleChange { new_name, tool, arguments, options, when };
        let changed = schedules_of(context)?.update(&context.caller, &name, change).await;
        let schedule = changed.map_err(tool_error)?;
        Ok(ToolResult::text_and(&line(&schedule), &One { schedule }).into())
    }
}
