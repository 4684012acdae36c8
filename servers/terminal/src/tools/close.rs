//! `terminal_close`: the end of a terminal and of everything in it.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::describe::End;
use crate::terminals::Terminals;

pub(crate) struct Close;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The terminal, by its id or name.
    session: String,
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    #[serde(flatten)]
    end: End,
    /// Processes that its program had left behind, and that were ended.
    left_behind: u32,
}

impl TypedTool<Terminals> for Close {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_close",
            "Close a terminal",
            "Ends a terminal's program and everything that it started, also what runs in the background, and forgets \
             the terminal.",
        )
        .annotated(Annotations::DESTROYS)
        .gives::<Answer>()
        .examples(&[Example { says: "Closes it.", args: r#"{"session": "build"}"#, gives: "Closed build" }])
    }

    async fn run(terminals: &Arc<Terminals>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let session = terminals.sessions.find(&context.caller, &input.session)?;
        // A person who paused it is working in it.
        if !context.caller.is_owner() {
            session.check_not_paused()?;
        }
        let ended = session.close().await;
        terminals.sessions.forget(&session);
        let left_behind = ended.as_ref().map_or(0, |ended| ended.strays);
        let answer = Answer { end: End::of(ended.as_ref()), left_behind };
        let says = format!(
            "Closed {}: {}; {left_behind} processes left behind were ended.",
            session.name,
            answer.end.says()
        );
        Ok(ToolResult::text_and(&says, &answer).into())
    }
}
