//! `drawbridge webhooks`: who is told what becomes of jobs.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::beside::{call, rows, said, text, time};
use super::{secrets, span_us};
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum WebhooksCommand {
    /// Tell an address what becomes of jobs; prints the secret that its requests are signed with.
    #[command(
        after_help = "Example:\n  drawbridge webhooks add https://example.com/hook --event completed --event error"
    )]
    Add {
        /// Where to send it.
        url: String,
        /// Of what: processing, progress, completed, error, cancelled; may be given several times. Of everything unless
        /// said.
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
        /// Of jobs of this tool, such as `mail_*`; may be given several times.
        #[arg(long = "tool", value_name = "PATTERN")]
        tools: Vec<String>,
        /// Of everybody's jobs, not only of the owner's.
        #[arg(long)]
        all_callers: bool,
        /// Sign with a secret that the receiver has already, which is read from standard input.
        #[arg(long)]
        own_secret: bool,
    },
    /// List receivers.
    List,
    /// Show what was sent, and what became of it.
    Log {
        /// Only to this receiver.
        id: Option<String>,
        /// Only of this job.
        #[arg(long)]
        job: Option<String>,
        /// Only what was given up.
        #[arg(long)]
        given_up: bool,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Send one again that was delivered or given up.
    Redeliver {
        /// The delivery, as the log names it.
        delivery: String,
    },
    /// Change a receiver in its place; what you do not name stays, and so does its secret.
    #[command(
        after_help = "Example:\n  drawbridge webhooks update wh_… --url https://example.com/new --all-events"
    )]
    Update {
        /// The receiver.
        id: String,
        /// Where to send it from now on, also what waits.
        #[arg(long)]
        url: Option<String>,
        /// Of what; may be given several times, and stands for all that it heard.
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
        /// Of everything.
        #[arg(long, conflicts_with = "events")]
        all_events: bool,
        /// Of jobs of this tool; may be given several times, and stands for all that it heard of.
        #[arg(long = "tool", value_name = "PATTERN")]
        tools: Vec<String>,
        /// Of jobs of all tools.
        #[arg(long, conflicts_with = "tools")]
        all_tools: bool,
        /// Of everybody's jobs; `false` for the owner's only.
        #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
        all_callers: Option<bool>,
    },
    /// Tell a receiver nothing until it is resumed.
    Pause {
        /// The receiver.
        id: String,
    },
    /// Tell a receiver again.
    Resume {
        /// The receiver.
        id: String,
    },
    /// Give a receiver a new secret, and print it.
    Rotate {
        /// The receiver, or `callback` for what signs callbacks of jobs.
        id: String,
        /// For how long the secret before signs, too.
        #[arg(long, value_name = "TIME", value_parser = span_us)]
        overlap: Option<i64>,
        /// Take a secret that the receiver has already, which is read from standard input.
        #[arg(long)]
        own_secret: bool,
    },
    /// Remove a receiver, and what waits for it.
    Remove {
        /// The receiver.
        id: String,
    },
}

/// Runs one of them.
pub(crate) async fn run(command: WebhooksCommand, json: bool) -> Result<ExitCode> {
    let of = |id: String| json!({ "id": id });
    match command {
        WebhooksCommand::Add { url, events, tools, all_callers, own_secret } => {
            let mut wanted =
                json!({ "url": url, "events": events, "tools": tools, "all_callers": all_callers });
            if own_secret {
                wanted["secret"] = secrets::read()?.trim().into();
            }
            call("webhooks_add", wanted, json, None).await
        }
        WebhooksCommand::List => call("webhooks_list", json!({}), json, Some(list)).await,
        WebhooksCommand::Log { id, job, given_up, limit } => {
            let wanted = said([
                ("id", id.map(Value::from)),
                ("job", job.map(Value::from)),
                ("given_up", Some(json!(given_up))),
                ("limit", Some(json!(limit))),
            ]);
            call("webhooks_log", wanted, json, Some(log)).await
        }
        WebhooksCommand::Redeliver { delivery } => {
            call("webhooks_redeliver", json!({ "delivery": delivery }), json, None).await
        }
        WebhooksCommand::Update { id, url, events, all_events, tools, all_tools, all_callers } => {
            let list = |some: Vec<String>, all: bool| (all || !some.is_empty()).then(|| json!(some));
            let different = said([
                ("id", Some(json!(id))),
                ("url", url.map(Value::from)),
                ("events", list(events, all_events)),
                ("tools", list(tools, all_tools)),
                ("all_callers", all_callers.map(Value::from)),
            ]);
            call("webhooks_update", different, json, None).await
        }
        WebhooksCommand::Pause { id } => call("webhooks_pause", of(id), json, None).await,
        WebhooksCommand::Resume { id } => call("webhooks_resume", of(id), json, None).await,
        WebhooksCommand::Rotate { id, overlap, own_secret } => {
            let secret = own_secret.then(secrets::read).transpose()?.map(|text| json!(text.trim()));
            let overlap = overlap.map(|us| json!(us / 1_000_000));
            let wanted = said([("id", Some(json!(id))), ("overlap_seconds", overlap), ("secret", secret)]);
            call("webhooks_rotate", wanted, json, None).await
        }
        WebhooksCommand::Remove { id } => call("webhooks_remove", of(id), json, None).await,
    }
}

fn list(data: &Value) -> Result<()> {
    let row = |one: &Value| {
        let state = match one["why_paused"].as_str() {
            Some(why) => format!("paused: {}", output::plain_line(why)),
            None if one["paused"] == true => "paused".to_owned(),
            None => "told".to_owned(),
        };
        let of = |name: &str| {
            let words = rows(one, name).iter().filter_map(Value::as_str).map(output::plain_line);
            words.collect::<Vec<_>>().join(" ")
        };
        let url = if one["url"].is_null() { "as each job says".to_owned() } else { text(one, "url") };
        vec![text(one, "id"), url, of("events"), of("tools"), text(one, "caller"), state]
    };
    let rows: Vec<Vec<String>> = rows(data, "webhooks").iter().map(row).collect();
    if rows.is_empty() {
        return output::line("There are no receivers; `drawbridge webhooks add` makes one.");
    }
    output::table(&["id", "url", "events", "tools", "caller", "state"], rows)
}

fn log(data: &Value) -> Result<()> {
    let row = |one: &Value| {
        vec![
            time(one, "created_ms"),
            text(one, "id"),
            text(one, "event"),
            text(one, "job"),
            text(one, "url"),
            text(one, "state"),
            text(one, "attempts"),
            [text(one, "status"), text(one, "error")].join(" ").trim().to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = rows(data, "deliveries").iter().map(row).collect();
    if rows.is_empty() {
        return output::line("Nothing was sent.");
    }
    output::table(&["when", "id", "event", "job", "url", "state", "attempts", "answer"], rows)
}
