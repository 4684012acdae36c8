//! Names in columns, as people know them from `ls`.

use nu_ansi_term::{Color, Style};
use serde_json::Value;

use super::{Look, plain_line};

/// The blanks between two columns.
const GAP: usize = 2;

/// Whether things have nothing but a name and a kind.
pub(super) fn fits(rows: &[Value]) -> bool {
    let known = |key: &String| key == "name" || key == "kind";
    rows.iter().all(|row| {
        row["name"].is_string()
            && row.as_object().is_some_and(|row| row.contains_key("kind") && row.keys().all(known))
    })
}

/// Names, folders with a slash: down, then across.
pub(super) fn show(rows: &[Value], look: Look) -> String {
    let names: Vec<(String, Style)> = rows.iter().map(name).collect();
    let widest = names.iter().map(|(name, _)| width(name)).max().unwrap_or_default();
    let columns = (look.width.max(1) / (widest + GAP)).clamp(1, names.len().max(1));
    let lines = names.len().div_ceil(columns);
    let line = |line: usize| {
        let mut text = String::new();
        for (at, (name, style)) in names.iter().enumerate().skip(line).step_by(lines) {
            text.push_str(&look.paint(*style, name));
            if at + lines < names.len() {
                text.push_str(&" ".repeat(widest + GAP - width(name)));
            }
        }
        text
    };
    (0..lines).map(line).collect::<Vec<_>>().join("\n")
}

/// The name of a thing, and how it looks.
pub(super) fn name(row: &Value) -> (String, Style) {
    let name = plain_line(row["name"].as_str().unwrap_or_default());
    match row["kind"].as_str() {
        Some("directory") => (name + "/", Color::Blue.bold()),
        Some("symlink") => (name + "@", Color::Cyan.normal()),
        _ => (name, Style::new()),
    }
}

/// How many characters of a terminal a text takes, nearly: those of East Asia are wide.
pub(super) fn width(text: &str) -> usize {
    let is_wide = |character: char| matches!(character, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}');
    text.chars().map(|character| 1 + usize::from(is_wide(character))).sum()
}
