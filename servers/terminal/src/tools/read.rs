//! `terminal_read`: what was written, and waiting for more.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use regex::RegexBuilder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::describe::{Command, End, Status};
use crate::error::{Result, TerminalError};
use crate::screen::text::Readable;
use crate::sessions::session::Session;
use crate::sessions::wait::{self, Reason, Search};
use crate::terminals::Terminals;

/// How long waiting takes at most when the caller does not say.
const TIMEOUT_MS_DEFAULT: u64 = 30_000;
/// How long one call waits at most; another can go on.
const TIMEOUT_MS_MAX: u64 = 300_000;
/// What the answer takes beyond that.
const MARGIN: Duration = Duration::from_secs(15);
/// How long a terminal is quiet before that counts, when the caller does not say.
const QUIET_MS_DEFAULT: u64 = 500;
/// Bytes of output in one answer, unless the caller says otherwise.
const BYTES_DEFAULT: usize = 32 * 1024;
/// The most that one answer holds.
const BYTES_MAX: usize = 256 * 1024;
/// A longer pattern is a mistake.
const PATTERN_CHARACTERS_MAX: usize = 1000;
/// Memory that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;

pub(crate) struct Read;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The terminal, by its id or name.
    session: String,
    /// Gives what was written from this place on: a `cursor` of an earlier answer. Without it the last part there is.
    #[serde(default)]
    since: Option<u64>,
    /// Instead of `since`: gives the output of this command and nothing else, and waits for its end.
    #[serde(default)]
    command: Option<u64>,
    #[serde(flatten)]
    how: How,
}

// What to wait for, and how much to give. Not a doc comment: it would describe every tool that has these members.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(super) struct How {
    /// What to wait for. Without it: the end of a command where the shell tells it, else quiet.
    #[serde(default)]
    until: Option<Until>,
    /// Waits for a line of the output that this regular expression fits.
    #[serde(default)]
    #[schemars(length(max = PATTERN_CHARACTERS_MAX))]
    pattern: Option<String>,
    /// How long nothing must be written to count as quiet, in milliseconds.
    #[serde(default = "quiet_ms_default")]
    #[schemars(range(min = 1, max = TIMEOUT_MS_MAX))]
    quiet_ms: u64,
    /// How long to wait at most, in milliseconds. The answer then holds what there is.
    #[serde(default = "timeout_ms_default")]
    #[schemars(range(max = TIMEOUT_MS_MAX))]
    timeout_ms: u64,
    /// How many bytes of output to give at most.
    #[serde(default = "bytes_default")]
    #[schemars(range(min = 256, max = BYTES_MAX))]
    bytes_max: usize,
    /// Gives the output as it is, with control sequences; as base64 where it is not UTF-8. Else it is drawn line by line.
    #[serde(default)]
    raw: bool,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Until {
    /// Nothing.
    Now,
    /// Any output.
    Output,
    /// That nothing is written for `quiet_ms`: for programs that ask something.
    Quiet,
    /// The end of a command, or a new prompt.
    CommandEnd,
}

fn quiet_ms_default() -> u64 {
    QUIET_MS_DEFAULT
}

fn timeout_ms_default() -> u64 {
    TIMEOUT_MS_DEFAULT
}

fn bytes_default() -> usize {
    BYTES_DEFAULT
}

/// What was written.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// What was written.
    text: String,
    /// `text` is base64.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_base64: bool,
    /// Where to read on.
    pub(super) cursor: u64,
    /// What ended the waiting.
    reason: Reason,
    /// What the terminal is doing now.
    status: Status,
    /// The commands that ended in the part that was asked for.
    commands: Vec<Command>,
    /// Bytes between where reading was to begin and where it did: they are no longer kept.
    #[serde(skip_serializing_if = "is_zero")]
    missed_bytes: u64,
    /// Bytes that are there already after `cursor`.
    #[serde(skip_serializing_if = "is_zero")]
    more_bytes: u64,
    /// How the terminal's program ended, if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<End>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl TypedTool<Terminals> for Read {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_read",
            "Read a terminal",
            "Gives what was written in a terminal, and waits for more: for the end of a command, for quiet, for a line \
             that fits a pattern, or for anything. `since` is the cursor of an earlier answer, so nothing is lost \
             and nothing comes twice. Within programs such as python or vim use `until: quiet` or a pattern; \
             what an editor shows is told by terminal_screen.",
        )
        .annotated(Annotations::READS)
        .gives::<Answer>()
        .timeout(Duration::from_millis(TIMEOUT_MS_MAX) + MARGIN)
        .examples(&[
            Example {
                says: "Gives the output of the first command alone.",
                args: r#"{"session": "build", "command": 1}"#,
                gives: "42\n\n[command 1",
            },
            Example {
                says: "Waits for a line that fits.",
                args: r#"{"session": "build", "since": 0, "pattern": "^[0-9]+$", "timeout_ms": 1000}"#,
                gives: "42",
            },
        ])
    }

    async fn run(
        terminals: &Arc<Terminals>,
        input: Input,
        context: &Context,
    ) -> std::result::Result<Outcome, ToolError> {
        let session = terminals.sessions.find(&context.caller, &input.session)?;
        session.touch();
        let answer = match input.command {
            Some(number) => read_command(&session, number, &input.how).await?,
            None => read(&session, input.since, &input.how).await?,
        };
        Ok(ToolResult::text_and(&answer.says(), &answer).into())
    }
}

/// Waits, and gives what was written from `since` on.
pub(super) async fn read(session: &Session, since: Option<u64>, how: &How) -> Result<Answer> {
    let from = since.unwrap_or_else(|| session.state().log.end());
    let until = how.until(session, from)?;
    let reason = session.wait(from, until, how.time_max()).await;
    Ok(answer(session, since, None, reason, how))
}

/// Waits for the end of a command, and gives its output alone.
async fn read_command(session: &Session, number: u64, how: &How) -> Result<Answer> {
    let begun = tokio::time::Instant::now();
    loop {
        let (next, end, running) = {
            let state = session.state();
            let commands = &state.commands;
            let ended = commands.numbered(number).map(|command| command.output.clone());
            (commands.next_number(), ended, commands.running_from().unwrap_or(state.log.end()))
        };
        let left = how.time_max().saturating_sub(begun.elapsed());
        let over = session.is_over() || left.is_zero();
        match end {
            Some(output) => {
                return Ok(answer(session, Some(output.start), Some(output.end), Reason::CommandEnd, how));
            }
            None if number < next => {
                return Err(TerminalError::Invalid(format!("command {number} is no longer remembered")));
            }
            None if number > next => {
                return Err(TerminalError::Invalid(format!(
                    "command {number} has not begun: the next one is {next}"
                )));
            }
            None if over => {
                let reason = if session.is_over() { Reason::Ended } else { Reason::Timeout };
                return Ok(answer(session, Some(running), None, reason, how));
            }
            None => {
                let now = session.state().log.end();
                session.wait(now, wait::Until::CommandEnd, left).await;
            }
        }
    }
}

fn answer(session: &Session, since: Option<u64>, until: Option<u64>, reason: Reason, how: &How) -> Answer {
    let status = Status::of(session);
    let state = session.state();
    let part = state.part(since, until, how.bytes_max.clamp(256, BYTES_MAX), how.raw);
    let from = since.unwrap_or(part.cursor);
    let commands =
        state.commands.since(from).filter(|command| until.is_none_or(|until| command.output.end <= until));
    let (text, is_base64) = match part.readable {
        Readable::Text(text) => (text, false),
        Readable::Binary(text) => (text, true),
    };
    Answer {
        text,
        is_base64,
        cursor: part.cursor,
        reason,
        status,
        commands: commands.map(Command::of).collect(),
        missed_bytes: part.missed_bytes,
        more_bytes: part.more_bytes,
        ended: state.ended.as_ref().map(|ended| End::of(ended.as_ref())),
    }
}

impl Answer {
    pub(super) fn says(&self) -> String {
        let mut notes: Vec<String> = self.commands.iter().map(Command::says).collect();
        if self.reason == Reason::Timeout {
            notes.push("the time to wait is over".to_owned());
        }
        if self.missed_bytes > 0 {
            notes.push(format!("{} bytes before this are no longer kept", self.missed_bytes));
        }
        if self.more_bytes > 0 {
            notes.push(format!("{} more bytes are there", self.more_bytes));
        }
        let ended = self.ended.as_ref().map(|end| format!(" ({})", end.says())).unwrap_or_default();
        notes.push(format!("{}{ended}", self.status.says()));
        format!("{}\n[{}; cursor {}]", self.text, notes.join("; "), self.cursor)
    }
}

impl How {
    /// Waits for what is usual, and gives as much as is usual.
    pub(super) fn time_max(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.min(TIMEOUT_MS_MAX))
    }

    pub(super) fn until(&self, session: &Session, from: u64) -> Result<wait::Until> {
        let quiet = wait::Until::Quiet(Duration::from_millis(self.quiet_ms));
        let marked = session.state().commands.are_marked();
        match (&self.pattern, self.until) {
            (Some(_), Some(_)) => {
                Err(TerminalError::Invalid("give until or pattern, and not both".to_owned()))
            }
            (Some(pattern), None) => Ok(wait::Until::Pattern(Search::new(compile(pattern)?, from))),
            (None, Some(Until::Now)) => Ok(wait::Until::Now),
            (None, Some(Until::Output)) => Ok(wait::Until::Output),
            (None, Some(Until::CommandEnd) | None) if marked => Ok(wait::Until::CommandEnd),
            (None, _) => Ok(quiet),
        }
    }
}

fn compile(pattern: &str) -> Result<regex::Regex> {
    let invalid =
        |why: &dyn std::fmt::Display| TerminalError::Invalid(format!("the pattern cannot be used: {why}"));
    if pattern.chars().count() > PATTERN_CHARACTERS_MAX {
        return Err(invalid(&format!("it has more than {PATTERN_CHARACTERS_MAX} characters")));
    }
    let compiled =
        RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build();
    compiled.map_err(|error| invalid(&error))
}
