//! `daemons_logs`: what a daemon printed.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Outcome, ToolError, ToolResult, ToolSpec, TypedTool, visible,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::own_process;
use crate::registry::Registry;

/// How much is shown at the most, and unless somebody says otherwise, in bytes.
const BYTES_MAX: usize = 256 * 1024;
const BYTES_DEFAULT: usize = 16 * 1024;

pub(crate) struct Logs;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The daemon.
    name: String,
    /// How many bytes of the end.
    #[serde(default = "bytes_default")]
    #[schemars(range(min = 1, max = BYTES_MAX))]
    bytes_max: usize,
}

fn bytes_default() -> usize {
    BYTES_DEFAULT
}

impl TypedTool<Registry> for Logs {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "daemons_logs",
            "Read a daemon's log",
            "Shows the end of what a daemon printed that the hub runs: its output, and when it was started and ended. Only \
             for the owner.",
        )
        .annotated(Annotations::READS)
    }

    async fn run(registry: &Arc<Registry>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let process = own_process(registry, &input.name, context)?;
        let tail = process.log_tail(input.bytes_max.min(BYTES_MAX));
        let tail = tail.map_err(|error| ToolError::Failed(format!("its log cannot be read: {error}")))?;
        Ok(ToolResult::text(&visible(&tail)).into())
    }
}
