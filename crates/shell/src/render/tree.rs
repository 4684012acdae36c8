//! What is in one thing, below each other.

use nu_ansi_term::{Color, Style};
use serde_json::Value;

use super::Look;
use super::cell::{cell, heading};

/// How deep is shown line by line; what is deeper stands as JSON.
const DEPTH_MAX: usize = 6;
/// How many lines are shown.
const LINES_MAX: usize = 2_000;

/// Shows an object or a list.
pub(super) fn show(value: &Value, look: Look) -> String {
    let mut tree = Tree { lines: Vec::new(), look };
    tree.push(value, 0);
    if tree.lines.len() > LINES_MAX {
        let more = tree.lines.len() - LINES_MAX;
        tree.lines.truncate(LINES_MAX);
        tree.lines.push(format!("… {more} more lines; `| json` shows everything."));
    }
    tree.lines.join("\n")
}

struct Tree {
    lines: Vec<String>,
    look: Look,
}

impl Tree {
    fn push(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(object) => {
                let widest = object.iter().filter(|(_, value)| is_flat(value, depth));
                let widest = widest.map(|(name, _)| heading(name).chars().count()).max().unwrap_or_default();
                for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
                    self.field(name, value, depth, widest);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    if at > 0 && !is_flat(item, depth) {
                        self.lines.push(String::new());
                    }
                    self.push(item, depth);
                }
            }
            other => self.lines.push(format!("{}{}", indent(depth), cell("", other))),
        }
    }

    fn field(&mut self, name: &str, value: &Value, depth: usize, widest: usize) {
        let heading = heading(name);
        let blanks = " ".repeat(widest.saturating_sub(heading.chars().count()) + 2);
        if is_flat(value, depth) {
            let name_shown = self.look.paint(Color::Cyan.normal(), &heading);
            self.lines.push(format!("{}{name_shown}{blanks}{}", indent(depth), cell(name, value)));
        } else {
            let name_shown = self.look.paint(Style::new().bold(), &heading);
            self.lines.push(format!("{}{name_shown}", indent(depth)));
            self.push(value, depth + 1);
        }
    }
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

/// Whether a value stands on one line.
fn is_flat(value: &Value, depth: usize) -> bool {
    match value {
        Value::Object(object) => object.is_empty() || depth >= DEPTH_MAX,
        Value::Array(items) => {
            depth >= DEPTH_MAX || items.iter().all(|item| !item.is_object() && !item.is_array())
        }
        _ => true,
    }
}
