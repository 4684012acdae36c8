//! `terminal_list`: which terminals there are.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::describe::Terminal;
use crate::terminals::Terminals;

pub(crate) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {}

#[derive(Serialize, JsonSchema)]
struct Answer {
    /// In the order of their opening.
    terminals: Vec<Terminal>,
}

impl TypedTool<Terminals> for List {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_list",
            "List terminals",
            "Lists your terminals and what they are doing. The owner sees everybody's.",
        )
        .annotated(Annotations::READS)
        .gives::<Answer>()
        .examples(&[Example { says: "Lists terminals.", args: "{}", gives: "\"terminals\":" }])
    }

    async fn run(terminals: &Arc<Terminals>, _: Input, context: &Context) -> Result<Outcome, ToolError> {
        let sessions = terminals.sessions.list(&context.caller);
        let terminals = sessions.iter().map(|session| Terminal::of(session)).collect();
        Ok(ToolResult::structured(&Answer { terminals }).into())
    }
}
