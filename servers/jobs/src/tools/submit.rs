//! `jobs_submit`: a call in the background.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Arguments, Context, Example, JobOptions, Outcome, ToolError, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::describe::{One, one};
use crate::error::{jobs_of, tool_error};

pub(crate) struct Submit;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The tool to run, one that you may call.
    tool: String,
    /// Its arguments. They are kept until the job is forgotten: put no secret into them.
    #[serde(default)]
    arguments: Map<String, Value>,
    /// When and how it is to run.
    #[serde(default)]
    options: JobOptions,
}

impl TypedTool<()> for Submit {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "jobs_submit",
            "Run a tool in the background",
            "Runs another tool as a job and answers at once with the job's id. For what takes longer than you can wait, runs \
             later, or must survive a restart. The same rules hold as when you call the tool yourself, now and when it \
             runs; where the owner must approve, the job waits for that. Ask jobs_wait or jobs_result for what came of it.",
        )
        .annotated(Annotations::CHANGES)
        .gives::<One>()
        .examples(&[
            Example {
                says: "Lists jobs, as a job.",
                args: r#"{"tool": "jobs_list", "arguments": {"limit": 1}}"#,
                gives: "(jobs_list) is",
            },
            Example {
                says: "Runs in an hour, once however often this is said.",
                args: r#"{"tool": "jobs_list", "options": {"delay_ms": 3600000, "idempotency_key": "example"}}"#,
                gives: "is scheduled",
            },
            Example {
                says: "Refuses what you may not call.",
                args: r#"{"tool": "no_such_tool"}"#,
                gives: "unknown tool",
            },
        ])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let jobs = jobs_of(context)?;
        let arguments = Arguments::from_map(input.arguments);
        match context.submit(&input.tool, arguments, input.options).await.map_err(tool_error)? {
            Outcome::Accepted(id) => Ok(one(jobs.get(&context.caller, &id).await.map_err(tool_error)?)),
            Outcome::Complete(_) | Outcome::InputRequired(_) => {
                Err(ToolError::Failed(format!("{} was not put into the background", input.tool)))
            }
        }
    }
}
