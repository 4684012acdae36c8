//! What an answer of any dialect says of its usage, read on the way while it goes on as it is.

use super::decoder::Decoder;
use super::provider::ProviderDialect;
use crate::chat::{Failure, OwnToolUses, Piece, Usage, tokens_of};

/// Listens to a stream that is passed on.
#[derive(Debug)]
pub struct Tap {
    decoder: Decoder,
    heard: Heard,
    ended: bool,
}

#[derive(Debug, Default)]
struct Heard {
    usage: Option<Usage>,
    own_tools: OwnToolUses,
    tokens: u64,
    failure: Option<Failure>,
}

impl Tap {
    /// For one answer in `dialect`.
    #[must_use]
    pub fn new(dialect: ProviderDialect) -> Self {
        // Ids of calls are read by nobody here.
        Self { decoder: dialect.decoder(""), heard: Heard::default(), ended: false }
    }

    /// Takes in bytes as they come, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut pieces = Vec::new();
        self.decoder.push(bytes, &mut pieces);
        self.heard.take(pieces);
    }

    /// The stream has ended.
    pub fn finish(&mut self) {
        let mut pieces = Vec::new();
        self.decoder.finish(&mut pieces);
        self.ended = true;
        self.heard.take(pieces);
    }

    /// What the provider counted, once the answer has come to its end: some count before, and count again.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let is_whole = self.ended && self.heard.failure.is_none();
        self.heard.usage.filter(|usage| is_whole && usage.completion_tokens.is_some())
    }

    /// How often the provider used tools of its own, as far as the answer has come.
    #[must_use]
    pub fn own_tools(&self) -> &OwnToolUses {
        &self.heard.own_tools
    }

    /// About how many tokens have come, for streams that are cut or do not count.
    #[must_use]
    pub fn estimated_completion_tokens(&self) -> u64 {
        self.heard.tokens
    }

    /// The error in the stream, or, once it has ended, that it ended too early.
    #[must_use]
    pub fn failure_at_end(&self) -> Option<Failure> {
        self.heard.failure.clone()
    }
}

impl Heard {
    fn take(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Usage(usage) => self.usage.get_or_insert_default().update(usage),
                Piece::OwnTool { name, uses: Some(uses) } => self.own_tools.tell(&name, uses),
                Piece::OwnTool { name, uses: None } => self.own_tools.see(&name),
                Piece::Text(text) | Piece::Reasoning(text) => self.tokens += tokens_of(&text),
                Piece::ToolCallArguments { fragment, .. } => self.tokens += tokens_of(&fragment),
                Piece::Failed(failure) => self.failure = Some(failure),
                _ => {}
            }
        }
    }
}

/// What a whole answer says of its usage, and of tools that the provider ran.
///
/// # Errors
/// [`Failure`] of kind `Malformed` when it is no answer of this dialect.
pub fn heard_of_whole(
    body: &[u8],
    dialect: ProviderDialect,
) -> Result<(Option<Usage>, OwnToolUses), Failure> {
    let mut heard = Heard::default();
    heard.take(dialect.decode_chat(body, "")?);
    Ok((heard.usage, heard.own_tools))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hallöchen\"}}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

    #[test]
    fn usage_is_heard_however_the_stream_is_cut() {
        let mut tap = Tap::new(ProviderDialect::Anthropic);
        for byte in MESSAGES.bytes() {
            tap.push(&[byte]);
        }
        tap.finish();
        assert_eq!((tap.usage(), tap.failure_at_end()), (Some(Usage::of(7, 9)), None));
    }

    #[test]
    fn tools_of_the_provider_are_heard_in_streams_and_whole_answers() {
        let block = r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#;
        let usage = r#"{"input_tokens":7,"output_tokens":9,"server_tool_use":{"web_search_requests":2,"web_fetch_requests":0}}"#;
        let begun = format!(
            "event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{block}}}\n\n"
        );
        let told = format!(
            "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{}},\"usage\":{usage}}}\n\n"
        );
        let mut tap = Tap::new(ProviderDialect::Anthropic);
        tap.push(begun.as_bytes());
        assert_eq!(tap.own_tools().iter().collect::<Vec<_>>(), [("web_search", 1)], "as far as it came");
        tap.push(told.as_bytes());
        assert_eq!(tap.own_tools().iter().collect::<Vec<_>>(), [("web_search", 2)]);
        let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"web_search_call","id":"w","status":"completed"}}"#;
        let mut tap = Tap::new(ProviderDialect::OpenAiResponses);
        tap.push(format!("data: {}\n\ndata: {item}\n\n", item.replace("done", "added")).as_bytes());
        assert_eq!(tap.own_tools().iter().collect::<Vec<_>>(), [("web_search", 1)]);
        let whole = format!(
            r#"{{"id":"m","content":[{block},{block}],"usage":{{"input_tokens":1,"output_tokens":1}}}}"#
        );
        let (_, uses) = heard_of_whole(whole.as_bytes(), ProviderDialect::Anthropic).unwrap();
        assert_eq!(uses.iter().collect::<Vec<_>>(), [("web_search", 2)]);
        let whole = r#"{"id":"r","status":"completed","output":[{"type":"web_search_call","id":"w"},{"type":"function_call","call_id":"c","name":"f"}]}"#;
        let (_, uses) = heard_of_whole(whole.as_bytes(), ProviderDialect::OpenAiResponses).unwrap();
        assert_eq!(uses.iter().collect::<Vec<_>>(), [("web_search", 1)]);
    }

    #[test]
    fn a_stream_that_ends_early_is_counted_as_far_as_it_came() {
        let mut tap = Tap::new(ProviderDialect::Anthropic);
        tap.push(MESSAGES.split("event: message_delta").next().unwrap().as_bytes());
        tap.finish();
        assert_eq!((tap.usage(), tap.estimated_completion_tokens()), (None, 3));
        assert!(tap.failure_at_end().is_some());
    }
}
