//! What people see: tables, colours where the terminal has them, and no control characters from outside.

use std::io::Write as _;

use anyhow::Result;
use chrono::{DateTime, Local};
use comfy_table::{ContentArrangement, Table, presets};
use drawbridge_contract::{is_visible, visible};
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

/// Text from outside as a person may see it: without control sequences, and without the characters that reorder or
/// hide text (Unicode bidirectional controls and tags).
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|&character| is_plain(character)).collect()
}

fn is_plain(character: char) -> bool {
    matches!(character, '\n' | '\t') || is_visible(character)
}

/// The same, on one line.
pub(crate) fn plain_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h4_control_sequences_and_hidden_text_are_stripped() {
        assert_eq!(plain("a\u{1b}[31mb\u{7}\u{9b}1mc"), "a[31mb1mc");
        assert_eq!(plain("\u{1b}]52;c;aGk=\u{7}x\r\ny"), "]52;c;aGk=x\ny");
        assert_eq!(plain("safe\u{202e}txt.exe\u{e0041}"), "safetxt.exe");
        assert_eq!(plain_line("a\nb\tc"), "a b c");
        assert_eq!(plain("naïve 日本 👍"), "naïve 日本 👍");
    }
}
