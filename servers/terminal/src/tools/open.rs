//! `terminal_open`: a terminal that lives on.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};
use drawbridge_sandbox::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::describe::{Held, Terminal};
use super::{ACTS, Variables, pairs};
use crate::error::{Result, TerminalError};
use crate::sessions::all::{Opening, Program};
use crate::sessions::session::{COLUMNS_MAX, ROWS_MAX};
use crate::sessions::wait::Until;
use crate::terminals::Terminals;

/// How long a shell may take to show its first prompt before the answer is given without it.
const PROMPT_MAX: Duration = Duration::from_secs(5);
/// Longer names are no names.
const NAME_CHARACTERS_MAX: usize = 64;

pub(crate) struct Open;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// What to call it; without it, it gets a name such as `bash-1`.
    #[serde(default)]
    #[schemars(length(min = 1, max = NAME_CHARACTERS_MAX))]
    name: Option<String>,
    /// The shell: its name, such as `bash`, `zsh`, `fish` or `sh`, or its path. Without it the owner's usual one.
    #[serde(default)]
    shell: Option<String>,
    /// Instead of a shell: a program and its arguments, such as `["python3"]`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    argv: Option<Vec<String>>,
    /// Where it begins; a relative path begins at the folder that commands usually work in.
    #[serde(default)]
    cwd: Option<String>,
    /// Variables that it sees, beside the usual ones.
    #[serde(default)]
    env: Variables,
    /// Characters in a line.
    #[serde(default = "columns_default")]
    #[schemars(range(min = 1, max = COLUMNS_MAX))]
    columns: u16,
    /// Lines.
    #[serde(default = "rows_default")]
    #[schemars(range(min = 1, max = ROWS_MAX))]
    rows: u16,
}

fn columns_default() -> u16 {
    Size::default().columns
}

fn rows_default() -> u16 {
    Size::default().rows
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    #[serde(flatten)]
    terminal: Terminal,
    #[serde(flatten)]
    held: Held,
}

impl TypedTool<Terminals> for Open {
    type Input = Input;

    /// What a program runs is in the audit.
    const AUDITED_WHOLE: bool = true;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_open",
            "Open a terminal",
            "Opens a terminal with a shell or another program, for programs that ask questions, for servers, and for \
             work that goes on. It stays when you go, keeps its folder and variables, and people can watch and join. \
             Type with terminal_write, read with terminal_read or terminal_screen, end it with terminal_close.",
        )
        .annotated(ACTS)
        .gives::<Answer>()
        .examples(&[Example {
            says: "Opens a terminal with bash.",
            args: r#"{"name": "build", "shell": "bash"}"#,
            gives: "The terminal build",
        }])
    }

    async fn run(
        terminals: &Arc<Terminals>,
        input: Input,
        context: &Context,
    ) -> std::result::Result<Outcome, ToolError> {
        let opening = opening(terminals, input)?;
        let session = terminals.sessions.open(&context.caller, opening).await?;
        if session.state().commands.are_marked() {
            session.wait(0, Until::CommandEnd, PROMPT_MAX).await;
        }
        let answer = Answer { terminal: Terminal::of(&session), held: Held::of(&session.report) };
        let status = answer.terminal.status.says();
        let says = format!("The terminal {} is open: {status}.{}", session.name, answer.held.says());
        Ok(ToolResult::text_and(&says, &answer).into())
    }
}

fn opening(terminals: &Terminals, input: Input) -> Result<Opening> {
    let program = match (input.shell, input.argv) {
        (None, None) => Program::Usual,
        (Some(shell), None) => Program::Shell(shell),
        (None, Some(words)) if !words.is_empty() => Program::Words(words),
        _ => {
            return Err(TerminalError::Invalid(
                "give shell or argv, and not both; argv begins with a program".into(),
            ));
        }
    };
    if let Some(name) = &input.name {
        check_name(name)?;
    }
    let size = Size { columns: input.columns.clamp(1, COLUMNS_MAX), rows: input.rows.clamp(1, ROWS_MAX) };
    let folder = Some(terminals.folder(input.cwd.as_deref())?);
    Ok(Opening { name: input.name, program, folder, variables: pairs(input.env), size })
}

/// Names stand in addresses, lists and the audit.
fn check_name(name: &str) -> Result<()> {
    let fits = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
    if (1..=NAME_CHARACTERS_MAX).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(TerminalError::Invalid(format!(
        "a terminal's name has 1 to {NAME_CHARACTERS_MAX} of the characters A-Z a-z 0-9 - _ ."
    )))
}
