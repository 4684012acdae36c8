//! Replacing pieces of a text: exactly, or without regard to blanks where that is unmistakable.

use std::ops::Range;

use serde::Deserialize;

/// One replacement.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    /// The piece of text to replace. It must be there once, unless `all` is set. When it is nowhere exactly so, whole
    /// lines that differ only in blanks count.
    pub(crate) old_text: String,
    /// What is to be there instead; empty removes it.
    pub(crate) new_text: String,
    /// Replaces every place where it is.
    #[serde(default)]
    pub(crate) all: bool,
}

/// Why an edit does not fit the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("old_text is empty; to add to a file, give a line that is there and repeat it in new_text")]
    Empty,
    #[error("old_text is not in the file.{}", nearest_told(.nearest.as_ref()))]
    Nowhere { nearest: Option<Nearest> },
    #[error("old_text is in the file {count} times, in lines {}; give more of what is around it, or set all", listed(.lines))]
    Ambiguous { count: usize, lines: Vec<usize> },
}

/// The lines that are most like what was looked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Nearest {
    pub(crate) first_line: usize,
    pub(crate) text: String,
}

/// How many lines are named where a text is found too often.
const LINES_NAMED_MAX: usize = 10;
/// How alike two lines must be, of 1, for the place to be shown as the nearest.
const ALIKE_MIN: f64 = 0.5;
/// How much of a place is shown as the nearest.
const NEAREST_BYTES_MAX: usize = 2_000;
/// How many bytes of lines are compared to find the nearest: it is only a hint.
const COMPARED_BYTES_MAX: usize = 256 * 1024;

/// Makes one edit, in lines that end as `line_end`; how many places were replaced.
pub(crate) fn apply(text: &mut String, edit: &Edit, line_end: &str) -> Result<usize, Misfit> {
    let (old, new) = (ends_as(&edit.old_text, line_end), ends_as(&edit.new_text, line_end));
    if old.is_empty() {
        return Err(Misfit::Empty);
    }
    let exact: Vec<Range<usize>> = text.match_indices(&old).map(|(at, found)| at..at + found.len()).collect();
    if exact.is_empty() {
        return apply_tolerant(text, edit, &old, &new);
    }
    let places = checked(text, exact, edit.all)?;
    for place in places.iter().rev() {
        text.replace_range(place.clone(), &new);
    }
    Ok(places.len())
}

/// The line end that most lines have.
pub(crate) fn line_end(text: &str) -> &'static str {
    let windows = text.matches("\r\n").count();
    if windows * 2 > text.matches('\n').count() { "\r\n" } else { "\n" }
}

fn ends_as(text: &str, line_end: &str) -> String {
    let unix = text.replace("\r\n", "\n");
    if line_end == "\n" { unix } else { unix.replace('\n', line_end) }
}

fn apply_tolerant(text: &mut String, edit: &Edit, old: &str, new: &str) -> Result<usize, Misfit> {
    let found = tolerant(text, old);
    if found.is_empty() {
        return Err(Misfit::Nowhere { nearest: nearest(text, old) });
    }
    let places = checked(text, found, edit.all)?;
    for place in places.iter().rev() {
        let new = indented(&text[place.clone()], old, new);
        text.replace_range(place.clone(), &new);
    }
    Ok(places.len())
}

fn checked(text: &str, places: Vec<Range<usize>>, all: bool) -> Result<Vec<Range<usize>>, Misfit> {
    if all || places.len() == 1 {
        return Ok(places);
    }
    let line = |place: &Range<usize>| text[..place.start].matches('\n').count() + 1;
    let lines = places.iter().take(LINES_NAMED_MAX).map(line).collect();
    Err(Misfit::Ambiguous { count: places.len(), lines })
}

/// The places where whole lines are those of `old` but for blanks; they do not overlap.
fn tolerant(text: &str, old: &str) -> Vec<Range<usize>> {
    let wanted: Vec<String> = old.lines().map(squeezed).collect();
    if wanted.iter().all(String::is_empty) {
        return Vec::new();
    }
    let lines = lines_of(text);
    let squeezed_lines: Vec<String> = lines.iter().map(|line| squeezed(&text[line.clone()])).collect();
    let (mut places, mut at) = (Vec::new(), 0);
    while at + wanted.len() <= lines.len() {
        if squeezed_lines[at..at + wanted.len()] != wanted[..] {
            at += 1;
            continue;
        }
        let (first, last) = (&lines[at], &lines[at + wanted.len() - 1]);
        let end = if old.ends_with('\n') { last.end } else { first.start.max(without_line_end(text, last)) };
        places.push(first.start..end);
        at += wanted.len();
    }
    places
}

/// The lines with their line ends.
fn lines_of(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let line = |line: &str| {
        let range = start..start + line.len();
        start = range.end;
        range
    };
    text.split_inclusive('\n').map(line).collect()
}

fn without_line_end(text: &str, line: &Range<usize>) -> usize {
    line.start + text[line.clone()].trim_end_matches(['\r', '\n']).len()
}

/// A line without blanks at its ends, and single ones within.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// `new` moved in or out as far as the place found differs from what was asked for.
fn indented(found: &str, old: &str, new: &str) -> String {
    let indent = |text: &str| -> String {
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        line[..line.len() - line.trim_start().len()].to_owned()
    };
    let (is, asked) = (indent(found), indent(old));
    let shifted = |line: &str| match line.strip_prefix(asked.as_str()) {
        _ if line.trim().is_empty() => line.to_owned(),
        Some(rest) => format!("{is}{rest}"),
        None => line.to_owned(),
    };
    new.split_inclusive('\n').map(shifted).collect()
}

/// The lines most like those of `old`, by its first line that says something.
fn nearest(text: &str, old: &str) -> Option<Nearest> {
    let skipped = old.lines().take_while(|line| line.trim().is_empty()).count();
    let wanted = squeezed(old.lines().nth(skipped)?);
    let (mut best, mut compared) = ((ALIKE_MIN, None), 0);
    let lines = lines_of(text);
    for (index, line) in lines.iter().enumerate() {
        let line = squeezed(&text[line.clone()]);
        compared += line.len();
        if compared > COMPARED_BYTES_MAX {
            break;
        }
        let alike = alike(&wanted, &line);
        if alike > best.0 {
            best = (alike, Some(index));
        }
    }
    let first = best.1?.saturating_sub(skipped);
    let last = (first + old.lines().count()).min(lines.len());
    let mut shown = text[lines[first].start..lines[last - 1].end].to_owned();
    shown.truncate(shown.floor_char_boundary(NEAREST_BYTES_MAX));
    Some(Nearest { first_line: first + 1, text: shown })
}

/// How alike two lines are, from 0 to 1: the part of their pairs of characters that they share (Dice's coefficient).
fn alike(one: &str, other: &str) -> f64 {
    let pairs = |text: &str| -> Vec<(char, char)> { text.chars().zip(text.chars().skip(1)).collect() };
    let (one, mut other) = (pairs(one), pairs(other));
    let total = one.len() + other.len();
    let mut shared = 0_u32;
    for pair in one {
        if let Some(at) = other.iter().position(|candidate| *candidate == pair) {
            other.swap_remove(at);
            shared += 1;
        }
    }
    if total == 0 { 0.0 } else { f64::from(shared * 2) / total as f64 }
}

fn nearest_told(nearest: Option<&Nearest>) -> String {
    let Some(nearest) = nearest else {
        return " Read it again, and give a piece as it stands there".to_owned();
    };
    format!(" The nearest is from line {}:\n{}", nearest.first_line, nearest.text)
}

fn listed(lines: &[usize]) -> String {
    let mut listed: Vec<String> = lines.iter().map(usize::to_string).collect();
    if lines.len() == LINES_NAMED_MAX {
        listed.push("…".to_owned());
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str, old: &str, new: &str, all: bool) -> Result<String, String> {
        let mut text = text.to_owned();
        let edit = Edit { old_text: old.to_owned(), new_text: new.to_owned(), all };
        let end = line_end(&text);
        apply(&mut text, &edit, end).map_err(|misfit| misfit.to_string())?;
        Ok(text)
    }

    #[test]
    fn an_exact_piece_is_replaced() {
        assert_eq!(edit("a b c", "b", "x", false).unwrap(), "a x c");
        assert_eq!(edit("a b c", " b", "", false).unwrap(), "a c");
        assert_eq!(edit("aXbXc", "X", "-", true).unwrap(), "a-b-c");
    }

    #[test]
    fn two_places_are_one_too_many() {
        let error = edit("x\ny\nx\n", "x", "z", false).unwrap_err();
        assert!(error.contains("2 times, in lines 1, 3"), "{error}");
    }

    #[test]
    fn blanks_do_not_matter_where_lines_are_meant() {
        let text = "fn main() {\n    let x =  1;\n    go(x);\n}\n";
        let new = edit(text, "let x = 1;\ngo(x);", "let y = 2;\nif y {\n    go(y);\n}", false).unwrap();
        assert_eq!(new, "fn main() {\n    let y = 2;\n    if y {\n        go(y);\n    }\n}\n");
        assert!(edit("a  b\na b \n", "a   b", "x", false).unwrap_err().contains("2 times"));
        assert_eq!(edit("one two", "e t", "-", false).unwrap(), "on-wo");
    }

    #[test]
    fn line_ends_stay_as_they_are() {
        assert_eq!(edit("a\r\nb\r\nc\r\n", "a\nb", "x\ny", false).unwrap(), "x\r\ny\r\nc\r\n");
        assert_eq!(edit("a\nb\n", "a\r\nb", "x\r\ny", false).unwrap(), "x\ny\n");
        assert_eq!(edit("  a \r\n  b\r\n", "a\nb", "x\ny", false).unwrap(), "  x\r\n  y\r\n");
    }

    #[test]
    fn the_nearest_place_is_shown() {
        let error =
            edit("first\nlet total = count + 1;\nlast\n", "let totals = count + 1", "", false).unwrap_err();
        assert!(error.contains("The nearest is from line 2:\nlet total = count + 1;"), "{error}");
        assert!(!edit("abc\n", "xyz", "", false).unwrap_err().contains("nearest"));
        assert!(edit("abc", "", "x", false).unwrap_err().contains("empty"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_not_replaced_stays(before in "[a-c \n]{0,30}", after in "[a-c \n]{0,30}", new in "[d-f\n]{0,10}") {
            let text = format!("{before}UNIQUE{after}");
            proptest::prop_assert_eq!(edit(&text, "UNIQUE", &new, false), Ok(format!("{before}{new}{after}")));
        }

        #[test]
        fn any_text_and_any_edit_end_well(text in "\\PC{0,40}", old in "\\PC{0,10}", new in "\\PC{0,10}", all: bool) {
            let _ = edit(&text, &old, &new, all);
        }

        #[test]
        fn lines_of_blanks_and_letters_end_well(text in "[ab \t\r\n]{0,60}", old in "[ab \r\n]{0,20}", all: bool) {
            let _ = edit(&text, &old, "n\n", all);
        }
    }
}
