//! `daemons_restart`: ends a daemon and starts it again.

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};
use schemars::JsonSchema;
use serde::Deserialize;

use super::own_process;
use crate::registry::Registry;

pub(crate) struct Restart;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The daemon.
    name: String,
}

impl TypedTool<Registry> for Restart {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "daemons_restart",
            "Restart a daemon",
            "Ends a daemon that the hub runs and starts it again, also one that ended too often. daemons_list says when it \
             is ready. Only for the owner.",
        )
        .annotated(Annotations::CHANGES)
    }

    async fn run(registry: &Arc<Registry>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let process = own_process(registry, &input.name, context)?;
        if process.view().state.word() == "not run here" {
            return Err(ToolError::Failed(
                "no hub runs it here: start one with `drawbridge serve`".to_owned(),
            ));
        }
        process.ask_restart();
        Ok(ToolResult::text(&format!("{} is being started again.", input.name)).into())
    }
}
