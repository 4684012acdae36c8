//! OpenAI's responses.

use serde_json::Value;

use super::{ClientDialect, ProviderDialect, read, stream_of, streamed, whole};
use crate::chat::{FailureKind, Message, Part, Piece, Role, StopReason};

const DIALECT: ProviderDialect = ProviderDialect::OpenAiResponses;

#[test]
fn its_stream_is_read_with_sealed_thoughts() {
    let result = whole(DIALECT, stream_of(DIALECT));
    assert_eq!(
        (result.message.reasoning(), result.message.words()),
        ("Hmm\n\nYes".into(), "Grüße 🌉!".into())
    );
    let thought = result.message.parts[0].as_reasoning().unwrap();
    assert_eq!(thought.seal.as_deref(), Some("openai.gAAA"));
    let call = result.message.tool_calls().next().unwrap();
    assert_eq!((call.id.as_str(), call.arguments.as_str()), ("call_a", r#"{"at":"fjord"}"#));
    let usage = result.usage;
    assert_eq!((usage.counts(), usage.cached_tokens, usage.reasoning_tokens), ((21, 34), Some(8), Some(13)));
    assert_eq!(result.stats.stop_reason, Some(StopReason::ToolCalls));
}

#[test]
fn both_kinds_of_errors_and_an_incomplete_answer_are_read() {
    let error = "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"slow\",\"param\":null}\n\n";
    assert_eq!(read(DIALECT, error).1.unwrap().kind, FailureKind::RateLimited);
    let failed = "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"x\"}}}\n\n";
    assert_eq!(read(DIALECT, failed).1.unwrap().kind, FailureKind::PromptTooLong);
    let body = br#"{"id":"r","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","content":[{"type":"refusal","refusal":"no"}]}]}"#;
    let pieces = DIALECT.decode_chat(body, "t").unwrap();
    assert!(pieces.contains(&Piece::Text("no".into())) && pieces.contains(&Piece::Stop(StopReason::Length)));
}

#[test]
fn events_are_numbered_named_and_in_the_dialects_order() {
    let pieces = [
        Piece::Reasoning("hm".into()),
        Piece::ReasoningSeal { seal: "openai.s".into(), redacted: false },
        Piece::Text("a".into()),
        Piece::ToolCallStart { index: 0, id: "c".into(), name: "look".into(), seal: None },
        Piece::ToolCallStart { index: 1, id: "d".into(), name: "wait".into(), seal: None },
        Piece::ToolCallArguments { index: 0, fragment: "{}".into() },
        Piece::Stop(StopReason::ToolCalls),
    ];
    let stream = streamed(ClientDialect::OpenAiResponses, &pieces);
    let names: Vec<_> = stream.lines().filter_map(|line| line.strip_prefix("event: response.")).collect();
    expect_test::expect![[r#"
        created
        in_progress
        output_item.added
        reasoning_summary_part.added
        reasoning_summary_text.delta
        reasoning_summary_text.done
        reasoning_summary_part.done
        output_item.done
        output_item.added
        content_part.added
        output_text.delta
        output_text.done
        content_part.done
        output_item.done
        output_item.added
        output_item.added
        function_call_arguments.delta
        function_call_arguments.done
        output_item.done
        function_call_arguments.done
        output_item.done
        completed"#]]
    .assert_eq(&names.join("\n"));
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
    for (number, (event, name)) in events.iter().zip(&names).enumerate() {
        assert_eq!(
            (&event["sequence_number"], &event["type"]),
            (&number.into(), &format!("response.{name}").into())
        );
    }
    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!(output.as_array().unwrap().len(), 4);
    assert_eq!(
        (&output[0]["encrypted_content"], &output[3]["arguments"]),
        (&"openai.s".into(), &"{}".into())
    );
}

#[test]
fn items_of_one_turn_become_one_message() {
    let body = br#"{"model":"m","instructions":"Be brief.","input":[{"role":"user","content":"hi"},
        {"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"openai.x"},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look."}]},
        {"type":"function_call","id":"fc","call_id":"c","name":"look","arguments":"{}"},
        {"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"sea"},{"type":"input_image","image_url":"data:image/png;base64,AA"}]}]}"#;
    let request = ClientDialect::OpenAiResponses.decode_chat(body).unwrap();
    let roles: Vec<_> = request.messages.iter().map(|message| (message.role, message.parts.len())).collect();
    assert_eq!(roles, [(Role::System, 1), (Role::User, 1), (Role::Assistant, 3), (Role::Tool, 1)]);
    let Part::ToolResult(result) = &request.messages[3].parts[0] else { panic!() };
    assert_eq!(result.parts.len(), 2);
    let text = ClientDialect::OpenAiResponses.decode_chat(br#"{"model":"m","input":"hi"}"#).unwrap();
    assert_eq!(text.messages, [Message::text(Role::User, "hi")]);
}

#[test]
fn what_openai_would_keep_is_refused_and_said() {
    let cases = [
        (r#"{"model":"m","input":"x","previous_response_id":"resp_1"}"#, "previous_response_id"),
        (r#"{"model":"m","input":"x","background":true}"#, "background"),
        (r#"{"model":"m","input":[{"type":"item_reference","id":"x"}]}"#, "item_reference"),
        (r#"{"model":"m","input":"x","tools":[{"type":"web_search"}]}"#, "web_search"),
        (
            r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_file","file_id":"x"}]}]}"#,
            "another provider keeps",
        ),
    ];
    for (body, word) in cases {
        let failure = ClientDialect::OpenAiResponses.decode_chat(body.as_bytes()).unwrap_err();
        assert!(
            failure.kind == FailureKind::Invalid && failure.message.contains(word),
            "{}",
            failure.message
        );
    }
}
