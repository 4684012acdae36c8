//! `drawbridge daemon`: programs of this machine whose methods are tools.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::beside::{call, rows, text};
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum DaemonCommand {
    /// List daemons: how each is, its tools, and which descriptions do not count and why.
    List,
    /// End a daemon that the hub runs, and start it again.
    Restart {
        /// Its name.
        name: String,
    },
    /// Show the end of what a daemon printed that the hub runs.
    Logs {
        /// Its name.
        name: String,
        /// How many bytes at most.
        #[arg(long, default_value_t = 16 * 1024, value_parser = clap::value_parser!(u32).range(1..=256 * 1024))]
        bytes: u32,
    },
}

/// Runs one of them.
pub(crate) async fn run(command: DaemonCommand, json: bool) -> Result<ExitCode> {
    match command {
        DaemonCommand::List => call("daemons_list", json!({}), json, Some(list)).await,
        DaemonCommand::Restart { name } => call("daemons_restart", json!({ "name": name }), json, None).await,
        DaemonCommand::Logs { name, bytes } => {
            call("daemons_logs", json!({ "name": name, "bytes_max": bytes }), json, None).await
        }
    }
}

fn list(data: &Value) -> Result<()> {
    let daemons = rows(data, "daemons");
    if daemons.is_empty() {
        output::line("There are no daemons. Descriptions (NAME.cap.json) are looked for in:")?;
        folders(data)?;
    } else {
        output::table(&["name", "state", "process", "tools", "why not"], daemons.iter().map(row).collect())?;
    }
    for one in daemons.iter().flat_map(|one| rows(one, "problems").iter().map(move |why| (one, why))) {
        output::line(format!(
            "{}: {}",
            text(one.0, "name"),
            output::plain_line(one.1.as_str().unwrap_or_default())
        ))?;
    }
    for refused in rows(data, "refused") {
        output::line(format!("refused {}: {}", text(refused, "path"), text(refused, "why")))?;
    }
    Ok(())
}

fn row(one: &Value) -> Vec<String> {
    let tools: Vec<String> =
        rows(one, "tools").iter().filter_map(Value::as_str).map(output::plain_line).collect();
    vec![
        text(one, "name"),
        text(one, "state"),
        text(&one["process"], "pid"),
        tools.join(" "),
        text(one, "why"),
    ]
}

fn folders(data: &Value) -> Result<()> {
    rows(data, "folders").iter().try_for_each(|folder| {
        output::line(format!("  {}", output::plain_line(folder.as_str().unwrap_or_default())))
    })
}
