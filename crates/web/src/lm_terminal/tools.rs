//! The old words and the tools that they mean: the only place here that knows the terminal server's names and members.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

/// Runs a command to its end.
pub(super) const RUN: &str = "terminal_run";
/// Opens a terminal that stays.
pub(super) const OPEN: &str = "terminal_open";
/// Types in it.
pub(super) const WRITE: &str = "terminal_write";
/// Reads it, and waits.
pub(super) const READ: &str = "terminal_read";
/// Ends it.
pub(super) const CLOSE: &str = "terminal_close";

/// How long a command may run when its client does not say; documented as `20s`.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a command may run at most: a client that asks for more gets this. No call of a tool waits longer; what takes
/// longer belongs into the stream.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// How long a program is quiet before its answer to an input counts as whole.
const QUIET: Duration = Duration::from_millis(500);
/// How long one wait for the end of a long command is; another follows.
const LONG_WAIT: Duration = Duration::from_secs(240);

/// The arguments of [`RUN`].
pub(super) fn run(command: &str, timeout: Duration) -> Value {
    json!({ "command": command, "timeout_ms": millis(timeout) })
}

/// The structured result of [`RUN`], as far as the old words need it.
#[derive(Debug, Deserialize)]
pub(super) struct Ran {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// None when a signal ended it.
    pub(super) exit_code: Option<i32>,
    pub(super) timed_out: bool,
    pub(super) duration_ms: f64,
}

/// The structured result of [`OPEN`].
#[derive(Debug, Deserialize)]
pub(super) struct Opened {
    pub(super) session: String,
}

/// The arguments of [`WRITE`] for one line.
pub(super) fn write(session: &str, line: &str) -> Value {
    json!({ "session": session, "text": line, "enter": true })
}

/// The structured result of [`WRITE`].
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    /// Where what follows begins.
    pub(super) cursor: u64,
    /// The number of the command that was typed, where the shell tells.
    #[serde(default)]
    pub(super) next_command: Option<u64>,
}

/// What to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The output of this command, when it has ended.
    Command(u64),
    /// What is written from here on until it is quiet.
    Answer(u64),
    /// What is written from here on until a command ends, however long that takes.
    Rest(u64),
}

/// The arguments of [`READ`].
pub(super) fn read(session: &str, part: Part) -> Value {
    match part {
        Part::Command(number) => {
            json!({ "session": session, "command": number, "timeout_ms": millis(DEFAULT_TIMEOUT) })
        }
        Part::Answer(since) => {
            let timeout_ms = millis(DEFAULT_TIMEOUT);
            json!({ "session": session, "since": since, "until": "quiet", "quiet_ms": millis(QUIET), "timeout_ms": timeout_ms })
        }
        Part::Rest(since) => {
            json!({ "session": session, "since": since, "until": "command_end", "timeout_ms": millis(LONG_WAIT) })
        }
    }
}

/// The structured result of [`READ`].
#[derive(Debug, Deserialize)]
pub(super) struct Read {
    pub(super) text: String,
    /// Where to read on.
    pub(super) cursor: u64,
    /// What the terminal does now.
    status: String,
}

impl Read {
    /// Whether a command still runs.
    pub(super) fn is_running(&self) -> bool {
        self.status == "running"
    }

    /// Whether the terminal's program has ended.
    pub(super) fn is_over(&self) -> bool {
        self.status == "ended"
    }
}

/// The arguments of [`CLOSE`].
pub(super) fn close(session: &str) -> Value {
    json!({ "session": session })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
