//! Lists of things as tables.

use comfy_table::{ContentArrangement, Table, presets};
use nu_ansi_term::{Color, Style};
use serde_json::{Map, Value};

use super::cell::{cell, heading};
use super::{Look, grid, plain_line};

/// How many columns a table has at the most; `| json` shows everything.
const COLUMNS_MAX: usize = 12;

/// Whether a list can be a table: it holds objects only.
pub(super) fn is_table(rows: &[Value]) -> bool {
    !rows.is_empty() && rows.iter().all(Value::is_object)
}

/// The one list that an answer is about.
pub(super) fn main_list(object: &Map<String, Value>) -> Option<(&str, &[Value])> {
    let mut lists = object.iter().filter_map(|(name, value)| match value {
        Value::Array(rows) if rows.is_empty() || is_table(rows) => Some((&**name, &**rows)),
        _ => None,
    });
    let first = lists.next()?;
    let others: Vec<_> = lists.collect();
    // Empty lists beside it say nothing.
    let full = |one: &&(&str, &[Value])| !one.1.is_empty();
    let mut all = std::iter::once(&first).chain(&others).filter(full);
    match (all.next(), all.next()) {
        (None, _) => Some(first),
        (Some(only), None) => Some(*only),
        _ => None,
    }
}

/// What else an answer says, each in a line.
pub(super) fn notes(object: &Map<String, Value>, list: &str, rows: usize) -> Vec<String> {
    let note = |(name, value): (&String, &Value)| match &**name {
        name if name == list || name == "path" => None,
        "total" | "count" => {
            value.as_u64().filter(|total| *total > rows as u64).map(|total| (0, format!("{total} in all.")))
        }
        "next" | "next_cursor" => {
            let cursor = value.as_str()?;
            Some((1, format!("There is more: --cursor {}", plain_line(cursor))))
        }
        _ if matches!(value, Value::Null | Value::Bool(false))
            || *value == 0
            || *value == Value::Array(vec![]) =>
        {
            None
        }
        name => Some((2, format!("{}: {}", heading(name), cell(name, value)))),
    };
    let mut notes: Vec<(u8, String)> = object.iter().filter_map(note).collect();
    notes.sort_by_key(|(order, _)| *order);
    notes.into_iter().map(|(_, text)| text).collect()
}

/// The table itself: a column for each field that any of the things has.
pub(super) fn show(rows: &[Value], look: Look) -> String {
    let columns = columns(rows);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(look.width).unwrap_or(u16::MAX));
    table.set_header(
        columns.iter().map(|name| look.paint(Style::new().bold(), &heading(name).to_uppercase())),
    );
    for row in rows {
        table.add_row(columns.iter().map(|name| {
            let (text, style) = field(name, row);
            look.paint(style, &text)
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// The fields, names and the like first, as they first appear.
fn columns(rows: &[Value]) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for name in rows.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !found.contains(&&**name) {
            found.push(name);
        }
    }
    found.retain(|name| rows.iter().any(|row| !row[*name].is_null()));
    found.sort_by_key(|name| match *name {
        "number" => 0,
        "id" | "name" | "path" => 1,
        "tool" | "model" => 2,
        "state" | "kind" => 3,
        _ => 4,
    });
    found.truncate(COLUMNS_MAX);
    found
}

fn field(name: &str, row: &Value) -> (String, Style) {
    match (name, row[name].as_str()) {
        ("name", Some(_)) => grid::name(row),
        ("state", Some("completed")) => (cell(name, &row[name]), Color::Green.normal()),
        ("state", Some("failed" | "dead")) => (cell(name, &row[name]), Color::Red.normal()),
        ("state", Some("running")) => (cell(name, &row[name]), Color::Yellow.normal()),
        _ => (cell(name, &row[name]), Style::new()),
    }
}
