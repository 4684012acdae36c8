//! The page on dialects tells the limits as they are.

use crate::chat::{ANSWER_BYTES_MAX, MESSAGE_CHARACTERS_MAX, TOOL_CALLS_MAX};
use crate::wire::LINE_BYTES_MAX;

const PAGE: &str = include_str!("../../../../../docs/llm-dialects.md");

#[test]
fn the_page_tells_the_limits_as_they_are() {
    let thousands = |count: usize| format!("{} {:03}", count / 1_000, count % 1_000);
    let rows = [
        format!("| a line or an event of a stream | {} MiB |", LINE_BYTES_MAX >> 20),
        format!("| an answer, gathered | {} MiB, {TOOL_CALLS_MAX} tool calls |", ANSWER_BYTES_MAX >> 20),
        format!("| a provider's words in an error | {} characters |", thousands(MESSAGE_CHARACTERS_MAX)),
    ];
    for row in rows {
        assert!(PAGE.contains(&row), "{row}");
    }
}
