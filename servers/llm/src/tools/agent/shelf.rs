//! Results that are too long to be shown to a model at once. It gets the beginning, and a tool to read on.

use crate::chat::{RawJson, ToolDefinition};

/// How much of a result a model sees at once.
pub(super) const SHOWN_BYTES_MAX: usize = 32 * 1024;
/// How many bytes of results are kept to be read on.
pub(super) const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The tool that reads on.
pub(super) const READ_ON: &str = "read_on";

/// Long results, by number.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    texts: Vec<String>,
    bytes: usize,
}

impl Shelf {
    /// What a model sees of a result: all of it, or its beginning and how to read on.
    pub(super) fn show(&mut self, text: String) -> String {
        if text.len() <= SHOWN_BYTES_MAX {
            return text;
        }
        if self.bytes + text.len() > KEPT_BYTES_MAX {
            let shown = part(&text, 0);
            return format!(
                "{shown}\n[{} bytes in all; the rest was not kept: ask for less at a time]",
                text.len()
            );
        }
        self.bytes += text.len();
        self.texts.push(text);
        self.read(self.texts.len() - 1, 0)
    }

    /// A part of a kept result, and how to go on.
    pub(super) fn read(&self, number: usize, from: usize) -> String {
        let Some(text) = self.texts.get(number) else {
            return format!("there is no result {number}");
        };
        let from = text.floor_char_boundary(from.min(text.len()));
        let shown = part(text, from);
        let to = from + shown.len();
        if to == text.len() {
            return format!("{shown}\n[this is the end of result {number}]");
        }
        let all = text.len();
        format!(
            "{shown}\n[bytes {from} to {to} of {all}; go on with {READ_ON} {{\"result\": {number}, \"from\": {to}}}]"
        )
    }

    /// How the tool describes itself.
    pub(super) fn definition() -> Option<ToolDefinition> {
        let schema = r#"{"type":"object","properties":{"result":{"type":"integer","description":"The number of the result."},"from":{"type":"integer","description":"Where to read on, in bytes."}},"required":["result","from"],"additionalProperties":false}"#;
        Some(ToolDefinition {
            name: READ_ON.to_owned(),
            description: "Reads on in a long result of another tool.".to_owned(),
            parameters: RawJson::parse(schema).ok()?,
            strict: None,
        })
    }
}

fn part(text: &str, from: usize) -> &str {
    &text[from..text.floor_char_boundary((from + SHOWN_BYTES_MAX).min(text.len()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_result_is_read_in_parts_and_nothing_is_lost() {
        let (mut shelf, text) = (Shelf::default(), "é".repeat(SHOWN_BYTES_MAX));
        let first = shelf.show(text.clone());
        assert!(
            first.contains(r#"go on with read_on {"result": 0, "from": 32768}"#),
            "{}",
            &first[first.len() - 120..]
        );
        let mut read = String::new();
        let mut from = 0;
        while from < text.len() {
            let shown = shelf.read(0, from);
            let part = shown.rsplit_once("\n[").unwrap().0;
            read.push_str(part);
            from += part.len();
        }
        assert_eq!(read, text);
        assert!(shelf.read(0, text.len()).contains("the end") && shelf.read(7, 0).contains("no result"));
    }

    #[test]
    fn bounds_hold_at_their_edges() {
        let mut shelf = Shelf::default();
        assert_eq!(shelf.show("x".repeat(SHOWN_BYTES_MAX)).len(), SHOWN_BYTES_MAX);
        assert!(shelf.show("x".repeat(KEPT_BYTES_MAX)).contains("go on"));
        assert!(shelf.show("x".repeat(SHOWN_BYTES_MAX + 1)).contains("was not kept"));
    }
}
