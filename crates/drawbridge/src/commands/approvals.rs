//! `drawbridge approvals`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use drawbridge_store::{Approval, By, Grant, now_us};
use serde_json::{Value, json};

use super::span_us;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List what waits for your decision.
    List {
        /// Also what was decided or has lapsed.
        #[arg(long)]
        all: bool,
    },
    /// Allow a call with exactly the arguments it had: once, or for a time.
    Approve {
        /// As `list` shows it.
        id: String,
        /// For how long the same call is allowed: `15m`, `1h`. Once, when absent.
        #[arg(long = "for", value_name = "TIME", value_parser = span_us)]
        span: Option<i64>,
    },
    /// Refuse it, or take back what was allowed.
    Deny {
        /// As `list` shows it.
        id: String,
    },
}

/// Runs one of them.
pub(crate) async fn run(command: ApprovalsCommand, json: bool) -> Result<ExitCode> {
    match command {
        ApprovalsCommand::List { all } => list(all, json)?,
        ApprovalsCommand::Approve { id, span } => approve(&id, span).await?,
        ApprovalsCommand::Deny { id } => deny(&id).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(all: bool, json: bool) -> Result<()> {
    let found = super::store()?.approvals().list(all, now_us())?;
    if json {
        return output::json(&found.iter().map(as_json).collect::<Vec<_>>());
    }
    if found.is_empty() {
        return output::line("Nothing waits for you.");
    }
    for approval in &found {
        let (id, tool) = (output::bold(&approval.id), output::plain_line(&approval.tool));
        output::line(format!(
            "{id}  {tool} for {}  ({}, {})",
            approval.caller, approval.state, approval.why
        ))?;
        output::line(format!(
            "  {}\n  asked {}",
            output::plain_line(&approval.shown),
            output::time(approval.created_us)
        ))?;
    }
    output::line(
        "\n`drawbridge approvals approve ID` allows one once, `… --for 1h` for a time, `drawbridge approvals deny ID` refuses it.",
    )
}

fn as_json(approval: &Approval) -> Value {
    json!({
        "id": approval.id, "caller": approval.caller, "tool": approval.tool, "arguments": approval.shown,
        "why": approval.why, "state": approval.state, "created_us": approval.created_us, "expires_us": approval.expires_us,
    })
}

async fn approve(id: &str, span: Option<i64>) -> Result<()> {
    let grant = span.map_or(Grant::Once, |span| Grant::Until(now_us() + span));
    let store = super::store()?;
    let approval = store.approvals().approve(id, grant, By::now("owner", "cli")).await?;
    store.close().await?;
    let until = match grant {
        Grant::Once => "once".to_owned(),
        Grant::Until(us) => format!("until {}", output::time(us)),
    };
    output::line(format!(
        "{} {} may call {} with exactly these arguments, {until}. It has to make the call again; a job that waits for this goes on by itself.",
        output::green("Allowed:"),
        approval.caller,
        output::plain_line(&approval.tool)
    ))
}

async fn deny(id: &str) -> Result<()> {
    let store = super::store()?;
    let approval = store.approvals().deny(id, By::now("owner", "cli")).await?;
    store.close().await?;
    output::line(format!(
        "{} {} for {}.",
        output::yellow("Refused:"),
        output::plain_line(&approval.tool),
        approval.caller
    ))
}
