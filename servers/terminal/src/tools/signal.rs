//! `terminal_signal`: a signal to what runs in the foreground.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use drawbridge_sandbox as sandbox;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::terminals::Terminals;

pub(crate) struct Signal;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The terminal, by its id or name.
    session: String,
    /// Which signal. `INT` is what ctrl-c sends; `KILL` cannot be refused.
    signal: Name,
}

/// A signal.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Name {
    Int,
    Term,
    Kill,
    Hup,
    Quit,
    Stop,
    Cont,
}

impl TypedTool<Terminals> for Signal {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_signal",
            "Signal a terminal's program",
            "Sends a signal to what runs in the foreground of a terminal, also to programs that take ctrl-c as a key. \
             To end everything use terminal_close.",
        )
        .annotated(Annotations::DESTROYS)
        .examples(&[Example {
            says: "Interrupts what runs.",
            args: r#"{"session": "build", "signal": "INT"}"#,
            gives: "Sent INT",
        }])
    }

    async fn run(terminals: &Arc<Terminals>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let session = terminals.sessions.find(&context.caller, &input.session)?;
        session.check_not_paused()?;
        session.signal(input.signal.of_sandbox())?;
        Ok(ToolResult::text(&format!("Sent {} to {}.", input.signal.of_sandbox().name(), session.name))
            .into())
    }
}

impl Name {
    fn of_sandbox(self) -> sandbox::Signal {
        match self {
            Self::Int => sandbox::Signal::Interrupt,
            Self::Term => sandbox::Signal::Terminate,
            Self::Kill => sandbox::Signal::Kill,
            Self::Hup => sandbox::Signal::Hangup,
            Self::Quit => sandbox::Signal::Quit,
            Self::Stop => sandbox::Signal::Stop,
            Self::Cont => sandbox::Signal::Continue,
        }
    }
}
