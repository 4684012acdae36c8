//! A terminal server of few words, as far as the older clients' routes need it: the shapes of the real tools, without a
//! process. What the real one does is tested against the program, in the tests from outside.

use std::sync::{Arc, Mutex};

use drawbridge_contract::{
    Annotations, Context, Outcome, Tool, ToolError, ToolResult, ToolSpec, TypedTool, bind,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// What was typed, and what the commands wrote.
#[derive(Default)]
pub(crate) struct Terminal(Mutex<State>);

#[derive(Default)]
struct State {
    typed: Vec<String>,
    outputs: Vec<String>,
    in_program: bool,
    closed: usize,
}

impl Terminal {
    pub(crate) fn typed(&self) -> Vec<String> {
        self.0.lock().unwrap().typed.clone()
    }

    pub(crate) fn closed(&self) -> usize {
        self.0.lock().unwrap().closed
    }

    /// What a line does: `echo` speaks, `repl` stays and repeats what it is told until `done`.
    fn enter(&self, line: &str) -> Value {
        let mut state = self.0.lock().unwrap();
        state.typed.push(line.to_owned());
        let output = match (state.in_program, line) {
            (true, "done") => {
                state.in_program = false;
                "left".to_owned()
            }
            (true, said) => format!("you said {said}"),
            (false, "repl") => {
                state.in_program = true;
                "welcome".to_owned()
            }
            (false, line) => line.strip_prefix("echo ").unwrap_or("unknown command").to_owned(),
        };
        state.outputs.push(output);
        json!({ "cursor": state.outputs.len() - 1, "next_command": state.outputs.len() })
    }

    fn read(&self, asked: &Asked) -> Value {
        let state = self.0.lock().unwrap();
        let from = asked.command.map_or(asked.since, |number| number - 1);
        let text = state.outputs.get(from..).unwrap_or_default().join("\n");
        let status = if state.in_program { "running" } else { "prompt" };
        json!({ "text": text, "cursor": state.outputs.len(), "reason": "command_end", "status": status, "commands": [] })
    }
}

#[derive(Deserialize, JsonSchema)]
struct Command {
    command: String,
    timeout_ms: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Opening {
    /// Variables, as the real tool takes them.
    #[serde(default)]
    env: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize, JsonSchema)]
struct Typed {
    session: String,
    text: String,
    enter: bool,
}

#[derive(Deserialize, JsonSchema)]
struct Asked {
    session: String,
    #[serde(default)]
    since: usize,
    #[serde(default)]
    command: Option<usize>,
    #[serde(default)]
    until: String,
}

#[derive(Deserialize, JsonSchema)]
struct Named {
    session: String,
}

macro_rules! tool {
    ($name:ident, $tool:literal, $input:ty, |$terminal:ident, $given:ident| $body:expr) => {
        struct $name;
        impl TypedTool<Terminal> for $name {
            type Input = $input;
            fn spec() -> ToolSpec {
                ToolSpec::of::<$input>($tool, $tool, "For older clients.").annotated(Annotations::DESTROYS)
            }
            async fn run(
                $terminal: &Arc<Terminal>,
                $given: $input,
                _: &Context,
            ) -> Result<Outcome, ToolError> {
                $body
            }
        }
    };
}

tool!(Run, "terminal_run", Command, |_terminal, input| {
    let (exit_code, timed_out) = match input.command.as_str() {
        "hang" => (None, true),
        "missing" => return Err(ToolError::Failed("there is no shell".to_owned())),
        command => (command.strip_prefix("exit ").map_or(Some(0), |code| code.parse().ok()), false),
    };
    let success = exit_code == Some(0);
    let (stdout, duration_ms) = (format!("{} within {} ms\n", input.command, input.timeout_ms), 12.5);
    let ran = json!({
        "run": "r", "success": success, "exit_code": exit_code, "signal": null, "timed_out": timed_out,
        "duration_ms": duration_ms, "stdout": stdout, "stderr": "", "stdout_bytes": 1, "stderr_bytes": 0,
    });
    Ok(ToolResult::structured(&ran).into())
});
tool!(Open, "terminal_open", Opening, |_terminal, input| {
    assert!(input.env.is_empty());
    Ok(ToolResult::structured(&json!({ "session": "s1", "name": "bash-1", "cursor": 0 })).into())
});
tool!(Write, "terminal_write", Typed, |terminal, input| {
    assert!(input.session == "s1" && input.enter);
    Ok(ToolResult::structured(&terminal.enter(&input.text)).into())
});
tool!(Read, "terminal_read", Asked, |terminal, input| {
    assert_eq!(input.session, "s1");
    // In a program that runs, nothing comes until somebody types.
    if input.until == "command_end" {
        std::future::pending::<()>().await;
    }
    Ok(ToolResult::structured(&terminal.read(&input)).into())
});
tool!(Close, "terminal_close", Named, |terminal, input| {
    assert_eq!(input.session, "s1");
    terminal.0.lock().unwrap().closed += 1;
    Ok(ToolResult::structured(&json!({ "exit_code": 0, "signal": null, "left_behind": 0 })).into())
});

pub(crate) fn tools(terminal: &Arc<Terminal>) -> Vec<Arc<dyn Tool>> {
    vec![
        bind::<_, Run>(terminal),
        bind::<_, Open>(terminal),
        bind::<_, Write>(terminal),
        bind::<_, Read>(terminal),
        bind::<_, Close>(terminal),
    ]
}
