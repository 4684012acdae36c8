//! Text from outside where a person sees it: nothing in it may move the cursor, turn a line round, or hide.

use std::borrow::Cow;

/// Whether a person sees this character as what it is: no control character, no mark of direction, no hidden
/// character. Line ends and tabs are control characters; who wants them lets them through.
pub fn is_visible(character: char) -> bool {
    let turns = matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(character, '\u{2028}' | '\u{2029}');
    // Invisible operators, deprecated format characters, annotation anchors; tags and variation selectors beyond
    // those of everyday emoji, in which whole messages have been hidden.
    let hides = matches!(
        character,
        '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e01ef}'
    );
    !(character.is_control() || turns || breaks || hides)
}

/// `text` with every character that is not visible as its code, as JSON writes it (`\u202e`); line ends and tabs
/// stay. In JSON text nothing is lost by this: such characters stand only in strings there.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let mut seen = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if stays(character) { seen.push(character) } else { push_code(&mut seen, character) }
    }
    Cow::Owned(seen)
}

/// `text` as a terminal may show it: without the characters that are not visible; line ends and tabs stay.
pub fn plain(text: &str) -> String {
    text.chars().filter(|&character| stays(character)).collect()
}

/// The same on one line: line ends and tabs are blanks.
pub fn plain_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ")
}

fn stays(character: char) -> bool {
    is_visible(character) || matches!(character, '\n' | '\t')
}

fn push_code(text: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        text.push_str(&format!("\\u{unit:04x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h4_what_hides_or_turns_stands_as_its_code() {
        assert_eq!(
            visible("a\u{1b}]52;c\u{7}\u{9b}b\rc\u{7f}"),
            "a\\u001b]52;c\\u0007\\u009bb\\u000dc\\u007f"
        );
        assert_eq!(visible("safe\u{202e}txt.exe\u{e0041}"), "safe\\u202etxt.exe\\udb40\\udc41");
        for same in ["naïve 日本 👍 ❤\u{fe0f}", "one\n\ttwo", "\u{5d0}\u{5d1}", ""] {
            assert!(matches!(visible(same), Cow::Borrowed(_)), "{same}");
        }
    }

    #[test]
    fn h4_json_reads_back_as_it_was() {
        let text = "a\u{9b}b\u{202e}c\u{e0041}d\n";
        let json = serde_json::to_string(text).unwrap();
        assert_eq!(serde_json::from_str::<String>(&visible(&json)).unwrap(), text);
    }

    #[test]
    fn h4_control_sequences_and_hidden_text_are_stripped() {
        assert_eq!(plain("a\u{1b}[31mb\u{7}\u{9b}1mc"), "a[31mb1mc");
        assert_eq!(plain("\u{1b}]52;c;aGk=\u{7}x\r\ny"), "]52;c;aGk=x\ny");
        assert_eq!(plain("safe\u{202e}txt.exe\u{e0041}"), "safetxt.exe");
        assert_eq!(plain_line("a\nb\tc"), "a b c");
        assert_eq!(plain("naïve 日本 👍"), "naïve 日本 👍");
    }
}
