//! Names as they stand in a text: without what would move the cursor, turn the line round or hide.

use std::borrow::Cow;

/// `name` with control characters, direction marks and tag characters written out, such as `\u{1b}`.
pub(crate) fn visible(name: &str) -> Cow<'_, str> {
    if !name.contains(is_treacherous) {
        return name.into();
    }
    let write = |character: char| {
        if is_treacherous(character) { character.escape_unicode().to_string() } else { character.to_string() }
    };
    name.chars().map(write).collect::<String>().into()
}

/// Controls, the direction marks of Unicode (UAX #9), and the tag characters.
fn is_treacherous(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_deceive_is_written_out() {
        assert_eq!(visible("plain ä 世"), "plain ä 世");
        assert_eq!(visible("a\nb\u{1b}[2Jc"), "a\\u{a}b\\u{1b}[2Jc");
        assert_eq!(visible("exe\u{202e}txt\u{e0041}"), "exe\\u{202e}txt\\u{e0041}");
    }
}
