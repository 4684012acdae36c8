//! Gemini.

use serde_json::{Value, json};

use super::{ProviderDialect, read, stream_of, whole};
use crate::chat::{
    ChatRequest, Effort, FailureKind, Image, Message, Part, RawJson, ResponseFormat, Role, StopReason,
    ToolCall, ToolChoice, ToolDefinition, ToolResultPart,
};
use crate::wire::{EmbedInput, EmbedRequest, ModelKind};

const GEMINI: ProviderDialect = ProviderDialect::Gemini;

#[test]
fn its_stream_is_read_with_thoughts_and_signatures() {
    let result = whole(GEMINI, stream_of(GEMINI));
    assert_eq!((result.message.reasoning(), result.message.words()), ("Hmm".into(), "Grüße 🌉!".into()));
    let call = result.message.tool_calls().next().unwrap();
    assert_eq!(
        (call.arguments.as_str(), call.seal.as_deref()),
        (r#"{"zone": 1,"at": "fjord"}"#, Some("gemini.c2ln"))
    );
    let usage = result.usage;
    assert_eq!((usage.counts(), usage.reasoning_tokens, usage.cached_tokens), ((21, 34), Some(9), Some(8)));
    assert_eq!((result.id.as_deref(), result.stats.stop_reason), (Some("r1"), Some(StopReason::ToolCalls)));
}

#[test]
fn a_prompt_that_is_not_let_through_and_an_error_are_failures() {
    let blocked = "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":3}}\n\n";
    assert_eq!(read(GEMINI, blocked).1.unwrap().kind, FailureKind::Filtered);
    let error = "data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}\n\n";
    assert_eq!(read(GEMINI, error).1.unwrap().kind, FailureKind::Overloaded);
}

#[test]
fn a_whole_conversation_is_written() {
    let Part::ToolCall(call) = whole(GEMINI, stream_of(GEMINI)).message.parts.pop().unwrap() else {
        unreachable!()
    };
    let picture = Part::Image(Image::data("image/png", "BB"));
    let result =
        ToolResultPart { call: call.id.clone(), parts: vec![Part::text("sea"), picture], is_error: true };
    let schema = RawJson::parse(r#"{"type":"object"}"#).unwrap();
    let request = ChatRequest {
        tools: vec![ToolDefinition {
            name: "look".into(),
            description: "Looks.".into(),
            parameters: schema.clone(),
            strict: None,
        }],
        tool_choice: Some(ToolChoice::Named("look".into())),
        response_format: Some(ResponseFormat::Schema { name: "x".into(), schema, strict: None }),
        effort: Some(Effort::Medium),
        max_tokens: Some(7),
        stop: vec!["END".into()],
        ..ChatRequest::new(
            "gemini-x",
            vec![
                Message::text(Role::System, "Be brief."),
                Message::of(
                    Role::User,
                    vec![Part::text("this"), Part::Image(Image::data("image/png", "AA"))],
                ),
                Message::of(Role::Assistant, vec![Part::ToolCall(call)]),
                Message::of(Role::Tool, vec![Part::ToolResult(result)]),
                Message::text(Role::User, "And?"),
            ],
        )
    };
    let body: Value = serde_json::from_slice(&GEMINI.encode_chat(&request).unwrap()).unwrap();
    let wanted = json!({
        "systemInstruction": { "parts": [{ "text": "Be brief." }] },
        "contents": [
            { "role": "user", "parts": [{ "text": "this" }, { "inlineData": { "mimeType": "image/png", "data": "AA" } }] },
            { "role": "model", "parts": [{ "functionCall": { "name": "look", "args": { "zone": 1, "at": "fjord" } }, "thoughtSignature": "c2ln" }] },
            { "role": "user", "parts": [
                { "functionResponse": { "name": "look", "response": { "error": "sea" } } },
                { "inlineData": { "mimeType": "image/png", "data": "BB" } },
                { "text": "And?" },
            ] },
        ],
        "tools": [{ "functionDeclarations": [{ "name": "look", "description": "Looks.", "parametersJsonSchema": { "type": "object" } }] }],
        "toolConfig": { "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["look"] } },
        "generationConfig": {
            "maxOutputTokens": 7, "stopSequences": ["END"], "responseMimeType": "application/json",
            "responseJsonSchema": { "type": "object" }, "thinkingConfig": { "thinkingBudget": 8192, "includeThoughts": true },
        },
    });
    assert_eq!(body, wanted);
}

#[test]
fn calls_that_gemini_did_not_sign_are_said_to_be_so_once_a_round() {
    let call = |id: &str, seal: Option<&str>| {
        let seal = seal.map(str::to_owned);
        Part::ToolCall(ToolCall { id: id.into(), name: "look".into(), arguments: "{}".into(), seal })
    };
    let signatures = |model: &str, seal: Option<&str>| {
        let round = Message::of(Role::Assistant, vec![call("a", seal), call("b", None)]);
        let body = GEMINI.encode_chat(&ChatRequest::new(model, vec![round])).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        [0, 1].map(|at| body["contents"][0]["parts"][at]["thoughtSignature"].as_str().map(str::to_owned))
    };
    let unsigned = Some("skip_thought_signature_validator".to_owned());
    assert_eq!(signatures("gemini-3-pro", None), [unsigned.clone(), None]);
    assert_eq!(signatures("gemini-3-pro", Some("openai.x")), [unsigned, None]);
    assert_eq!(signatures("gemini-3-pro", Some("gemini.x")), [Some("x".to_owned()), None]);
    assert_eq!(signatures("gemini-2.5-pro", None), [None, None]);
}

#[test]
fn paths_lists_and_vectors() {
    assert_eq!(GEMINI.chat_path("gemini-x", true), "models/gemini-x:streamGenerateContent?alt=sse");
    assert_eq!(GEMINI.chat_path("gemini-x", false), "models/gemini-x:generateContent");
    let list = br#"{"models":[{"name":"models/gemini-x","displayName":"Gemini X","inputTokenLimit":1048576,"supportedGenerationMethods":["generateContent"]},
        {"name":"models/embedding-1","supportedGenerationMethods":["embedContent"]}]}"#;
    let entries = GEMINI.decode_models(list).unwrap();
    assert_eq!((entries[0].id.as_str(), entries[0].info.context_length), ("gemini-x", Some(1_048_576)));
    assert_eq!(entries[1].kind, ModelKind::Embedding);
    let request = EmbedRequest {
        model: "embedding-1".into(),
        input: EmbedInput::Texts(vec!["a".into()]),
        dimensions: Some(2),
        base64: false,
    };
    let body: Value = serde_json::from_slice(&GEMINI.encode_embed(&request).unwrap()).unwrap();
    assert_eq!(
        body["requests"][0],
        json!({ "model": "models/embedding-1", "content": { "parts": [{ "text": "a" }] }, "outputDimensionality": 2 })
    );
    assert_eq!(
        GEMINI.decode_embed(br#"{"embeddings":[{"values":[1,2]}]}"#).unwrap().vectors,
        [vec![1.0, 2.0]]
    );
}
