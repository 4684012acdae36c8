//! `jobs_edit`: other arguments for a job that failed.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Arguments, Context, Example, Outcome, ToolError, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::describe::{One, one};
use crate::error::{jobs_of, tool_error};

pub(crate) struct Edit;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The job, as jobs_submit named it.
    id: Box<str>,
    /// All of its arguments, as they are to be.
    arguments: Map<String, Value>,
}

impl TypedTool<()> for Edit {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "jobs_edit",
            "Change a dead letter's arguments",
            "Gives a job that failed or is dead other arguments. They are checked when it runs; jobs_retry has it run.",
        )
        .annotated(Annotations::CHANGES)
        .gives::<One>()
        .examples(&[Example {
            says: "Changes a job that is not there any more.",
            args: r#"{"id": "1-0123456789abcdef", "arguments": {"path": "notes.md"}}"#,
            gives: "there is no job",
        }])
    }

    async fn run(_: &Arc<()>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let arguments = Arguments::from_map(input.arguments);
        let edited = jobs_of(context)?.edit(&context.caller, &input.id, &arguments).await;
        Ok(one(edited.map_err(tool_error)?))
    }
}
