//! Edits of YAML, by lines: our entry is a block of its own, and no other line changes.
//!
//! Only the block style is edited, which is how hosts write their files. Anything else (flow style, anchors on the
//! map we need) is refused, and `document` proves every result by parsing it.

use std::ops::Range;

use serde_json::Value;

use crate::document::EditError;
use crate::entry::ENTRY_NAME;
use crate::lines;

/// How far our entry is indented in a file that does not show it.
const INDENT: &str = "  ";

/// The value of a whole text.
pub(crate) fn parse(text: &str) -> Result<Value, EditError> {
    if text.lines().all(lines::is_blank_or_comment) {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location();
        EditError::Malformed {
            line: place.map_or(1, |place| usize::try_from(place.line()).unwrap_or(usize::MAX)),
            column: place.map_or(1, |place| usize::try_from(place.column()).unwrap_or(usize::MAX)),
            reason: error.without_snippet().to_string().lines().collect::<Vec<_>>().join("; "),
        }
    })
}

/// `text` with our entry in the map `section`, in place of the one that is there.
pub(crate) fn set(text: &str, section: &str, fields: &[(String, Value)]) -> Result<String, EditError> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(at) = Section::find(&lines, section)? else { return Ok(with_section(text, section, fields)) };
    let block = rendered(&at.indent, fields);
    let range = at.entry.unwrap_or(at.end..at.end);
    let mut edited = String::new();
    for (index, line) in lines[..range.start].iter().enumerate() {
        edited.push_str(if index == at.header { &at.opened } else { line });
    }
    if !edited.ends_with('\n') {
        edited.push('\n');
    }
    Ok(edited + &block + &lines[range.end..].concat())
}

/// `text` without our entry. When nothing else is in the map, it goes too, or stays as `{}` if `keep_section`.
pub(crate) fn remove(text: &str, section: &str, keep_section: bool) -> Result<String, EditError> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(at) = Section::find(&lines, section)? else { return Ok(text.to_owned()) };
    let Some(entry) = at.entry else { return Ok(text.to_owned()) };
    let alone = at.children == 1;
    let rest = lines::without(&lines, entry);
    if !alone {
        return Ok(rest);
    }
    let mut lines: Vec<&str> = rest.split_inclusive('\n').collect();
    let closed = at.opened.replacen(':', ": {}", 1);
    if keep_section {
        lines[at.header] = &closed;
        return Ok(lines.concat());
    }
    Ok(lines::without(&lines, at.header..at.header + 1))
}

/// Where the map is, and our entry in it.
struct Section {
    /// The line with its key.
    header: usize,
    /// That line, ready to be followed by a block.
    opened: String,
    /// The indentation of its members.
    indent: String,
    /// How many members it has.
    children: usize,
    /// The lines of our entry.
    entry: Option<Range<usize>>,
    /// The line after its last member.
    end: usize,
}

impl Section {
    fn find(lines: &[&str], section: &str) -> Result<Option<Section>, EditError> {
        let mut headers = lines.iter().enumerate().filter(|(_, line)| key_of(line) == Some(section));
        let Some((header, line)) = headers.next() else { return Ok(None) };
        let Some(opened) = opened(line) else { return Err(EditError::Unsafe) };
        let body = header + 1..end_of(lines, header, 0);
        let first = lines[body.clone()].iter().find(|line| !lines::is_blank_or_comment(line));
        let indent = first.map_or(INDENT, |line| lines::indent(line)).to_owned();
        let members = || body.clone().filter(|&at| is_member(lines[at], &indent));
        let ours = members().find(|&at| key_of(lines[at].trim_start()) == Some(ENTRY_NAME));
        let entry = ours.map(|at| at..end_of(lines, at, indent.len()));
        Ok(Some(Section { header, opened, children: members().count(), entry, end: body.end, indent }))
    }
}

/// The line after the last one that belongs to the key at `start`: deeper lines, without what only leads to the next.
fn end_of(lines: &[&str], start: usize, depth: usize) -> usize {
    let deeper = |line: &&str| lines::is_blank_or_comment(line) || lines::indent(line).len() > depth;
    let mut end = start + 1 + lines[start + 1..].iter().take_while(|line| deeper(line)).count();
    let loose =
        |line: &str| lines::is_blank_or_comment(line) && lines::indent(line.trim_end()).len() <= depth;
    while end > start + 1 && loose(lines[end - 1]) {
        end -= 1;
    }
    end
}

fn is_member(line: &str, indent: &str) -> bool {
    lines::indent(line) == indent && !lines::is_blank_or_comment(line)
}

/// The key that a line starts with, quoted or not, if it starts at the left edge.
fn key_of(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    let ends = rest.is_empty() || rest.starts_with([' ', '\t', '\n']);
    let key = key.trim_end();
    let unquoted = ['"', '\''].iter().find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote));
    (ends && lines::indent(line).is_empty()).then(|| unquoted.unwrap_or(key))
}

/// The section's line without the empty value it may hold; none when it holds another.
fn opened(line: &str) -> Option<String> {
    let (key, rest) = line.split_once(':')?;
    let (value, comment) = rest.find(" #").map_or((rest, ""), |hash| rest.split_at(hash));
    let empty = matches!(value.trim(), "" | "{}" | "null" | "~" | "Null" | "NULL");
    empty.then(|| format!("{key}:{}\n", comment.trim_end()))
}

fn with_section(text: &str, section: &str, fields: &[(String, Value)]) -> String {
    let mut all: String = text.split_inclusive('\n').filter(|line| line.trim_end() != "{}").collect();
    if !all.is_empty() && !all.ends_with('\n') {
        all.push('\n');
    }
    format!("{all}{section}:\n{}", rendered(INDENT, fields))
}

/// Our entry as a block. Values are written as JSON, which is YAML too and leaves no doubt about types.
fn rendered(indent: &str, fields: &[(String, Value)]) -> String {
    let field = |(key, value): &(String, Value)| format!("{indent}{indent}{}: {value}\n", plain_key(key));
    format!("{indent}{ENTRY_NAME}:\n{}", fields.iter().map(field).collect::<String>())
}

fn plain_key(key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if plain { key.to_owned() } else { Value::from(key).to_string() }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Expect) {
        let edited = set(text, "extensions", &[("cmd".to_owned(), json!("/d"))]).unwrap();
        expected.assert_eq(&edited);
        assert_eq!(parse(&edited).unwrap()["extensions"]["drawbridge"], json!({"cmd": "/d"}));
    }

    #[test]
    fn the_entry_goes_to_the_end_of_its_map() {
        check(
            "",
            expect![[r#"
            extensions:
              drawbridge:
                cmd: "/d"
        "#]],
        );
        check(
            "A: 1",
            expect![[r#"
            A: 1
            extensions:
              drawbridge:
                cmd: "/d"
        "#]],
        );
        check(
            "extensions:\n    a:\n        cmd: x\n        # deep\n    # loose\n\n# about B\nB: 1\n",
            expect![[r#"
                extensions:
                    a:
                        cmd: x
                        # deep
                    # loose
                    drawbridge:
                        cmd: "/d"

                # about B
                B: 1
            "#]],
        );
        check(
            "extensions:\n  a:\n    text: |\n      one\n\n      # not a comment\nB: 1\n",
            expect![[r#"
            extensions:
              a:
                text: |
                  one

                  # not a comment
              drawbridge:
                cmd: "/d"
            B: 1
        "#]],
        );
    }

    #[test]
    fn an_empty_map_is_opened() {
        for empty in
            ["extensions: {}\n", "extensions:\n", "extensions: null # none\n", "\"extensions\": ~\n", "{}\n"]
        {
            let edited = set(empty, "extensions", &[("cmd".to_owned(), json!("/d"))]).unwrap();
            assert_eq!(
                parse(&edited).unwrap(),
                json!({"extensions": {"drawbridge": {"cmd": "/d"}}}),
                "{edited}"
            );
        }
    }

    #[test]
    fn an_entry_is_replaced_in_its_place() {
        check(
            "extensions:\n  drawbridge:\n    cmd: old\n    x: 1\n\n  z:\n    cmd: z\n",
            expect![[r#"
            extensions:
              drawbridge:
                cmd: "/d"

              z:
                cmd: z
        "#]],
        );
    }

    #[test]
    fn flow_style_and_anchors_are_refused() {
        for text in ["extensions: {a: {cmd: x}}\n", "extensions: &all\n  a: 1\n"] {
            assert!(matches!(set(text, "extensions", &[]), Err(EditError::Unsafe)), "{text}");
        }
    }

    #[test]
    fn removing_leaves_the_other_members() {
        let text =
            "extensions:\n  a:\n    cmd: a\n  drawbridge:\n    cmd: d\n  # about z\n  z:\n    cmd: z\n";
        expect![[r#"
            extensions:
              a:
                cmd: a
              # about z
              z:
                cmd: z
        "#]]
        .assert_eq(&remove(text, "extensions", false).unwrap());
        let alone = "A: 1\nextensions: # all\n  drawbridge:\n    cmd: d\nB: 1\n";
        expect![[r#"
            A: 1
            B: 1
        "#]]
        .assert_eq(&remove(alone, "extensions", false).unwrap());
        expect![[r#"
            A: 1
            extensions: {} # all
            B: 1
        "#]]
        .assert_eq(&remove(alone, "extensions", true).unwrap());
    }

    #[test]
    fn errors_have_a_place() {
        let Err(EditError::Malformed { line, .. }) = parse("a: 1\nb: [1\n") else { panic!() };
        assert!(line >= 2);
    }
}
