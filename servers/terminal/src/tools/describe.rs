//! What several answers say alike.

use std::time::{Duration, Instant};

use drawbridge_sandbox::{Ended, Exit, Report};
use schemars::JsonSchema;
use serde::Serialize;

use crate::sessions::commands::{self, Doing};
use crate::sessions::session::Session;

/// What a terminal is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Its shell waits for a command.
    Prompt,
    /// A command runs.
    Running,
    /// Its program does not tell.
    Unknown,
    /// Its program has ended.
    Ended,
}

/// A command that has ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Command {
    /// Counted from 1 in each terminal.
    pub(super) number: u64,
    /// What was typed, as it was shown.
    line: String,
    /// None where the shell does not tell.
    pub(super) exit_code: Option<i32>,
    pub(super) duration_ms: u64,
}

/// How a program ended.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct End {
    /// None if a signal ended it.
    pub(super) exit_code: Option<i32>,
    /// The signal that ended it.
    pub(super) signal: Option<i32>,
}

/// What holds a command's processes.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Held {
    /// Whether it is confined at all.
    confined: bool,
    /// What of its confinement this kernel cannot hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<String>,
    /// Folders that the owner gives to commands, and that are not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// A terminal.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Terminal {
    /// Its id.
    session: String,
    name: String,
    /// Whose it is.
    caller: String,
    /// What runs in it.
    program: String,
    pub(super) status: Status,
    columns: u16,
    rows: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    title: String,
    /// The place after the last byte of its output.
    pub(super) cursor: u64,
    /// How long it has been open.
    open_s: u64,
    /// How long nobody and nothing has used it.
    idle_s: u64,
    /// How many people watch it now.
    viewers: usize,
    /// Whether the owner keeps tools from typing in it.
    paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<End>,
}

impl Status {
    pub(super) fn of(session: &Session) -> Self {
        let state = session.state();
        match (state.ended.is_some(), state.commands.doing()) {
            (true, _) => Self::Ended,
            (_, Doing::Prompt) => Self::Prompt,
            (_, Doing::Running) => Self::Running,
            (_, Doing::Unknown) => Self::Unknown,
        }
    }

    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Prompt => "at the prompt",
            Self::Running => "a command is running",
            Self::Unknown => "running",
            Self::Ended => "the program has ended",
        }
    }
}

impl Command {
    pub(super) fn of(command: &commands::Command) -> Self {
        Self {
            number: command.number,
            line: command.line.clone(),
            exit_code: command.exit_code,
            duration_ms: millis(command.duration),
        }
    }

    pub(super) fn says(&self) -> String {
        let code =
            self.exit_code.map_or("an unknown exit code".to_owned(), |code| format!("exit code {code}"));
        format!("command {} ended with {code} after {} ms", self.number, self.duration_ms)
    }
}

impl End {
    /// `None` where nobody knows.
    pub(super) fn of(ended: Option<&Ended>) -> Self {
        let (exit_code, signal) = match ended.map(|ended| ended.exit) {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        Self { exit_code, signal }
    }

    pub(super) fn says(&self) -> String {
        match (self.exit_code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => "ended".to_owned(),
        }
    }
}

impl Held {
    pub(super) fn of(report: &Report) -> Self {
        Self {
            confined: report.confined,
            gaps: report.gaps.iter().map(ToString::to_string).collect(),
            missing: report.missing.iter().map(|path| path.display().to_string()).collect(),
        }
    }

    /// What the reader has to know of it; nothing if all is as it should be.
    pub(super) fn says(&self) -> String {
        match (self.confined, self.gaps.as_slice()) {
            (false, _) => "\n[It is not confined: the owner switched that off.]".to_owned(),
            (true, []) => String::new(),
            (true, gaps) => format!("\n[Its confinement has gaps here: {}.]", gaps.join("; ")),
        }
    }
}

impl Terminal {
    pub(super) fn of(session: &Session) -> Self {
        let status = Status::of(session);
        let mut state = session.state();
        Self {
            session: session.id.to_string(),
            name: session.name.to_string(),
            caller: session.caller.to_string(),
            program: session.program.clone(),
            status,
            columns: state.size.columns,
            rows: state.size.rows,
            title: state.display.now().title().to_owned(),
            cursor: state.log.end(),
            open_s: session.opened.elapsed().unwrap_or_default().as_secs(),
            idle_s: state.idle(Instant::now()).as_secs(),
            viewers: session.viewers(),
            paused: state.paused,
            ended: state.ended.as_ref().map(|ended| End::of(ended.as_ref())),
        }
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
