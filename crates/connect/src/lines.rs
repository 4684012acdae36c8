//! Lines and what they end with. The formats are edited with plain `\n`; here the file's own ends come back.

use std::ops::Range;

/// The invisible mark that some Windows editors write at the start of a UTF-8 file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Edits a text while its byte order mark and line ends stay as they are; new lines get the end the file uses most.
///
/// `edit` sees the text without the mark and with `\n` alone.
pub(crate) fn edit<E>(original: &str, edit: impl FnOnce(&str) -> Result<String, E>) -> Result<String, E> {
    let body = original.strip_prefix(BYTE_ORDER_MARK).unwrap_or(original);
    let edited = edit(&body.replace("\r\n", "\n"))?;
    let mark = &original[..original.len() - body.len()];
    Ok(format!("{mark}{}", with_ends_of(body, &edited)))
}

/// The text without its byte order mark and with `\n` alone, for parsing.
pub(crate) fn plain(original: &str) -> String {
    original.strip_prefix(BYTE_ORDER_MARK).unwrap_or(original).replace("\r\n", "\n")
}

/// The line ends of `original`, put back into `edited`: lines before and after the edited part keep their own.
fn with_ends_of(original: &str, edited: &str) -> String {
    let usual = usual_end(original);
    let old: Vec<&str> = original.split_inclusive('\n').collect();
    let new: Vec<&str> = edited.split_inclusive('\n').collect();
    let same = |(old, new): &(&&str, &&str)| content(old) == content(new);
    let head = old.iter().zip(&new).take_while(same).count();
    let tail_max = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(tail_max).take_while(same).count();

    let mut text = String::with_capacity(edited.len() + original.len() / 16);
    for (index, line) in new.iter().enumerate() {
        let kept = if index < head {
            Some(old[index])
        } else {
            (index + tail >= new.len()).then(|| old[old.len() + index - new.len()])
        };
        text.push_str(content(line));
        if line.ends_with('\n') {
            text.push_str(kept.map(end).filter(|end| !end.is_empty()).unwrap_or(usual));
        }
    }
    text
}

fn content(line: &str) -> &str {
    line.strip_suffix("\r\n").or_else(|| line.strip_suffix('\n')).unwrap_or(line)
}

fn end(line: &str) -> &str {
    &line[content(line).len()..]
}

fn usual_end(text: &str) -> &'static str {
    let windows = text.matches("\r\n").count();
    if windows * 2 > text.matches('\n').count() { "\r\n" } else { "\n" }
}

/// The spaces and tabs a line starts with.
pub(crate) fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Nothing but spaces, or a comment of the kind that `#` starts (TOML, YAML).
pub(crate) fn is_blank_or_comment(line: &str) -> bool {
    let text = line.trim();
    text.is_empty() || text.starts_with('#')
}

/// `lines` without a block, joined again. A blank line before the block goes too where one more follows it, or
/// nothing does: it separated the block from what came before.
pub(crate) fn without(lines: &[&str], block: Range<usize>) -> String {
    let blank = |index: usize| lines.get(index).is_none_or(|line| line.trim().is_empty());
    let separated = block.start > 0 && blank(block.start - 1) && blank(block.end);
    let start = if separated { block.start - 1 } else { block.start };
    lines[..start].iter().chain(&lines[block.end..]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(original: &str, from: &str, to: &str, expected: &str) {
        let edited = edit::<()>(original, |text| Ok(text.replacen(from, to, 1)));
        assert_eq!(edited.unwrap(), expected);
    }

    #[test]
    fn new_lines_get_the_usual_end() {
        check("a\r\nb\r\n", "b", "x\nb", "a\r\nx\r\nb\r\n");
        check("a\nb\n", "b", "x\nb", "a\nx\nb\n");
    }

    #[test]
    fn lines_around_an_edit_keep_their_own_end() {
        check("a\r\nb\nc\r\nd\n", "c", "x\ny", "a\r\nb\nx\ny\nd\n");
        check("a\nb\r\nc", "b", "x", "a\nx\nc");
    }

    #[test]
    fn a_missing_last_end_stays_missing() {
        check("a\r\nb", "a", "x", "x\r\nb");
        check("a", "a", "a\nb", "a\nb");
    }

    #[test]
    fn the_byte_order_mark_stays() {
        check("\u{feff}a\r\n", "a", "b", "\u{feff}b\r\n");
    }

    #[test]
    fn a_separating_blank_line_goes_with_its_block() {
        assert_eq!(without(&["a\n", "\n", "b\n"], 2..3), "a\n");
        assert_eq!(without(&["a\n", "\n", "b\n", "c\n"], 2..3), "a\n\nc\n");
        assert_eq!(without(&["b\n", "\n", "c\n"], 0..1), "\nc\n");
    }
}
