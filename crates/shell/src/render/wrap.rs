//! Our own texts, broken between words. What a tool answers is not: whoever copies it wants it as it was.

use super::grid::width;

/// Breaks lines that are wider than `width`. What goes on begins with `hang` blanks, or with as many as its line.
pub(crate) fn wrap(text: &str, width_max: usize, hang: Option<usize>) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| wrap_line(line, width_max, hang)).collect();
    lines.join("\n")
}

fn wrap_line(line: &str, width_max: usize, hang: Option<usize>) -> String {
    if width(line) <= width_max {
        return line.to_owned();
    }
    let begins = line.chars().take_while(|sign| *sign == ' ').count();
    let hang = hang.unwrap_or(begins).min(width_max / 2);
    let (mut text, mut column, mut has_word) = (String::new(), 0, false);
    for word in line.split_inclusive(' ') {
        let bare = width(word.trim_end_matches(' '));
        if has_word && column + bare > width_max {
            text.truncate(text.trim_end().len());
            text.push('\n');
            text.push_str(&" ".repeat(hang));
            (column, has_word) = (hang, false);
        }
        // The blanks at a break go, but not those that a line begins with.
        if bare == 0 && !has_word && text.contains('\n') {
            continue;
        }
        text.push_str(word);
        column += width(word);
        has_word |= bare > 0;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_go_on_below_where_they_began() {
        assert_eq!(wrap("one two three", 13, None), "one two three", "it fits exactly");
        assert_eq!(wrap("one two three", 12, None), "one two\nthree");
        assert_eq!(wrap("  one two three", 10, None), "  one two\n  three");
        assert_eq!(wrap("  name    says it all", 14, Some(4)), "  name    says\n    it all");
        assert_eq!(wrap("a\n\nb", 1, None), "a\n\nb");
        assert_eq!(wrap("unbreakable x", 4, Some(9)), "unbreakable\n  x");
    }

    proptest::proptest! {
        #[test]
        fn no_word_is_lost(text in "[a-z \\n\u{4e00}]{0,60}", width in 0_usize..20, hang in proptest::option::of(0_usize..9)) {
            let wrapped = wrap(&text, width, hang);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            proptest::prop_assert_eq!(words(&wrapped), words(&text));
        }
    }
}
