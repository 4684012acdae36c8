//! What people see: tables, colours where the terminal has them, and no control characters from outside.

use std::io::Write as _;

use anyhow::Result;
use chrono::{DateTime, Local};
use comfy_table::{ContentArrangement, Table, presets};
use drawbridge_contract::visible;
pub(crate) use drawbridge_contract::{plain, plain_line};
use nu_ansi_term::Color;
use serde::Serialize;

/// Prints a line. Colours are left out where the terminal, or what stands in its place, has none.
pub(crate) fn line(text: impl AsRef<str>) -> Result<()> {
    let mut out = anstream::stdout().lock();
    Ok(writeln!(out, "{}", text.as_ref())?)
}

/// Prints a value as JSON for programs. A person may look at it, too: what would do something to a terminal stands as
/// its code, which JSON reads back as it was.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    line(visible(&serde_json::to_string_pretty(value)?))
}

/// The same on one line, for streams of values.
pub(crate) fn json_line(value: &impl Serialize) -> Result<()> {
    line(visible(&serde_json::to_string(value)?))
}

/// Prints rows under a head.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>) -> Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head.iter().map(|name| bold(name)));
    table.add_rows(rows);
    line(table.trim_fmt())
}

pub(crate) fn bold(text: &str) -> String {
    nu_ansi_term::Style::new().bold().paint(text).to_string()
}

pub(crate) fn green(text: &str) -> String {
    Color::Green.paint(text).to_string()
}

pub(crate) fn yellow(text: &str) -> String {
    Color::Yellow.paint(text).to_string()
}

pub(crate) fn red(text: &str) -> String {
    Color::Red.paint(text).to_string()
}

/// A time in the zone of this machine.
pub(crate) fn time(us: i64) -> String {
    DateTime::from_timestamp_micros(us).map_or_else(
        || us.to_string(),
        |time| time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// A time that may not be there.
pub(crate) fn time_or(us: Option<i64>, otherwise: &str) -> String {
    us.map_or_else(|| otherwise.to_owned(), time)
}
