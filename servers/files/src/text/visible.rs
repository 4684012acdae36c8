//! Names as they stand in a text: without what would move the cursor, turn the line round or hide.

use std::borrow::Cow;

use drawbridge_contract::is_visible;

/// `name` with control characters, direction marks and tag characters written out, such as `\u{1b}`.
pub(crate) fn visible(name: &str) -> Cow<'_, str> {
    if !name.contains(|character| !is_visible(character)) {
        return name.into();
    }
    let write = |character: char| {
        if is_visible(character) { character.to_string() } else { character.escape_unicode().to_string() }
    };
    name.chars().map(write).collect::<String>().into()
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
