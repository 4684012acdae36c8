//! What one of our client dialects writes is read by our own reader of the same dialect to the same answer.

use proptest::prelude::*;

use super::{PAIRS, answer, gathered, pieces, streamed};
use crate::chat::{ChatResult, Message, Part, Piece, Role, StopReason, ToolCall, Usage};

/// The pieces that make this answer, words cut into fragments of `size` characters.
pub(super) fn apart(result: &ChatResult, size: usize) -> Vec<Piece> {
    let mut pieces = vec![Piece::Begin { id: result.id.clone(), model: None }];
    let mut calls = 0;
    for part in &result.message.parts {
        match part {
            Part::Text { text } => pieces.extend(fragments(text, size).map(Piece::Text)),
            Part::Reasoning(thought) => pieces.extend(fragments(&thought.text, size).map(Piece::Reasoning)),
            Part::ToolCall(call) => {
                let index = calls;
                calls += 1;
                let (id, name, seal) = (call.id.clone(), call.name.clone(), call.seal.clone());
                pieces.push(Piece::ToolCallStart { index, id, name, seal });
                let fragments = fragments(&call.arguments, size);
                pieces.extend(fragments.map(|fragment| Piece::ToolCallArguments { index, fragment }));
            }
            Part::Image(_) | Part::File(_) | Part::ToolResult(_) => {}
        }
    }
    pieces.extend(result.stats.stop_reason.clone().map(Piece::Stop));
    pieces.push(Piece::Usage(result.usage));
    pieces
}

fn fragments(text: &str, size: usize) -> impl Iterator<Item = String> {
    let characters: Vec<char> = text.chars().collect();
    let fragments: Vec<String> = characters.chunks(size).map(|chunk| chunk.iter().collect()).collect();
    fragments.into_iter()
}

fn result() -> impl Strategy<Value = ChatResult> {
    let words = "[a-zé🌉\\\\\"\n\u{2028} ]{1,20}";
    let arguments =
        prop::sample::select(vec![r#"{"z":1,"a":["é\n"]}"#, "{}", r#"{"deep":{"b":null,"a":[]}}"#]);
    let calls = prop::collection::vec(("[a-z_]{1,8}", arguments), 0..3);
    let reason = prop::sample::select(vec![StopReason::End, StopReason::Length, StopReason::ContentFilter]);
    (prop::option::of(words), prop::option::of(words), calls, reason, 0u64..999, 0u64..999).prop_map(
        |(thought, words, calls, reason, prompt, completion)| {
            let mut result = ChatResult::empty("m");
            let thought =
                thought.map(|text| Part::Reasoning(crate::chat::Reasoning { text, ..Default::default() }));
            let reason = if calls.is_empty() { reason } else { StopReason::ToolCalls };
            let calls = calls.into_iter().enumerate().map(|(at, (name, arguments))| {
                Part::ToolCall(ToolCall {
                    id: format!("c{at}"),
                    name,
                    arguments: arguments.into(),
                    seal: None,
                })
            });
            let parts = thought.into_iter().chain(words.map(Part::text)).chain(calls).collect();
            result.message = Message::of(Role::Assistant, parts);
            result.stats.stop_reason = Some(reason);
            result.usage = Usage::of(prompt, completion);
            result
        },
    )
}

proptest! {
    #[test]
    fn a_stream_that_we_write_is_read_to_the_same_answer(result in result(), size in 1usize..9, cut in 1usize..50) {
        for (client, provider) in PAIRS {
            let stream = streamed(*client, &apart(&result, size));
            let read = pieces(*provider, stream.as_bytes().chunks(cut));
            let (read, failure) = gathered(&read);
            prop_assert_eq!(failure, None);
            prop_assert_eq!(&read.message, &result.message, "{:?}\n{}", client, stream);
            prop_assert_eq!(read.usage, result.usage);
            prop_assert_eq!(&read.stats.stop_reason, &result.stats.stop_reason);
        }
    }

    #[test]
    fn a_whole_answer_that_we_write_is_read_to_the_same_answer(result in result()) {
        for (client, provider) in PAIRS {
            let body = client.encode_chat(&result, &answer());
            let (read, _) = gathered(&provider.decode_chat(&body, "t").unwrap());
            prop_assert_eq!(&read.message, &result.message, "{:?}", client);
            prop_assert_eq!(read.usage, result.usage);
            prop_assert_eq!(&read.stats.stop_reason, &result.stats.stop_reason);
        }
    }
}

#[test]
fn an_answer_without_a_word_is_an_answer() {
    for (client, provider) in PAIRS {
        let stream = streamed(*client, &[Piece::Stop(StopReason::End)]);
        let (read, failure) = gathered(&pieces(*provider, [stream.as_bytes()]));
        assert_eq!((failure, read.message.parts.len()), (None, 0), "{client:?}");
    }
}

#[test]
fn usage_is_written_only_where_it_was_asked_for() {
    let mut encoder =
        super::ClientDialect::OpenAiChat.encoder(crate::wire::Answer { include_usage: false, ..answer() });
    let mut out = Vec::new();
    encoder.push(&Piece::Usage(Usage::of(1, 2)), &mut out);
    encoder.finish(&mut out);
    assert!(!super::text(out).contains("usage"));
}
