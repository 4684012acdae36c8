//! `schedules_add`: a job again and again.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Arguments, Context, Example, JobOptions, NewScheduleRequest, Outcome, Timetable, ToolError,
    ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{One, line, schedules_of};
use crate::error::tool_error;

pub(crate) struct Add;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// What you call it; you have no other schedule of this name.
    name: Box<str>,
    /// The tool to run, one that you may call.
    tool: Box<str>,
    /// Its arguments. They are kept: put no secret into them.
    #[serde(default)]
    arguments: Map<String, Value>,
    /// How each job is to be treated. With a `deduplication_key`, a time is left out while the job before has not ended.
    #[serde(default)]
    options: JobOptions,
    /// When.
    when: Timetable,
}

impl TypedTool<()> for Add {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "schedules_add",
            "Begin a job again and again",
            "Runs a tool as a job at the times of a cron pattern on the clocks of a time zone, or again and again after so many seconds. The same rules hold each time as when you call the tool yourself. A time that the clocks skip comes at the first moment after; one that they show twice comes once. Times that pass while the hub is away are made up for once, unless `missed` says otherwise.",
        )
        .annotated(Annotations::CHANGES)
        .gives::<One>()
        .examples(&[
            Example { says: "Lists what runs, every working day at half past seven in Berlin.", args: r#"{"name": "example", "tool": "jobs_list", "arguments": {"states": ["running"]}, "when": {"cron": "30 7 * * mon-fri", "time_zone": "Europe/Berlin"}}"#, gives: "schedule" },
            Example { says: "Refuses a pattern that never comes.", args: r#"{"name": "never", "tool": "jobs_list", "when": {"cron": "0 0 30 2 *"}}"#, gives: "cron pattern" },
        ])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let Input { name, tool, arguments, options, when } = input;
        let arguments = Arguments::from_map(arguments);
        let new = NewScheduleRequest { name, tool, arguments, options, when };
        let schedule = schedules_of(context)?.add(&context.caller, new).await.map_err(tool_error)?;
        Ok(ToolResult::text_and(&line(&schedule), &One { schedule }).into())
    }
}
