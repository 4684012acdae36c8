//! How many tokens something has, where nobody counts them for us.

use super::{DocumentSource, Message, Part};

/// Bytes of a token: of English about four; of other scripts in UTF-8 this is near enough, and rather too many tokens
/// than too few.
const BYTES_PER_TOKEN: u64 = 4;
/// What dialects add around each message: its role, its beginning and its end.
const MESSAGE_TOKENS: u64 = 4;
/// A picture of about a million pixels, as most providers count it.
pub const IMAGE_TOKENS: u64 = 1_500;
/// Bytes of a PDF in base64 for each token that its pages come to: a page of words has some 30 KB and 2 000 tokens, a
/// scanned one more bytes and about as many tokens. Rather too many than too few.
const DOCUMENT_BYTES_PER_TOKEN: u64 = 8;
/// A document at an address, of whose length nobody knows anything: some ten pages.
const DOCUMENT_TOKENS_ASSUMED: u64 = 20_000;

/// About how many tokens these words have.
#[must_use]
pub fn tokens_of(text: &str) -> u64 {
    (text.len() as u64).div_ceil(BYTES_PER_TOKEN)
}

pub(super) fn tokens_of_message(message: &Message) -> u64 {
    MESSAGE_TOKENS + message.parts.iter().map(tokens_of_part).sum::<u64>()
}

fn tokens_of_part(part: &Part) -> u64 {
    match part {
        Part::Text { text } => tokens_of(text),
        Part::Image(_) => IMAGE_TOKENS,
        Part::File(document) => tokens_of(&document.name) + tokens_of_document(&document.source),
        Part::Reasoning(thought) => tokens_of(&thought.text),
        Part::ToolCall(call) => tokens_of(&call.name) + tokens_of(&call.arguments),
        Part::ToolResult(result) => result.parts.iter().map(tokens_of_part).sum(),
    }
}

fn tokens_of_document(source: &DocumentSource) -> u64 {
    match source {
        DocumentSource::Data { base64, .. } => (base64.len() as u64).div_ceil(DOCUMENT_BYTES_PER_TOKEN),
        DocumentSource::Text { text } => tokens_of(text),
        DocumentSource::Url { .. } => DOCUMENT_TOKENS_ASSUMED,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Image, Role};
    use super::*;

    #[test]
    fn nothing_is_no_token_and_anything_is_one() {
        assert_eq!(["", "a", "abcd", "abcde"].map(tokens_of), [0, 1, 1, 2]);
    }

    #[test]
    fn documents_count_by_what_is_known_of_them() {
        use super::super::Document;
        let tokens = |document| tokens_of_part(&Part::File(document)) - tokens_of("document");
        assert_eq!(tokens(Document::text(None, "abcdefgh")), 2);
        assert_eq!(tokens(Document::pdf(None, "A".repeat(80_000))), 10_000);
        assert_eq!(tokens(Document::at(None, "https://a.example")), DOCUMENT_TOKENS_ASSUMED);
    }

    #[test]
    fn a_message_counts_its_frame_and_its_pictures() {
        let parts = vec![Part::text("abcd"), Part::Image(Image::data("image/png", "A".repeat(1 << 20)))];
        assert_eq!(tokens_of_message(&Message::of(Role::User, parts)), MESSAGE_TOKENS + 1 + IMAGE_TOKENS);
    }
}
