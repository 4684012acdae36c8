//! Edits of JSON and JSON with comments: one key at a time, by splicing the text where the parser says it is.

use jsonc_parser::ast::{Object, ObjectProp, Value as Node};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use serde_json::Value;

use crate::document::EditError;
use crate::lines;

/// How far a nested line is indented in a file that does not show it.
const INDENT: &str = "  ";

/// What a host accepts beyond plain JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Nothing.
    Plain,
    /// Comments and trailing commas.
    Comments,
}

impl Dialect {
    fn options(self) -> ParseOptions {
        let lenient = self == Dialect::Comments;
        ParseOptions {
            allow_comments: lenient,
            allow_trailing_commas: lenient,
            allow_loose_object_property_names: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        }
    }
}

/// A parsed text: its root object and every token in it, for finding commas.
struct Parsed<'a> {
    text: &'a str,
    root: Object<'a>,
    tokens: Vec<TokenAndRange<'a>>,
}

/// The value of a whole text; an empty one has no value.
pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Value, EditError> {
    Ok(parse_node(text, dialect)?.0.map_or(Value::Null, Value::from))
}

/// `text` with `value` at `path`. What is there is replaced; missing objects on the way are added.
pub(crate) fn set(text: &str, dialect: Dialect, path: &[&str], value: &Value) -> Result<String, EditError> {
    let (Some((key, parents)), Some(parsed)) = (path.split_last(), open(text, dialect)?) else {
        return set(&with_empty_root(text), dialect, path, value);
    };
    let Some(object) = parsed.object(parents)? else {
        let text = set(text, dialect, parents, &Value::Object(serde_json::Map::new()))?;
        return set(&text, dialect, path, value);
    };
    let shallow = if value.is_object() { "{}".to_owned() } else { value.to_string() };
    let mut text = match property(object, key)? {
        Some(found) => splice(text, found.value.range(), &shallow),
        None => parsed.inserted(object, &format!("{}: {shallow}", Value::from(*key))),
    };
    for (name, member) in value.as_object().into_iter().flatten() {
        let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
        text = set(&text, dialect, &path, member)?;
    }
    Ok(text)
}

/// `text` without the key at `path`; the same text when it is not there.
pub(crate) fn remove(text: &str, dialect: Dialect, path: &[&str]) -> Result<String, EditError> {
    let (Some((key, parents)), Some(parsed)) = (path.split_last(), open(text, dialect)?) else {
        return Ok(text.to_owned());
    };
    let Some(object) = parsed.object(parents)? else { return Ok(text.to_owned()) };
    Ok(property(object, key)?.map_or_else(|| text.to_owned(), |found| parsed.without(object, found)))
}

fn parse_node(text: &str, dialect: Dialect) -> Result<(Option<Node<'_>>, Vec<TokenAndRange<'_>>), EditError> {
    let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: true };
    let parsed = parse_to_ast(text, &collect, &dialect.options()).map_err(|error| EditError::Malformed {
        line: error.line_display(),
        column: error.column_display(),
        reason: error.kind().to_string(),
    })?;
    Ok((parsed.value, parsed.tokens.unwrap_or_default()))
}

fn open(text: &str, dialect: Dialect) -> Result<Option<Parsed<'_>>, EditError> {
    match parse_node(text, dialect)? {
        (None, _) => Ok(None),
        (Some(Node::Object(root)), tokens) => Ok(Some(Parsed { text, root, tokens })),
        (Some(_), _) => Err(EditError::NotAMap("the whole file".to_owned())),
    }
}

/// An empty object after whatever comments the text holds.
fn with_empty_root(text: &str) -> String {
    match text.trim_end() {
        "" => "{}\n".to_owned(),
        comments => format!("{comments}\n{{}}\n"),
    }
}

fn property<'o, 'a>(object: &'o Object<'a>, key: &str) -> Result<Option<&'o ObjectProp<'a>>, EditError> {
    let mut found = object.properties.iter().filter(|property| property.name.as_str() == key);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(EditError::Duplicate(key.to_owned())),
        (first, _) => Ok(first),
    }
}

fn splice(text: &str, range: Range, new: &str) -> String {
    format!("{}{new}{}", &text[..range.start], &text[range.end..])
}

impl<'a> Parsed<'a> {
    /// The object at `path`; none when it is missing or null.
    fn object(&self, path: &[&str]) -> Result<Option<&Object<'a>>, EditError> {
        let mut object = &self.root;
        for key in path {
            object = match property(object, key)?.map(|property| &property.value) {
                None | Some(Node::NullKeyword(_)) => return Ok(None),
                Some(Node::Object(inner)) => inner,
                Some(_) => return Err(EditError::NotAMap(format!("`{key}`"))),
            };
        }
        Ok(Some(object))
    }

    /// The text with one more member at the end of `object`, in the style of the members before it.
    fn inserted(&self, object: &Object, member: &str) -> String {
        let brace = object.range.end - 1;
        let gap = self.text[..brace].trim_end().len();
        let last_end = object.properties.last().map_or(gap, |last| last.range.end);
        let trailing = self.comma_between(last_end, brace).is_some();
        let comma = if object.properties.is_empty() || trailing { "" } else { "," };
        let (before, after) = self.surroundings(object, gap, brace);
        let ours_ends = if trailing { "," } else { "" };
        let (start, middle) = (&self.text[..last_end], &self.text[last_end..gap]);
        format!("{start}{comma}{middle}{before}{member}{ours_ends}{after}{}", &self.text[brace..])
    }

    /// What to write between the last thing in `object` and a new member, and between that and the brace.
    fn surroundings(&self, object: &Object, gap: usize, brace: usize) -> (String, String) {
        let rest = &self.text[gap..brace];
        let empty = object.properties.is_empty();
        let on_lines =
            if empty { self.has_lines() } else { self.text[object.range.start..brace].contains('\n') };
        if !on_lines {
            return (if empty { String::new() } else { " ".to_owned() }, rest.to_owned());
        }
        let close = if empty && !rest.contains('\n') {
            format!("\n{}", self.indent_at(object.range.start))
        } else {
            rest.to_owned()
        };
        (format!("\n{}", self.member_indent(object)), close)
    }

    /// Whether this file is written over several lines; an empty one will be.
    fn has_lines(&self) -> bool {
        self.root.properties.is_empty()
            || self.text[self.root.range.start..self.root.range.end].contains('\n')
    }

    fn member_indent(&self, object: &Object) -> String {
        match object.properties.last().and_then(|last| self.own_indent(last)) {
            Some(indent) => indent.to_owned(),
            None => format!("{}{}", self.indent_at(object.range.start), self.indent_unit()),
        }
    }

    /// One step of indentation, as the root's members show it.
    fn indent_unit(&self) -> &'a str {
        let shown = self.root.properties.first().and_then(|first| self.own_indent(first));
        shown.filter(|indent| !indent.is_empty()).unwrap_or(INDENT)
    }

    /// The indentation of a member that starts its line.
    fn own_indent(&self, member: &ObjectProp) -> Option<&'a str> {
        let line = &self.text[self.line_start(member.range.start)..member.range.start];
        (lines::indent(line) == line && self.line_start(member.range.start) > 0).then_some(line)
    }

    fn indent_at(&self, position: usize) -> &'a str {
        lines::indent(&self.text[self.line_start(position)..position])
    }

    fn line_start(&self, position: usize) -> usize {
        self.text[..position].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The text without a member, its comma and the space that set it apart.
    fn without(&self, object: &Object, member: &ObjectProp) -> String {
        let brace = object.range.end - 1;
        let comma_after = self.comma_between(member.range.end, brace);
        let end = comma_after.map_or(member.range.end, |comma| comma.end);
        let range = self.with_space(member.range.start, end, comma_after.is_some());
        let mut text = splice(self.text, range, "");
        if comma_after.is_none()
            && let Some(comma) = self.comma_before(object, member)
        {
            text = splice(&text, comma, "");
        }
        if object.properties.len() == 1 { collapsed(text, object.range.start) } else { text }
    }

    /// The space before a member goes with it. Where something follows on its line (the next member, or a comment),
    /// the space after it goes instead, so that what follows takes its place.
    fn with_space(&self, start: usize, end: usize, followed: bool) -> Range {
        let before = self.text[..start].trim_end().len();
        let after = end + lines::indent(&self.text[end..]).len();
        let ends_line = self.text[after..].starts_with('\n');
        let own_line = self.text[before..start].contains('\n');
        if (own_line && !ends_line) || (!own_line && followed) {
            Range::new(start, after)
        } else {
            Range::new(before, end)
        }
    }

    fn comma_before(&self, object: &Object, member: &ObjectProp) -> Option<Range> {
        let index = object.properties.iter().position(|other| other.range == member.range)?;
        let previous = object.properties.get(index.checked_sub(1)?)?;
        self.comma_between(previous.range.end, member.range.start)
    }

    /// The first comma from `start` to `end` that no value lies before.
    fn comma_between(&self, start: usize, end: usize) -> Option<Range> {
        let first = self.tokens.partition_point(|token| token.range.start < start);
        let token = self.tokens.get(first)?;
        (token.token == Token::Comma && token.range.end <= end).then_some(token.range)
    }
}

/// An object that starts at `open` and has nothing left in it, written as `{}`.
fn collapsed(text: String, open: usize) -> String {
    let inside = &text[open + 1..];
    let rest = inside.trim_start();
    if rest.starts_with('}') {
        splice(&text, Range::new(open + 1, text.len() - rest.len()), "")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check_set(text: &str, expected: Expect) {
        let edited = set(text, Dialect::Comments, &["m", "d"], &json!({"c": "x", "a": ["y"]})).unwrap();
        expected.assert_eq(&edited);
        let members = parse(&edited, Dialect::Comments).unwrap();
        assert_eq!(members["m"]["d"], json!({"c": "x", "a": ["y"]}));
    }

    fn check_remove(text: &str, expected: Expect) {
        let edited = remove(text, Dialect::Comments, &["m", "d"]).unwrap();
        expected.assert_eq(&edited);
        assert!(parse(&edited, Dialect::Comments).unwrap()["m"].get("d").is_none());
    }

    #[test]
    fn an_empty_text_gets_a_root() {
        check_set(
            "",
            expect![[r#"
            {
              "m": {
                "d": {
                  "a": ["y"],
                  "c": "x"
                }
              }
            }
        "#]],
        );
        check_set(
            "// mine\n",
            expect![[r#"
            // mine
            {
              "m": {
                "d": {
                  "a": ["y"],
                  "c": "x"
                }
              }
            }
        "#]],
        );
        check_set(
            "{}",
            expect![[r#"
            {
              "m": {
                "d": {
                  "a": ["y"],
                  "c": "x"
                }
              }
            }"#]],
        );
    }

    #[test]
    fn the_style_of_the_neighbours_is_kept() {
        check_set(
            "{\n\t\"m\": {\n\t\t\"b\": 1\n\t}\n}\n",
            expect![[r#"
            {
            	"m": {
            		"b": 1,
            		"d": {
            			"a": ["y"],
            			"c": "x"
            		}
            	}
            }
        "#]],
        );
        check_set(
            "{\n  \"m\": {\n    \"b\": 1, // last\n    // below\n  },\n}",
            expect![[r#"
            {
              "m": {
                "b": 1, // last
                // below
                "d": {
                  "a": ["y"],
                  "c": "x"
                },
              },
            }"#]],
        );
        check_set(r#"{"m":{"b":1},"z":2}"#, expect![[r#"{"m":{"b":1, "d": {"a": ["y"], "c": "x"}},"z":2}"#]]);
        check_set(r#"{"z":2}"#, expect![[r#"{"z":2, "m": {"d": {"a": ["y"], "c": "x"}}}"#]]);
        check_set(
            "{\n  \"m\": {}\n}",
            expect![[r#"
            {
              "m": {
                "d": {
                  "a": ["y"],
                  "c": "x"
                }
              }
            }"#]],
        );
        check_set(
            "{\n  \"m\": null\n}",
            expect![[r#"
            {
              "m": {
                "d": {
                  "a": ["y"],
                  "c": "x"
                }
              }
            }"#]],
        );
    }

    #[test]
    fn removing_takes_the_comma_and_the_line() {
        check_remove(
            "{\n  \"m\": {\n    \"b\": 1, // b\n    \"d\": 2\n  }\n}",
            expect![[r#"
            {
              "m": {
                "b": 1 // b
              }
            }"#]],
        );
        check_remove(
            "{\n  \"m\": {\n    \"d\": 2, // d\n    \"b\": 1\n  }\n}",
            expect![[r#"
                {
                  "m": {
                    // d
                    "b": 1
                  }
                }"#]],
        );
        check_remove(
            "{\n  \"m\": {\n    \"b\": 1,\n    \"d\": 2,\n  },\n}",
            expect![[r#"
            {
              "m": {
                "b": 1,
              },
            }"#]],
        );
        check_remove(
            "{\n  \"m\": {\n    \"d\": 2\n  }\n}",
            expect![[r#"
            {
              "m": {}
            }"#]],
        );
        check_remove(
            "{\n  \"m\": {\n    // c\n    \"d\": 2 }\n}",
            expect![[r#"
                {
                  "m": {
                    // c
                    }
                }"#]],
        );
        check_remove(r#"{"m": {"b": 1, "d": 2}}"#, expect![[r#"{"m": {"b": 1}}"#]]);
        check_remove(r#"{"m": {"d": 2, "b": 1}}"#, expect![[r#"{"m": {"b": 1}}"#]]);
    }

    #[test]
    fn plain_json_has_no_comments_and_no_trailing_commas() {
        for text in ["{ // c\n}", r#"{"a": 1,}"#, "{a: 1}", "{'a': 1}", r#"{"a": 1 "b": 2}"#] {
            assert!(
                matches!(parse(text, Dialect::Plain), Err(EditError::Malformed { line: 1, .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn two_of_the_same_key_are_refused() {
        let twice = r#"{"m": {}, "m": {}}"#;
        assert!(matches!(set(twice, Dialect::Plain, &["m", "d"], &json!(1)), Err(EditError::Duplicate(_))));
    }

    #[test]
    fn deep_nesting_is_refused_without_harm() {
        let deep = format!("{{\"a\":{}", "[".repeat(200_000));
        assert!(matches!(parse(&deep, Dialect::Plain), Err(EditError::Malformed { .. })));
    }
}
