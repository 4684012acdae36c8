//! Text from outside, as a person may see it.

use drawbridge_contract::is_visible;

/// Without control sequences, and without the characters that reorder or hide text; line ends and tabs stay.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|&character| matches!(character, '\n' | '\t') || is_visible(character)).collect()
}

/// The same, on one line.
pub(crate) fn plain_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ")
}
