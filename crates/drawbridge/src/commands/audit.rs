//! `drawbridge audit`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use drawbridge_store::{AuditEntry, AuditFilter, AuditOutcome, AuditPhase, Problem, Store, now_us};
use serde_json::json;

use super::span_us;
use crate::output;

/// How often `--follow` looks.
const LOOKS_EVERY: Duration = Duration::from_millis(250);
/// How many records `--follow` reads at a time.
const FOLLOWED_MAX: usize = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the last records.
    Tail(Tail),
    /// Show everything about one call, or one record by its number.
    Show {
        /// A call's id, or a record's number.
        what: String,
    },
    /// Check that no record was changed, removed or put in between.
    Verify,
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// How many.
    #[arg(short = 'n', long, default_value_t = 20)]
    count: usize,
    /// Go on and show what comes, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// Only of this caller, such as `key:laptop`.
    #[arg(long)]
    caller: Option<String>,
    /// Only of tools that match, such as `files_*`.
    #[arg(long)]
    tool: Option<String>,
    /// Only of the last `15m`, `12h`, `30d`.
    #[arg(long, value_name = "TIME", value_parser = span_us)]
    since: Option<i64>,
}

/// Runs one of them.
pub(crate) async fn run(command: AuditCommand, json: bool) -> Result<ExitCode> {
    let store = super::store()?;
    match command {
        AuditCommand::Tail(tail) => show_tail(&store, tail, json).await,
        AuditCommand::Show { what } => show(&store, &what, json),
        AuditCommand::Verify => verify(&store, json),
    }
}

async fn show_tail(store: &Store, tail: Tail, json: bool) -> Result<ExitCode> {
    let follow = tail.follow;
    let filter = AuditFilter {
        caller: tail.caller,
        target: tail.tool,
        since_us: tail.since.map(|span| now_us() - span),
        ..AuditFilter::default()
    };
    let entries = oldest_first(store, &filter, tail.count)?;
    let seen = entries.last().map_or(store.audit_head()?.seq, |entry| entry.seq);
    print_all(&entries, json)?;
    if follow { go_on(store, &filter, seen, json).await } else { Ok(ExitCode::SUCCESS) }
}

/// Shows what comes, until Ctrl-C ends the process.
async fn go_on(store: &Store, filter: &AuditFilter, mut seen: i64, json: bool) -> Result<ExitCode> {
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        let mut fresh = oldest_first(store, filter, FOLLOWED_MAX)?;
        fresh.retain(|entry| entry.seq > seen);
        seen = fresh.last().map_or(seen, |entry| entry.seq);
        print_all(&fresh, json)?;
    }
}

/// The last `count` records that fit.
fn oldest_first(store: &Store, filter: &AuditFilter, count: usize) -> Result<Vec<AuditEntry>> {
    let mut entries = store.audit_page(filter, count)?;
    entries.reverse();
    Ok(entries)
}

fn print_all(entries: &[AuditEntry], json: bool) -> Result<()> {
    entries.iter().try_for_each(
        |entry| {
            if json { output::json_line(entry) } else { output::line(line(entry)) }
        },
    )
}

/// One record on one line.
fn line(entry: &AuditEntry) -> String {
    let record = &entry.record;
    let end = match (record.phase, record.outcome) {
        (AuditPhase::Intent, _) => "…".to_owned(),
        (AuditPhase::Refused, _) => output::yellow("refused"),
        (AuditPhase::Act, _) => output::bold("act"),
        (_, Some(AuditOutcome::Ok)) => output::green("ok"),
        (_, Some(outcome)) => output::red(outcome.as_str()),
        (_, None) => String::new(),
    };
    let took = record.duration_us.map_or_else(String::new, |us| format!(" {:.1} ms", us as f64 / 1000.0));
    let said = [record.arguments.as_deref(), record.note.as_deref()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("  ");
    output::plain_line(&format!(
        "{:>6} {} {:<12} {} ",
        entry.seq,
        output::time(record.time_us),
        record.caller,
        record.target
    )) + &format!("{end}{took}  {}", output::plain_line(&said))
}

fn show(store: &Store, what: &str, json: bool) -> Result<ExitCode> {
    let entries = match what.parse::<i64>() {
        Ok(seq) => store.audit_follow(seq - 1, 1)?.into_iter().filter(|entry| entry.seq == seq).collect(),
        Err(_) => of_call(store, what)?,
    };
    if entries.is_empty() {
        bail!("there is no record of {what:?}; `drawbridge audit tail` shows the last ones");
    }
    if json {
        output::json(&entries)?;
        return Ok(ExitCode::SUCCESS);
    }
    for entry in &entries {
        output::line(output::plain(&serde_json::to_string_pretty(entry)?))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn of_call(store: &Store, call: &str) -> Result<Vec<AuditEntry>> {
    let filter = AuditFilter { call: Some(call.to_owned()), ..AuditFilter::default() };
    oldest_first(store, &filter, drawbridge_store::PAGE_MAX)
}

fn verify(store: &Store, json: bool) -> Result<ExitCode> {
    let report = store.audit_verify(None)?;
    if json {
        let bad = report.bad.as_ref().map(|bad| json!({"seq": bad.seq, "problem": bad.problem}));
        output::json(
            &json!({"whole": report.is_whole(), "records": report.records, "bad": bad, "alarms": report.alarms}),
        )?;
    } else {
        output::line(verdict(&report))?;
    }
    Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verdict(report: &drawbridge_store::AuditReport) -> String {
    match &report.bad {
        None if report.is_whole() => format!(
            "{} {} records, each as it was written.",
            output::green("The audit is whole:"),
            report.records
        ),
        None => format!(
            "{} {} times its end was found removed; `drawbridge audit tail --tool audit.alarm` shows when",
            output::red("The audit is not whole:"),
            report.alarms
        ),
        Some(bad) => format!(
            "{} at record {}: {}",
            output::red("The audit is not whole:"),
            bad.seq,
            words(bad.problem)
        ),
    }
}

/// What is wrong with a record, in words.
pub(crate) fn words(problem: Problem) -> &'static str {
    match problem {
        Problem::Altered => "it is not what was written",
        Problem::Missing => "it was removed",
        Problem::Inserted => "it was put in",
        Problem::StartRemoved => "the records before it were removed",
        Problem::EndRemoved => "it was removed or replaced, with what came after",
    }
}
