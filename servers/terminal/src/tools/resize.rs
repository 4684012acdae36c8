//! `terminal_resize`: another size.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use drawbridge_sandbox::Size;
use schemars::JsonSchema;
use serde::Deserialize;

use super::describe::Terminal;
use crate::sessions::session::{COLUMNS_MAX, ROWS_MAX};
use crate::terminals::Terminals;

pub(crate) struct Resize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The terminal, by its id or name.
    session: String,
    /// Characters in a line.
    #[schemars(range(min = 1, max = COLUMNS_MAX))]
    columns: u16,
    /// Lines.
    #[schemars(range(min = 1, max = ROWS_MAX))]
    rows: u16,
}

impl TypedTool<Terminals> for Resize {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_resize",
            "Resize a terminal",
            "Gives a terminal another size, of which the programs in it are told. More columns keep long lines whole.",
        )
        .annotated(Annotations { idempotent: true, ..Annotations::CHANGES })
        .gives::<Terminal>()
        .examples(&[Example {
            says: "Makes it wider.",
            args: r#"{"session": "build", "columns": 132, "rows": 43}"#,
            gives: "\"columns\":132",
        }])
    }

    async fn run(terminals: &Arc<Terminals>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let session = terminals.sessions.find(&context.caller, &input.session)?;
        session.check_not_paused()?;
        session.resize(Size { columns: input.columns, rows: input.rows })?;
        Ok(ToolResult::structured(&Terminal::of(&session)).into())
    }
}
