//! `drawbridge schedule`: jobs that are begun again and again.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::beside::{call, rows, said, text, time};
use super::span_us;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Run a tool as a job, at the times of a cron pattern or again and again.
    #[command(
        after_help = "Example:\n  drawbridge schedule add backup terminal_run '{\"command\": \"make backup\"}' --cron '30 3 * * *' --zone Europe/Berlin"
    )]
    Add(Add),
    /// List schedules with their next times.
    List,
    /// Show the next times of a schedule.
    Next {
        /// Its name or id.
        name: String,
        /// How many.
        #[arg(long, default_value_t = 5)]
        count: usize,
    },
    /// Begin nothing of a schedule until it is resumed.
    Pause {
        /// Its name or id.
        name: String,
    },
    /// Begin a schedule again, from its next time on.
    Resume {
        /// Its name or id.
        name: String,
    },
    /// Remove a schedule; jobs that it began go on.
    Remove {
        /// Its name or id.
        name: String,
    },
    /// Begin the job of a schedule now, besides its plan.
    Run {
        /// Its name or id.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What you call it.
    name: String,
    /// The tool's name.
    tool: String,
    /// Its arguments, as a JSON object. Put no secret into them.
    #[arg(default_value = "{}")]
    arguments: String,
    /// When: minute, hour, day of the month, month, day of the week.
    #[arg(long, value_name = "PATTERN", required_unless_present = "every")]
    cron: Option<String>,
    /// The time zone of the pattern, such as Europe/Berlin; UTC unless said otherwise.
    #[arg(long, requires = "cron")]
    zone: Option<String>,
    /// Again and again after this time, such as 90s or 12h.
    #[arg(long, value_name = "TIME", value_parser = span_us, conflicts_with = "cron")]
    every: Option<i64>,
    /// What to do about times that passed while the hub was not there.
    #[arg(long, value_enum, default_value_t = Missed::Once)]
    missed: Missed,
    /// With `--missed all`: how many of them, the latest.
    #[arg(long, value_name = "COUNT")]
    missed_max: Option<u64>,
    /// By how much chance may delay each time.
    #[arg(long, value_name = "TIME", value_parser = span_us)]
    jitter: Option<i64>,
    /// Leave a time out while the job before has not ended.
    #[arg(long)]
    one_at_a_time: bool,
    /// An address that is told what becomes of each job.
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Missed {
    Skip,
    Once,
    All,
}

/// Runs one of them.
pub(crate) async fn run(command: ScheduleCommand, json: bool) -> Result<ExitCode> {
    let of = |name: String| json!({ "name": name });
    match command {
        ScheduleCommand::Add(add) => call("schedules_add", wanted(add)?, json, None).await,
        ScheduleCommand::List => call("schedules_list", json!({}), json, Some(list)).await,
        ScheduleCommand::Next { name, count } => {
            call("schedules_next", json!({ "name": name, "count": count }), json, Some(times)).await
        }
        ScheduleCommand::Pause { name } => call("schedules_pause", of(name), json, None).await,
        ScheduleCommand::Resume { name } => call("schedules_resume", of(name), json, None).await,
        ScheduleCommand::Remove { name } => call("schedules_remove", of(name), json, None).await,
        ScheduleCommand::Run { name } => call("schedules_run", of(name), json, None).await,
    }
}

fn wanted(add: Add) -> Result<Value> {
    let arguments: Value = serde_json::from_str(&add.arguments)
        .with_context(|| format!("the arguments are not a JSON object: {}", add.arguments))?;
    let seconds = |us: i64| json!(us / 1_000_000);
    let missed = match add.missed {
        Missed::Skip => "skip",
        Missed::Once => "once",
        Missed::All => "all",
    };
    let when = said([
        ("cron", add.cron.map(Value::from)),
        ("time_zone", add.zone.map(Value::from)),
        ("every_seconds", add.every.map(seconds)),
        ("missed", Some(json!(missed))),
        ("missed_max", add.missed_max.map(Value::from)),
        ("jitter_seconds", add.jitter.map(seconds)),
    ]);
    let alone = add.one_at_a_time.then(|| json!(format!("schedule:{}", add.name)));
    let options = said([("deduplication_key", alone), ("callback_url", add.callback.map(Value::from))]);
    Ok(
        json!({ "name": add.name, "tool": add.tool, "arguments": arguments, "options": options, "when": when }),
    )
}

fn list(data: &Value) -> Result<()> {
    let row = |one: &Value| {
        let when = [text(&one["when"], "cron"), text(&one["when"], "every_seconds")].concat();
        let next = if one["paused"] == true { "paused".to_owned() } else { time(one, "due_ms") };
        vec![
            text(one, "name"),
            text(one, "tool"),
            when,
            text(&one["when"], "time_zone"),
            next,
            text(one, "begun"),
            text(one, "left_out"),
            text(one, "last_error"),
        ]
    };
    let rows: Vec<Vec<String>> = rows(data, "schedules").iter().map(row).collect();
    if rows.is_empty() {
        return output::line("There are no schedules; `drawbridge schedule add` makes one.");
    }
    output::table(&["name", "tool", "when", "zone", "next", "begun", "left out", "last error"], rows)
}

fn times(data: &Value) -> Result<()> {
    rows(data, "times")
        .iter()
        .filter_map(Value::as_str)
        .try_for_each(|time| output::line(output::plain_line(time)))
}
