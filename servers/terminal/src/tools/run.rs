//! `terminal_run`: one command to its end.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Background, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use drawbridge_sandbox::Cause;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::describe::{End, Held};
use super::{ACTS, Variables, pairs};
use crate::error::{Result, TerminalError};
use crate::runs::outputs::Stream;
use crate::runs::run::{self, Ran};
use crate::runs::shown::Output;
use crate::shell::Shell;
use crate::terminals::Terminals;

/// How long a command may run whose caller does not say.
const TIMEOUT_MS_DEFAULT: u64 = 60_000;
/// How long a command may run; longer ones belong in a terminal, or in a job.
const TIMEOUT_MS_MAX: u64 = 600_000;
/// What the answer takes beyond that: starting it, ending it, and reading what is left.
const MARGIN: Duration = Duration::from_secs(15);
/// Bytes of each output in the answer, unless the caller says otherwise: a few screens full of pages.
const OUTPUT_BYTES_DEFAULT: usize = 32 * 1024;
/// The most of each output that an answer holds.
const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Input is typed by a model or comes from a program; what is larger belongs in a file.
const INPUT_BYTES_MAX: usize = 1 << 20;

pub(crate) struct Run;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The command, as a shell reads it.
    #[serde(default)]
    command: Option<String>,
    /// Instead of `command`: a program and its arguments, which no shell reads.
    #[serde(default)]
    #[schemars(length(min = 1))]
    argv: Option<Vec<String>>,
    /// Which shell reads `command`: its name, such as `bash` or `sh`, or its path.
    #[serde(default)]
    shell: Option<String>,
    /// Where it works; a relative path begins at the folder that commands usually work in.
    #[serde(default)]
    cwd: Option<String>,
    /// Variables that it sees, beside the usual ones.
    #[serde(default)]
    env: Variables,
    /// What it reads as its standard input; nothing without it.
    #[serde(default)]
    #[schemars(length(max = INPUT_BYTES_MAX))]
    stdin: Option<String>,
    /// After this many milliseconds it is ended, with everything that it started.
    #[serde(default = "timeout_ms_default")]
    #[schemars(range(min = 1, max = TIMEOUT_MS_MAX))]
    timeout_ms: u64,
    /// How many bytes of each output the answer holds at most: the first half and the last half. The rest can be read
    /// with terminal_output.
    #[serde(default = "output_bytes_default")]
    #[schemars(range(min = 256, max = OUTPUT_BYTES_MAX))]
    output_bytes_max: usize,
    /// Gives the output as it is, with control sequences; as base64 where it is not UTF-8.
    #[serde(default)]
    raw: bool,
}

fn timeout_ms_default() -> u64 {
    TIMEOUT_MS_DEFAULT
}

fn output_bytes_default() -> usize {
    OUTPUT_BYTES_DEFAULT
}

/// What came of the command.
#[derive(Serialize, JsonSchema)]
struct Answer {
    /// Names this run for terminal_output.
    run: String,
    /// Whether it ended by itself with exit code 0.
    success: bool,
    #[serde(flatten)]
    end: End,
    /// Whether it was ended because its time was over.
    timed_out: bool,
    /// From its start to its end.
    duration_ms: f64,
    /// What it wrote to its standard output.
    stdout: String,
    /// What it wrote to its standard error.
    stderr: String,
    /// `stdout` is base64.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stdout_is_base64: bool,
    /// `stderr` is base64.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stderr_is_base64: bool,
    /// How much it wrote.
    stdout_bytes: u64,
    /// How much it wrote.
    stderr_bytes: u64,
    /// How much of that is not in this answer.
    stdout_omitted_bytes: u64,
    /// How much of that is not in this answer.
    stderr_omitted_bytes: u64,
    /// Processes that it had left behind, and that were ended.
    #[serde(skip_serializing_if = "is_zero")]
    left_behind: u32,
    #[serde(flatten)]
    held: Held,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl TypedTool<Terminals> for Run {
    type Input = Input;

    /// What a program runs is in the audit.
    const AUDITED_WHOLE: bool = true;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_run",
            "Run a command",
            "Runs one command to its end and gives its output, errors and exit code. It has no terminal and no \
             input but `stdin`; whatever it started is ended with it. For programs that ask questions, for servers, and \
             for work that takes longer use terminal_open. Commands may be confined: then they write below the owner's \
             folders and in $TMPDIR, and have no network.",
        )
        .annotated(ACTS)
        .gives::<Answer>()
        .timeout(Duration::from_millis(TIMEOUT_MS_MAX) + MARGIN)
        .background(Background::Optional)
        .examples(&[
            Example {
                says: "Counts lines.",
                args: r#"{"command": "printf 'a\nb\n' | wc -l"}"#,
                gives: "2",
            },
            Example {
                says: "Runs a program without a shell.",
                args: r#"{"argv": ["printf", "%s", "$HOME; `id`"]}"#,
                gives: "$HOME; `id`",
            },
            Example {
                says: "Says how it failed.",
                args: r#"{"command": "echo no >&2; exit 3"}"#,
                gives: "[exit code 3",
            },
            Example {
                says: "Keeps the rest of a long output.",
                args: r#"{"command": "seq 1 1000", "output_bytes_max": 256}"#,
                gives: "terminal_output",
            },
            Example {
                says: "Is ended when its time is over.",
                args: r#"{"command": "sleep 60", "timeout_ms": 100}"#,
                gives: "its time was over",
            },
        ])
    }

    async fn run(
        terminals: &Arc<Terminals>,
        input: Input,
        context: &Context,
    ) -> std::result::Result<Outcome, ToolError> {
        let raw = input.raw;
        let ran = request(terminals, input)?.complete(terminals, context).await?;
        Ok(answer(&ran, raw).into())
    }
}

fn request(terminals: &Terminals, input: Input) -> Result<run::Run> {
    let (program, arguments) = match (&input.command, &input.argv) {
        (Some(command), None) => shell(terminals, input.shell.as_deref()).command(command),
        (None, Some(words)) if input.shell.is_none() => match words.split_first() {
            Some((program, arguments)) => (program.into(), arguments.iter().map(Into::into).collect()),
            None => return Err(TerminalError::Invalid("argv has to begin with a program".into())),
        },
        (None, Some(_)) => {
            return Err(TerminalError::Invalid("argv is read by no shell: leave one of the two out".into()));
        }
        _ => return Err(TerminalError::Invalid("give command or argv, and not both".into())),
    };
    check_bounds(&input)?;
    Ok(run::Run {
        program,
        arguments,
        folder: terminals.folder(input.cwd.as_deref())?,
        variables: pairs(input.env),
        input: input.stdin,
        timeout: Duration::from_millis(input.timeout_ms),
        output_bytes_max: input.output_bytes_max,
    })
}

fn check_bounds(input: &Input) -> Result<()> {
    let invalid = |why: String| Err(TerminalError::Invalid(why));
    if !(1..=TIMEOUT_MS_MAX).contains(&input.timeout_ms) {
        return invalid(format!(
            "timeout_ms has to be 1 to {TIMEOUT_MS_MAX}; for more time use terminal_open"
        ));
    }
    if !(256..=OUTPUT_BYTES_MAX).contains(&input.output_bytes_max) {
        return invalid(format!("output_bytes_max has to be 256 to {OUTPUT_BYTES_MAX}"));
    }
    if input.stdin.as_ref().is_some_and(|stdin| stdin.len() > INPUT_BYTES_MAX) {
        return invalid(format!("stdin has more than {INPUT_BYTES_MAX} bytes: put it into a file"));
    }
    Ok(())
}

fn shell(terminals: &Terminals, named: Option<&str>) -> Shell {
    let configured = terminals.sessions.settings.run_shell.as_deref();
    named.or(configured).map_or_else(Shell::for_commands, Shell::named)
}

fn answer(ran: &Ran, raw: bool) -> ToolResult {
    let show = if raw { Output::raw } else { Output::plain };
    let stdout = show(&ran.stdout, &ran.id, Stream::Stdout);
    let stderr = show(&ran.stderr, &ran.id, Stream::Stderr);
    let answer = Answer {
        run: ran.id.clone(),
        success: ran.ended.success(),
        end: End::of(Some(&ran.ended)),
        timed_out: ran.ended.cause == Cause::TimedOut,
        duration_ms: ran.ended.duration.as_secs_f64() * 1000.0,
        stdout: stdout.text,
        stderr: stderr.text,
        stdout_is_base64: stdout.base64,
        stderr_is_base64: stderr.base64,
        stdout_bytes: stdout.bytes,
        stderr_bytes: stderr.bytes,
        stdout_omitted_bytes: stdout.omitted_bytes,
        stderr_omitted_bytes: stderr.omitted_bytes,
        left_behind: ran.ended.strays,
        held: Held::of(&ran.report),
    };
    ToolResult::text_and(&answer.says(), &answer)
}

impl Answer {
    fn says(&self) -> String {
        let mut text = self.stdout.clone();
        if !self.stderr.is_empty() {
            text.push_str(begin_line(&text));
            text.push_str("[stderr]\n");
            text.push_str(&self.stderr);
        }
        text.push_str(begin_line(&text));
        let why =
            if self.timed_out { ": its time was over, and everything it started was ended" } else { "" };
        text.push_str(&format!("[{}{why}, after {:.0} ms]", self.end.says(), self.duration_ms));
        if self.left_behind > 0 {
            text.push_str(&format!("\n[{} processes that it left behind were ended.]", self.left_behind));
        }
        text.push_str(&self.held.says());
        text
    }
}

fn begin_line(text: &str) -> &'static str {
    if text.is_empty() || text.ends_with('\n') { "" } else { "\n" }
}
