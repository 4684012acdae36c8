//! How answers look to a person: tables, trees, names in columns. Nothing of an answer can do anything to a terminal.

mod cell;
mod grid;
mod result;
mod table;
mod tree;
mod wrap;

pub(crate) use drawbridge_contract::{plain, plain_line};
pub(crate) use result::{Content, content, data};
pub(crate) use wrap::wrap;

use nu_ansi_term::Style;
use serde_json::Value;

/// How wide, and whether with colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Characters in a line.
    pub(crate) width: usize,
    pub(crate) color: bool,
}

impl Look {
    /// As for a file: wide, and without colours.
    pub(crate) const PLAIN: Self = Self { width: 160, color: false };

    /// Paints, where there are colours.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.color { style.paint(text).to_string() } else { text.to_owned() }
    }
}

/// Shows any JSON: a list of things as a table, what is in an object below each other, texts as they are.
pub(crate) fn show(value: &Value, look: Look) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(object) => match table::main_list(object) {
            Some((name, rows)) => with_notes(rows, &table::notes(object, name, rows.len()), look),
            None => tree::show(value, look),
        },
        Value::Array(rows) if table::is_table(rows) => list(rows, look),
        Value::Array(_) => tree::show(value, look),
        other => cell::whole(other),
    }
}

fn list(rows: &[Value], look: Look) -> String {
    if grid::fits(rows) { grid::show(rows, look) } else { table::show(rows, look) }
}

fn with_notes(rows: &[Value], notes: &[String], look: Look) -> String {
    let mut shown = if rows.is_empty() { "There is nothing.".to_owned() } else { list(rows, look) };
    for note in notes {
        shown.push('\n');
        shown.push_str(&look.paint(Style::new().dimmed(), note));
    }
    shown
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    const LOOK: Look = Look { width: 60, color: false };

    fn check(value: &Value, expected: &Expect) {
        expected.assert_eq(&show(value, LOOK));
    }

    #[test]
    fn names_stand_in_columns() {
        let names = ["notes", "a.txt", "b.txt", "a-very-long-name-indeed.md"];
        let entry =
            |name: &&str| json!({"name": name, "kind": if *name == "notes" { "directory" } else { "file" }});
        let entries: Vec<Value> = names.iter().map(entry).collect();
        check(
            &json!({"path": "work", "entries": entries, "total": 4}),
            &expect![[r#"
                notes/                      b.txt
                a.txt                       a-very-long-name-indeed.md"#]],
        );
        check(&json!({"path": "work", "entries": [], "total": 0}), &expect!["There is nothing."]);
    }

    #[test]
    fn a_list_of_things_is_a_table_and_the_rest_are_notes() {
        let value = json!({
            "entries": [
                {"name": "notes", "kind": "directory", "size_bytes": null},
                {"name": "b.txt", "kind": "file", "size_bytes": 123_456, "lines": [1, 2]},
            ],
            "next_cursor": "xyz", "total": 5, "path": "work", "deep": {"a": 1},
        });
        check(
            &value,
            &expect![[r#"
                NAME    KIND       SIZE      LINES
                notes/  directory
                b.txt   file       123.5 kB  [1,2]
                5 in all.
                There is more: --cursor xyz
                deep: {"a":1}"#]],
        );
    }

    #[test]
    fn one_thing_is_a_tree() {
        let value = json!({"job": {
            "id": "j1", "attempt": 1, "duration_ms": 1234.5, "tags": ["a", "b"], "none": null,
            "nested": {"list": [{"x": 1}, {"x": 2}]},
        }});
        check(
            &value,
            &expect![[r#"
                job
                  attempt   1
                  duration  1.2 s
                  id        j1
                  nested
                    list
                      x  1

                      x  2
                  tags      a, b"#]],
        );
        check(&json!(["a", "b"]), &expect!["a\nb"]);
        check(&json!("text\nin lines"), &expect!["text\nin lines"]);
        check(&json!(5), &expect!["5"]);
    }

    #[test]
    fn h4_nothing_in_an_answer_does_anything_to_a_terminal() {
        let evil = "a\u{1b}]0;x\u{7}b\u{202e}c";
        for value in [
            json!(evil),
            json!([evil]),
            json!({ evil: evil }),
            json!({"rows": [{evil: evil, "name": evil, "kind": "file"}], "next_cursor": evil}),
            json!({"entries": [{"name": evil, "kind": "directory"}]}),
            json!({"deep": {"er": [[evil]]}}),
        ] {
            let shown = show(&value, LOOK);
            assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
        }
    }

    #[test]
    fn long_cells_are_cut_and_say_so() {
        let rows = json!([{"a": "x".repeat(5_000), "b": 1}]);
        let shown = show(&rows, LOOK);
        assert!(shown.contains('…') && shown.len() < 2_000, "{}", shown.len());
    }
}
