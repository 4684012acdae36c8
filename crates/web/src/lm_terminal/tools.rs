//! The old words and the tools that they mean: the only place here that knows the terminal server's names and members.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Runs a command to its end.
pub(super) const RUN: &str = "terminal_run";

/// How long a command may run when its client does not say; documented as `20s`.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The arguments of [`RUN`].
pub(super) fn run(command: &str, timeout: Duration) -> Map<String, Value> {
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    object(json!({ "command": command, "timeout_ms": timeout_ms }))
}

/// The structured result of [`RUN`], as far as the old words need it.
#[derive(Debug, Deserialize)]
pub(super) struct Ran {
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// None when a signal ended it.
    #[serde(default)]
    pub(super) exit_code: Option<i32>,
    #[serde(default)]
    pub(super) timed_out: bool,
    #[serde(default)]
    pub(super) duration_ms: f64,
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
