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
    Add(Box<Add>),
    /// List schedules with their next times.
    List,
    /// Show a schedule, and what its jobs are given.
    Show {
        /// Its name or id.
        name: String,
    },
    /// Change a schedule in its place; what you do not name stays.
    #[command(after_help = "Example:\n  drawbridge schedule update backup --cron '30 4 * * *' --jitter 10m")]
    Update(Box<Update>),
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
    #[command(flatten)]
    treatment: Treatment,
}

/// How each job is treated.
#[derive(Debug, Args)]
pub(crate) struct Treatment {
    /// Where each job waits.
    #[arg(long)]
    queue: Option<String>,
    /// The greater, the sooner.
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i32>,
    /// How long one attempt may take.
    #[arg(long, value_name = "TIME", value_parser = span_us)]
    timeout: Option<i64>,
    /// It must have ended by then, or fails.
    #[arg(long, value_name = "TIME", value_parser = span_us)]
    deadline: Option<i64>,
    /// How often each job is tried.
    #[arg(long)]
    attempts: Option<u32>,
    /// It does no harm to run one twice; `false` takes that back.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    retry_safe: Option<bool>,
}

impl Treatment {
    /// The options of each job that were said, with these.
    fn and(self, alone: Option<Value>, callback: Option<Value>) -> Value {
        let ms = |us: i64| json!(us / 1000);
        said([
            ("queue", self.queue.map(Value::from)),
            ("priority", self.priority.map(Value::from)),
            ("timeout_ms", self.timeout.map(ms)),
            ("deadline_ms", self.deadline.map(ms)),
            ("attempts", self.attempts.map(Value::from)),
            ("retry_safe", self.retry_safe.map(Value::from)),
            ("deduplication_key", alone),
            ("callback_url", callback),
        ])
    }
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Its name or id.
    name: String,
    /// Another name for it.
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Another tool.
    #[arg(long)]
    tool: Option<String>,
    /// All of the tool's arguments, as a JSON object. Put no secret into them.
    #[arg(long, value_name = "JSON")]
    arguments: Option<String>,
    /// Another pattern: minute, hour, day of the month, month, day of the week.
    #[arg(long, value_name = "PATTERN")]
    cron: Option<String>,
    /// Another time zone of the pattern.
    #[arg(long, conflicts_with = "every")]
    zone: Option<String>,
    /// Again and again after this time, from now on.
    #[arg(long, value_name = "TIME", value_parser = span_us, conflicts_with = "cron")]
    every: Option<i64>,
    /// What to do about times that passed while the hub was not there.
    #[arg(long, value_enum)]
    missed: Option<Missed>,
    /// With `--missed all`: how many of them, the latest.
    #[arg(long, value_name = "COUNT")]
    missed_max: Option<u64>,
    /// By how much chance may delay each time.
    #[arg(long, value_name = "TIME", value_parser = span_us)]
    jitter: Option<i64>,
    /// Leave a time out while the job before has not ended; `false` begins it beside that one.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    one_at_a_time: Option<bool>,
    /// An address that is told what becomes of each job; `none` for nobody.
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    #[command(flatten)]
    treatment: Treatment,
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
        ScheduleCommand::Add(add) => call("schedules_add", wanted(*add)?, json, None).await,
        ScheduleCommand::Show { name } => call("schedules_show", of(name), json, Some(show)).await,
        ScheduleCommand::Update(update) => call("schedules_update", different(*update)?, json, None).await,
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
    let when = said([
        ("cron", add.cron.map(Value::from)),
        ("time_zone", add.zone.map(Value::from)),
        ("every_seconds", add.every.map(seconds)),
        ("missed", Some(json!(add.missed.word()))),
        ("missed_max", add.missed_max.map(Value::from)),
        ("jitter_seconds", add.jitter.map(seconds)),
    ]);
    let alone = add.one_at_a_time.then(|| alone(&add.name));
    let options = add.treatment.and(alone, add.callback.map(Value::from));
    let arguments = arguments(&add.arguments)?;
    Ok(
        json!({ "name": add.name, "tool": add.tool, "arguments": arguments, "options": options, "when": when }),
    )
}

/// What is to be different, as the tool reads it.
fn different(update: Update) -> Result<Value> {
    let when = said([
        ("cron", update.cron.map(Value::from)),
        ("time_zone", update.zone.map(Value::from)),
        ("every_seconds", update.every.map(seconds)),
        ("missed", update.missed.map(|missed| json!(missed.word()))),
        ("missed_max", update.missed_max.map(Value::from)),
        ("jitter_seconds", update.jitter.map(seconds)),
    ]);
    let alone = update.one_at_a_time.map(|yes| if yes { alone(&update.name) } else { Value::Null });
    let callback = update.callback.map(|url| if url == "none" { Value::Null } else { url.into() });
    let options = update.treatment.and(alone, callback);
    let some = |object: Value| Some(object).filter(|object| *object != json!({}));
    Ok(said([
        ("name", Some(json!(update.name))),
        ("new_name", update.rename.map(Value::from)),
        ("tool", update.tool.map(Value::from)),
        ("arguments", update.arguments.as_deref().map(arguments).transpose()?),
        ("options", some(options)),
        ("when", some(when)),
    ]))
}

impl Missed {
    fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
            Self::All => "all",
        }
    }
}

fn arguments(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("the arguments are not a JSON object: {text}"))
}

fn seconds(us: i64) -> Value {
    json!(us / 1_000_000)
}

/// The key with which a job of a schedule waits for the one before.
fn alone(name: &str) -> Value {
    json!(format!("schedule:{name}"))
}

fn show(data: &Value) -> Result<()> {
    let one = &data["schedule"];
    let when = &one["when"];
    let every = when["every_seconds"].as_u64().map(|seconds| format!("every {seconds} s"));
    let pattern = || format!("{} {}", text(when, "cron"), text(when, "time_zone"));
    let next = if one["paused"] == true { "paused".to_owned() } else { time(one, "due_ms") };
    let rows = [
        ("id", text(one, "id")),
        ("caller", text(one, "caller")),
        ("tool", text(one, "tool")),
        ("arguments", text(one, "arguments")),
        ("options", text(one, "options")),
        ("when", every.unwrap_or_else(pattern)),
        ("missed", text(when, "missed")),
        ("jitter", format!("{} s", text(when, "jitter_seconds"))),
        ("next", next),
        ("last", time(one, "last_due_ms")),
        ("last job", text(one, "last_job")),
        ("last error", text(one, "last_error")),
        ("begun", text(one, "begun")),
        ("left out", text(one, "left_out")),
    ];
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
    output::table(
        &["schedule", &text(one, "name")],
        rows.map(|(name, value)| vec![name.to_owned(), value]).collect(),
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
