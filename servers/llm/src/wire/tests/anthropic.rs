//! Anthropic's messages.

use super::{ClientDialect, ProviderDialect, read, stream_of, streamed, whole};
use crate::chat::{FailureKind, Part, Piece, StopReason, Usage};

#[test]
fn its_stream_is_read_with_sealed_thoughts_and_the_cache() {
    let result = whole(ProviderDialect::Anthropic, stream_of(ProviderDialect::Anthropic));
    assert_eq!(
        (result.message.words(), result.message.reasoning()),
        ("Grüße 🌉!".into(), "Let me see.".into())
    );
    let seals: Vec<_> = result
        .message
        .parts
        .iter()
        .filter_map(Part::as_reasoning)
        .map(|one| (one.seal.as_deref(), one.redacted))
        .collect();
    assert_eq!(seals, [(Some("anthropic.EqQBCg=="), false), (Some("anthropic.ZW5j"), true)]);
    let call = result.message.tool_calls().next().unwrap();
    assert_eq!((call.id.as_str(), call.arguments.as_str()), ("toolu_a", r#"{"at":"fjord"}"#));
    assert_eq!(result.stats.stop_reason, Some(StopReason::ToolCalls));
    // 9 that are new, 8 from the cache, 4 that go into it.
    let usage = result.usage;
    assert_eq!((usage.counts(), usage.cached_tokens, usage.cache_write_tokens), ((21, 34), Some(8), Some(4)));
}

#[test]
fn a_whole_answer_is_read() {
    let body = br#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"a"},
        {"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"tool_use","id":"t","name":"look","input":{"z":1,"a":2}}],
        "stop_reason":"stop_sequence","stop_sequence":"END","usage":{"input_tokens":1,"output_tokens":2}}"#;
    let (result, _) = super::gathered(&ProviderDialect::Anthropic.decode_chat(body, "t").unwrap());
    assert_eq!(result.message.tool_calls().next().unwrap().arguments, r#"{"z":1,"a":2}"#);
    assert_eq!(result.stats.stop_reason, Some(StopReason::StopSequence(Some("END".into()))));
}

#[test]
fn an_error_in_the_stream_is_known() {
    let stream = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    assert_eq!(read(ProviderDialect::Anthropic, stream).1.unwrap().kind, FailureKind::Overloaded);
}

#[test]
fn the_events_are_written_in_the_dialects_order() {
    let pieces = [
        Piece::Begin { id: None, model: None },
        Piece::Usage(Usage { prompt_tokens: Some(5), ..Usage::default() }),
        Piece::Reasoning("hm".into()),
        Piece::ReasoningSeal { seal: "anthropic.s".into(), redacted: false },
        Piece::Text("a".into()),
        Piece::Text("b".into()),
        Piece::ToolCallStart { index: 0, id: "t".into(), name: "look".into(), seal: None },
        Piece::ToolCallArguments { index: 0, fragment: "{}".into() },
        Piece::Stop(StopReason::ToolCalls),
        Piece::Usage(Usage { completion_tokens: Some(7), ..Usage::default() }),
    ];
    let stream = streamed(ClientDialect::Anthropic, &pieces);
    expect_test::expect![[r#"
        {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":0}}}
        {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}
        {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}
        {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"anthropic.s"}}
        {"type":"content_block_stop","index":0}
        {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}
        {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}
        {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"b"}}
        {"type":"content_block_stop","index":1}
        {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"look","input":{}}}
        {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}}
        {"type":"content_block_stop","index":2}
        {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":5,"output_tokens":7}}
        {"type":"message_stop"}
    "#]]
    .assert_eq(&data_lines(&stream));
}

#[test]
fn the_name_of_an_event_is_its_type() {
    let stream = streamed(ClientDialect::Anthropic, &[Piece::Text("a".into())]);
    let names = stream.lines().filter_map(|line| line.strip_prefix("event: "));
    for (name, data) in names.zip(data_lines(&stream).lines()) {
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], name);
    }
}

fn data_lines(stream: &str) -> String {
    stream.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| format!("{data}\n")).collect()
}
