//! Edits of TOML: a new table goes to the end of the text, an existing one is changed field by field.

use serde_json::Value;
use toml_edit::{DocumentMut, InlineTable, Item, Key, TableLike, Value as Node};

use crate::document::EditError;
use crate::entry::{Changes, ENTRY_NAME};
use crate::lines;

/// The value of a whole text.
pub(crate) fn parse(text: &str) -> Result<Value, EditError> {
    let document = open(text)?;
    toml_edit::de::from_document(document).map_err(|error| malformed(text, error.span(), error.message()))
}

/// `text` with these changes made to our entry in the table `section`; the entry is added when it is missing.
pub(crate) fn set(text: &str, section: &str, changes: &Changes) -> Result<String, EditError> {
    let mut document = open(text)?;
    let servers = document.get_mut(section);
    let Some(servers) = servers else { return Ok(appended(text, section, changes)) };
    let headed = servers.as_table().is_some_and(|table| !table.is_dotted());
    let servers = servers.as_table_like_mut().ok_or_else(|| EditError::NotAMap(format!("`{section}`")))?;
    match servers.get_mut(ENTRY_NAME).map(Item::as_table_like_mut) {
        Some(Some(entry)) => change(entry, changes),
        // Something that is no table has our name.
        Some(None) => return set(&remove(text, section)?, section, changes),
        None if headed => return Ok(appended(text, section, changes)),
        None => _ = servers.insert(ENTRY_NAME, Item::Value(Node::InlineTable(inline(&changes.set)))),
    }
    Ok(document.to_string())
}

/// `text` without our entry in the table `section`.
pub(crate) fn remove(text: &str, section: &str) -> Result<String, EditError> {
    let mut document = open(text)?;
    let Some(servers) = document.get_mut(section).and_then(Item::as_table_like_mut) else {
        return Ok(text.to_owned());
    };
    if servers.get(ENTRY_NAME).and_then(Item::as_table).is_some_and(|entry| !entry.is_dotted()) {
        return Ok(without_tables(text, section));
    }
    servers.remove(ENTRY_NAME);
    if servers.is_empty() {
        document.remove(section);
    }
    Ok(document.to_string())
}

fn open(text: &str) -> Result<DocumentMut, EditError> {
    text.parse().map_err(|error: toml_edit::TomlError| malformed(text, error.span(), error.message()))
}

fn malformed(text: &str, span: Option<std::ops::Range<usize>>, reason: &str) -> EditError {
    let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    EditError::Malformed {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        reason: reason.lines().collect::<Vec<_>>().join("; "),
    }
}

/// The text with a table at its end, where it can come between no comment and what that is about.
fn appended(text: &str, section: &str, changes: &Changes) -> String {
    let mut all = text.to_owned();
    if !all.is_empty() && !all.ends_with('\n') {
        all.push('\n');
    }
    if !all.trim().is_empty() && !all.ends_with("\n\n") {
        all.push('\n');
    }
    all.push_str(&format!("[{section}.{ENTRY_NAME}]\n"));
    for (key, value) in &inline(&changes.set) {
        all.push_str(&format!("{} = {}\n", Key::new(key), value.clone().decorated("", "")));
    }
    all
}

fn change(entry: &mut dyn TableLike, changes: &Changes) {
    for key in &changes.drop {
        entry.remove(key);
    }
    for (key, value) in &changes.set {
        let Some(mut node) = node(value) else { continue };
        match entry.get_mut(key) {
            Some(Item::Value(old)) => {
                *node.decor_mut() = old.decor().clone();
                *old = node;
            }
            _ => _ = entry.insert(key, Item::Value(node)),
        }
    }
}

fn inline(fields: &[(String, Value)]) -> InlineTable {
    fields.iter().filter_map(|(key, value)| Some((Key::new(key), node(value)?))).collect()
}

/// A JSON value in TOML's words; TOML has none for null.
fn node(value: &Value) -> Option<Node> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => Node::from(*value),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().map(Node::from), |n| Some(n.into()))?
        }
        Value::String(text) => Node::from(text.as_str()),
        Value::Array(items) => Node::Array(items.iter().filter_map(node).collect()),
        Value::Object(map) => {
            let fields: Vec<_> = map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            Node::InlineTable(inline(&fields))
        }
    })
}

/// The text without the tables whose headers start with the entry's path. Comments after the last field stay: they
/// stand above the next table.
fn without_tables(text: &str, section: &str) -> String {
    let mut text = text.to_owned();
    loop {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let Some(start) = lines.iter().position(|line| is_our_header(line, section)) else { return text };
        let following = lines[start + 1..].iter().position(|line| line.trim_start().starts_with('['));
        let mut end = following.map_or(lines.len(), |count| start + 1 + count);
        while lines::is_blank_or_comment(lines[end - 1]) {
            end -= 1;
        }
        text = lines::without(&lines, start..end);
    }
}

fn is_our_header(line: &str, section: &str) -> bool {
    let keys = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let keys = keys.and_then(|(keys, _)| Key::parse(keys).ok()).unwrap_or_default();
    matches!(&keys[..], [first, second, ..] if first.get() == section && second.get() == ENTRY_NAME)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Expect) {
        let changes =
            Changes { set: vec![("command".to_owned(), json!("/d"))], drop: vec!["url".to_owned()] };
        let edited = set(text, "m", &changes).unwrap();
        expected.assert_eq(&edited);
        assert_eq!(parse(&edited).unwrap()["m"]["drawbridge"]["command"], "/d");
        let removed = parse(&remove(&edited, "m").unwrap()).unwrap();
        assert!(removed.get("m").is_none_or(|servers| servers.get("drawbridge").is_none()));
    }

    #[test]
    fn a_new_table_goes_to_the_end() {
        check(
            "",
            expect![[r#"
            [m.drawbridge]
            command = "/d"
        "#]],
        );
        check(
            "x = 1 # one\n\n[m.a]\ncommand = \"a\"\n# after",
            expect![[r#"
            x = 1 # one

            [m.a]
            command = "a"
            # after

            [m.drawbridge]
            command = "/d"
        "#]],
        );
        check(
            "[m]\n[[list]]\n",
            expect![[r#"
            [m]
            [[list]]

            [m.drawbridge]
            command = "/d"
        "#]],
        );
    }

    #[test]
    fn other_ways_to_write_a_table_are_followed() {
        check(
            "m = { a = { command = \"a\" } } # inline\n",
            expect![[r#"
            m = { a = { command = "a" } , drawbridge = { command = "/d" } } # inline
        "#]],
        );
        check(
            "m.a.command = \"a\"\n",
            expect![[r#"
            m.a.command = "a"
            m.drawbridge = { command = "/d" }
        "#]],
        );
        check(
            "m.drawbridge = 5\n[z]\n",
            expect![[r#"
            [z]

            [m.drawbridge]
            command = "/d"
        "#]],
        );
    }

    #[test]
    fn a_changed_entry_keeps_its_comments() {
        check(
            "[m.drawbridge] # ours\nurl = \"x\"\n# why\ncommand = \"/old\" # c\n\n[z]\n",
            expect![[r#"
                [m.drawbridge] # ours
                # why
                command = "/d" # c

                [z]
            "#]],
        );
    }

    #[test]
    fn removing_takes_every_table_of_the_entry_and_no_comment_of_others() {
        let text = "a = 1\n\n# about d\n[m.drawbridge]\nc = 1\n\n[m.\"drawbridge\".env]\nE = \"1\"\n\n# about z\n[z]\n";
        expect![[r#"
            a = 1

            # about d

            # about z
            [z]
        "#]]
        .assert_eq(&remove(text, "m").unwrap());
    }

    #[test]
    fn errors_have_a_place() {
        let Err(EditError::Malformed { line, column, .. }) = parse("a = 1\nb = = 2\n") else { panic!() };
        assert_eq!((line, column), (2, 5));
    }
}
