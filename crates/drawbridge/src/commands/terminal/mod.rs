//! `drawbridge terminal`: the terminals of the running hub, for the person at this one.

#[cfg(unix)]
mod attach;
#[cfg(unix)]
mod keyboard;
#[cfg(unix)]
mod screen;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::Client;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum TerminalCommand {
    /// Join a terminal of the hub: see what it shows, and type. Ctrl-] then d leaves it, and it goes on.
    #[command(after_help = "Example:\n  drawbridge terminal attach build")]
    Attach {
        /// Its name or id; `drawbridge terminal list` shows them.
        name: String,
        /// Only look.
        #[arg(long)]
        watch: bool,
    },
    /// List the terminals, whoever opened them.
    List,
}

pub(crate) async fn run(command: TerminalCommand, json: bool) -> Result<ExitCode> {
    match command {
        #[cfg(unix)]
        TerminalCommand::Attach { name, watch } => attach::run(&name, watch).await,
        #[cfg(not(unix))]
        TerminalCommand::Attach { .. } => {
            bail!("terminals can be joined from here on Unix only; the console shows them in a browser")
        }
        TerminalCommand::List => list(json).await,
    }
}

async fn list(as_json: bool) -> Result<ExitCode> {
    let mut client = Client::open().await?;
    let params = json!({ "name": "terminal_list", "arguments": {} });
    let answer = client.request("tools/call", params, &mut |_| {}).await;
    client.close().await?;
    let answer = answer?;
    let terminals = &answer["structuredContent"]["terminals"];
    if answer["isError"] == true || !terminals.is_array() {
        bail!("{}", answer["content"][0]["text"].as_str().unwrap_or("the terminals cannot be listed"));
    }
    if as_json {
        output::json(terminals)?;
    } else {
        show(terminals.as_array().context("there is no list")?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(terminals: &[Value]) -> Result<()> {
    if terminals.is_empty() {
        return output::line("No terminal is open.");
    }
    let text = |value: &Value| output::plain(value.as_str().unwrap_or_default());
    let row = |terminal: &Value| {
        let paused = if terminal["paused"] == true { ", paused" } else { "" };
        vec![
            text(&terminal["name"]),
            text(&terminal["caller"]),
            text(&terminal["program"]),
            format!("{}{paused}", text(&terminal["status"])),
            format!("{} s", terminal["idle_s"]),
            terminal["viewers"].to_string(),
        ]
    };
    let head = ["TERMINAL", "WHOSE", "PROGRAM", "DOES", "IDLE", "WATCHED BY"];
    output::table(&head, terminals.iter().map(row).collect())
}
