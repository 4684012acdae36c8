//! Chat completions: the many ways in which servers speak them.

use super::{ProviderDialect, read, stream_of, whole};
use crate::chat::{FailureKind, Piece, StopReason, ToolCall};

const DIALECT: ProviderDialect = ProviderDialect::Compatible;

fn calls(chunks: &[&str]) -> Vec<ToolCall> {
    let chunk = |delta: &&str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
    let stream: String = chunks.iter().map(chunk).collect();
    whole(DIALECT, &format!("{stream}data: [DONE]\n\n")).message.tool_calls().cloned().collect()
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), seal: None }
}

#[test]
fn openais_own_stream_is_read() {
    let result = whole(ProviderDialect::OpenAiChat, stream_of(ProviderDialect::OpenAiChat));
    assert_eq!((result.id.as_deref(), result.model.as_str()), (Some("chatcmpl-1"), "gpt-x-2026"));
    assert_eq!(result.message.words(), "Grüße 🌉!");
    let calls: Vec<_> = result.message.tool_calls().cloned().collect();
    assert_eq!(calls, [call("call_a", "look", r#"{"at":"fjord"}"#), call("call_b", "wait", "{}")]);
    assert_eq!(result.stats.stop_reason, Some(StopReason::ToolCalls));
    let usage = result.usage;
    assert_eq!((usage.counts(), usage.cached_tokens, usage.reasoning_tokens), ((21, 34), Some(8), Some(13)));
}

#[test]
fn llama_cpps_reasoning_and_timings_are_read() {
    let result = whole(ProviderDialect::LlamaCpp, stream_of(ProviderDialect::LlamaCpp));
    assert_eq!((result.message.reasoning(), result.message.words()), ("Hmm".into(), "Grüße 🌉!".into()));
    assert_eq!((result.stats.tokens_per_second, result.stats.generation_time_s), (Some(500.0), Some(0.008)));
    assert_eq!(result.stats.stop_reason, Some(StopReason::Length));
}

#[test]
fn calls_are_told_apart_whatever_numbers_they_bear() {
    // Every call is number 0, told apart by its id.
    let same_number = calls(&[
        r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":"{}"}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"b","function":{"name":"y","arguments":"{}"}}]}"#,
    ]);
    assert_eq!(same_number, [call("a", "x", "{}"), call("b", "y", "{}")]);
    // No number at all, and an id only at the beginning.
    let no_number = calls(&[
        r#"{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{"}}]}"#,
        r#"{"tool_calls":[{"function":{"arguments":"}"}}]}"#,
        r#"{"tool_calls":[{"function":{"name":"y","arguments":"{}"}}]}"#,
    ]);
    assert_eq!(no_number, [call("a", "x", "{}"), call("call_t_1", "y", "{}")]);
    // Numbers that do not begin at 0, and an empty id and name in later chunks.
    let odd = calls(&[
        r#"{"tool_calls":[{"index":3,"id":"a","function":{"name":"x","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":3,"id":"","function":{"name":"","arguments":"{}"}}]}"#,
    ]);
    assert_eq!(odd, [call("a", "x", "{}")]);
}

#[test]
fn arguments_before_the_name_and_arguments_that_are_an_object_are_kept() {
    let early = calls(&[
        r#"{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{\"z\":"}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"name":"x","arguments":"1}"}}]}"#,
    ]);
    assert_eq!(early, [call("a", "x", r#"{"z":1}"#)]);
    let object = calls(&[
        r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":{"z":1,"a":2}}}]}"#,
    ]);
    assert_eq!(object, [call("a", "x", r#"{"z":1,"a":2}"#)]);
}

#[test]
fn the_old_way_to_call_a_function_is_read() {
    let old = calls(&[
        r#"{"function_call":{"name":"x","arguments":"{"}}"#,
        r#"{"function_call":{"arguments":"}"}}"#,
    ]);
    assert_eq!(old, [call("call_t_0", "x", "{}")]);
}

#[test]
fn parts_both_words_for_reasoning_and_refusals_are_read() {
    let body = br#"{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"yes"}]}}]}"#;
    let pieces = DIALECT.decode_chat(body, "t").unwrap();
    assert!(pieces.contains(&Piece::Reasoning("hm".into())) && pieces.contains(&Piece::Text("yes".into())));
    let body = br#"{"choices":[{"message":{"content":null,"reasoning":"a","reasoning_content":"b","refusal":"no"}}]}"#;
    let pieces = DIALECT.decode_chat(body, "t").unwrap();
    assert!(pieces.contains(&Piece::Reasoning("b".into())) && pieces.contains(&Piece::Text("no".into())));
}

#[test]
fn a_stop_with_calls_is_a_wish_for_tools() {
    let body = br#"{"choices":[{"finish_reason":"stop","message":{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{}"}}]}}]}"#;
    assert!(DIALECT.decode_chat(body, "t").unwrap().contains(&Piece::Stop(StopReason::ToolCalls)));
}

#[test]
fn lm_studio_tells_how_fast_it_was_and_what_runs() {
    let body = br#"{"id":"chatcmpl-i3","object":"chat.completion","created":1731990317,"model":"granite","choices":[{"index":0,"logprobs":null,
        "finish_reason":"stop","message":{"role":"assistant","content":"Hi"}}],"usage":{"prompt_tokens":24,"completion_tokens":53,"total_tokens":77},
        "stats":{"tokens_per_second":51.4,"time_to_first_token":0.111,"generation_time":0.954,"stop_reason":"contextLengthReached"},
        "model_info":{"arch":"granite","quant":"Q4_K_M","format":"gguf","context_length":4096},
        "runtime":{"name":"llama.cpp-linux","version":"1.3.0","supported_formats":["gguf"]}}"#;
    let (result, _) = super::gathered(&ProviderDialect::LmStudioV0.decode_chat(body, "t").unwrap());
    assert_eq!(result.stats.stop_reason, Some(StopReason::ContextFull));
    assert_eq!(result.stats.time_to_first_token_s, Some(0.111));
    assert_eq!(
        (result.model_info.quant.as_deref(), result.model_info.context_length),
        (Some("Q4_K_M"), Some(4_096))
    );
    assert_eq!(result.runtime.supported_formats, ["gguf"]);
    assert_eq!(result.measured_here, []);
}

#[test]
fn an_error_in_the_stream_ends_it_and_only_the_first_choice_is_read() {
    let stream = "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}},{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n\
        data: {\"error\":{\"message\":\"context\",\"code\":\"context_length_exceeded\"}}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"late\"}}]}\n\n";
    let (result, failure) = read(DIALECT, stream);
    assert_eq!(result.message.words(), "a");
    assert_eq!(failure.unwrap().kind, FailureKind::PromptTooLong);
}

#[test]
fn a_stream_without_done_is_complete_once_it_has_a_reason() {
    whole(DIALECT, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n");
}
