//! Ollama and LM Studio's v1: what runs at home.

use serde_json::{Value, json};

use super::{ProviderDialect, gathered, pieces, read, stream_of, whole};
use crate::chat::{
    ChatRequest, Effort, FailureKind, Image, Message, Part, Piece, RawJson, ResponseFormat, Role, Stage,
    StopReason, ToolCall, ToolChoice, ToolDefinition, ToolResultPart,
};
use crate::wire::{EmbedInput, EmbedRequest, ModelKind};

fn encoded(dialect: ProviderDialect, request: &ChatRequest) -> Value {
    serde_json::from_slice(&dialect.encode_chat(request).unwrap()).unwrap()
}

fn schema() -> RawJson {
    RawJson::parse(r#"{"type":"object"}"#).unwrap()
}

fn tool(name: &str) -> ToolDefinition {
    ToolDefinition { name: name.into(), description: "Looks.".into(), parameters: schema(), strict: None }
}

#[test]
fn ollamas_lines_are_read() {
    let result = whole(ProviderDialect::Ollama, stream_of(ProviderDialect::Ollama));
    assert_eq!((result.message.reasoning(), result.message.words()), ("Hmm".into(), "Grüße 🌉!".into()));
    let call = result.message.tool_calls().next().unwrap();
    assert_eq!((call.id.as_str(), call.arguments.as_str()), ("call_t_0", r#"{"zone":1,"at":"fjord"}"#));
    assert_eq!((result.usage.counts(), &result.stats.stop_reason), ((21, 34), &Some(StopReason::ToolCalls)));
    assert_eq!(
        (result.stats.tokens_per_second, result.stats.time_to_first_token_s),
        (Some(17.0), Some(0.75))
    );
    assert_eq!(result.measured_here, []);
}

#[test]
fn ollamas_error_in_the_stream_is_known() {
    let failure =
        read(ProviderDialect::Ollama, "{\"error\":\"model runner has unexpectedly stopped\"}\n").1.unwrap();
    assert_eq!(failure.kind, FailureKind::Broken);
}

#[test]
fn ollama_is_told_to_stream_or_not_and_never_to_cut_a_prompt() {
    let request = ChatRequest {
        max_tokens: Some(9),
        ttl_s: Some(60),
        effort: Some(Effort::None),
        ..ChatRequest::new("m", vec![])
    };
    let body = encoded(ProviderDialect::Ollama, &request);
    assert_eq!(
        (&body["stream"], &body["truncate"], &body["shift"]),
        (&json!(false), &json!(false), &json!(false))
    );
    assert_eq!(
        (&body["options"]["num_predict"], &body["keep_alive"], &body["think"]),
        (&json!(9), &json!(60), &json!(false))
    );
}

#[test]
fn ollama_gets_pictures_calls_and_results_in_its_own_way() {
    let call = ToolCall { id: "a".into(), name: "look".into(), arguments: "not json".into(), seal: None };
    let result = ToolResultPart {
        call: "a".into(),
        parts: vec![Part::text("sea"), Part::Image(Image::data("image/png", "BB"))],
        is_error: false,
    };
    let request = ChatRequest {
        tools: vec![tool("look"), tool("other")],
        tool_choice: Some(ToolChoice::Named("look".into())),
        response_format: Some(ResponseFormat::Schema { name: "x".into(), schema: schema(), strict: None }),
        ..ChatRequest::new(
            "m",
            vec![
                Message::of(
                    Role::User,
                    vec![Part::text("this"), Part::Image(Image::data("image/png", "AA"))],
                ),
                Message::of(Role::Assistant, vec![Part::ToolCall(call)]),
                Message::of(Role::Tool, vec![Part::ToolResult(result)]),
            ],
        )
    };
    let body = encoded(ProviderDialect::Ollama, &request);
    assert_eq!(body["messages"][0], json!({ "role": "user", "content": "this", "images": ["AA"] }));
    assert_eq!(
        body["messages"][1]["tool_calls"][0]["function"]["arguments"],
        json!({ "unreadable_arguments": "not json" })
    );
    assert_eq!(
        body["messages"][2],
        json!({ "role": "tool", "content": "sea", "images": ["BB"], "tool_name": "look", "tool_call_id": "a" })
    );
    assert_eq!(
        (&body["tools"].as_array().unwrap().len(), &body["format"]),
        (&1, &json!({ "type": "object" }))
    );
    let none = ChatRequest { tool_choice: Some(ToolChoice::None), ..request };
    assert_eq!(encoded(ProviderDialect::Ollama, &none)["tools"], Value::Null);
}

#[test]
fn those_who_fetch_nothing_refuse_addresses() {
    let picture = Part::Image(Image::at("https://example.org/a.png"));
    let request = ChatRequest::new("m", vec![Message::of(Role::User, vec![picture])]);
    for dialect in [
        ProviderDialect::Ollama,
        ProviderDialect::Gemini,
        ProviderDialect::LmStudioV0,
        ProviderDialect::LmStudioV1,
    ] {
        assert_eq!(dialect.encode_chat(&request).unwrap_err().kind, FailureKind::Invalid, "{dialect:?}");
    }
    assert!(ProviderDialect::Anthropic.encode_chat(&request).is_ok());
}

#[test]
fn ollamas_lists_and_vectors_are_read() {
    let tags = br#"{"models":[{"name":"qwen3:4b","model":"qwen3:4b","modified_at":"2026-01-01T00:00:00Z","size":99,"digest":"x",
        "details":{"parent_model":"","format":"gguf","family":"qwen3","families":["qwen3"],"parameter_size":"4B","quantization_level":"Q4_K_M"}},
        {"name":"nomic-embed-text:latest","details":{"family":"nomic-bert"}}]}"#;
    let entries = ProviderDialect::Ollama.decode_models(tags).unwrap();
    assert_eq!(
        (entries[0].info.quant.as_deref(), entries[0].size_bytes, entries[0].loaded),
        (Some("Q4_K_M"), Some(99), None)
    );
    assert_eq!(entries[1].kind, ModelKind::Embedding);
    let ps = br#"{"models":[{"name":"qwen3:4b","size_vram":99,"context_length":4096}]}"#;
    let entry = &ProviderDialect::Ollama.decode_models(ps).unwrap()[0];
    assert_eq!((entry.loaded, entry.info.context_length), (Some(true), Some(4_096)));
    let input = EmbedInput::Texts(vec!["a".into()]);
    let request = EmbedRequest { model: "m".into(), input, dimensions: Some(2), base64: false };
    let body: Value =
        serde_json::from_slice(&ProviderDialect::Ollama.encode_embed(&request).unwrap()).unwrap();
    assert_eq!(body, json!({ "model": "m", "input": ["a"], "truncate": false, "dimensions": 2 }));
    let vectors = ProviderDialect::Ollama
        .decode_embed(br#"{"model":"m","embeddings":[[0.5,1]],"prompt_eval_count":3}"#)
        .unwrap();
    assert_eq!((vectors.vectors, vectors.usage.prompt_tokens), (vec![vec![0.5, 1.0]], Some(3)));
}

#[test]
fn tokens_become_vectors_where_openais_words_are_spoken_and_are_refused_elsewhere() {
    use ProviderDialect::{
        Anthropic, Compatible, Gemini, LlamaCpp, LmStudioV0, LmStudioV1, Ollama, OpenAiChat, OpenAiResponses,
    };
    let input = EmbedInput::Tokens(vec![vec![1, 2], vec![3]]);
    let request = EmbedRequest { model: "m".into(), input, ..EmbedRequest::default() };
    for dialect in [OpenAiChat, OpenAiResponses, Compatible, LmStudioV0, LlamaCpp] {
        let body: Value = serde_json::from_slice(&dialect.encode_embed(&request).unwrap()).unwrap();
        assert_eq!(body["input"], json!([[1, 2], [3]]), "{dialect:?}");
    }
    for dialect in [Ollama, Gemini, Anthropic, LmStudioV1] {
        let failure = dialect.encode_embed(&request).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{dialect:?}");
    }
    let failure = Ollama.encode_embed(&request).unwrap_err();
    assert!(failure.message.contains("Ollama makes vectors of texts"), "{failure}");
}

#[test]
fn models_are_loaded_and_unloaded_where_that_can_be_told() {
    let json = |request: Option<(&'static str, Vec<u8>)>| {
        let (path, body) = request.unwrap();
        (path, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let ollama = ProviderDialect::Ollama;
    assert_eq!(
        json(ollama.encode_load("m", Some(60), None)),
        ("generate", json!({ "model": "m", "keep_alive": 60 }))
    );
    assert_eq!(json(ollama.encode_unload("m")), ("generate", json!({ "model": "m", "keep_alive": 0 })));
    let v1 = ProviderDialect::LmStudioV1;
    assert_eq!(
        json(v1.encode_load("m", None, Some(9))),
        ("models/load", json!({ "model": "m", "context_length": 9, "echo_load_config": true }))
    );
    assert_eq!(json(v1.encode_unload("m:2")), ("models/unload", json!({ "instance_id": "m:2" })));
    let loaded = br#"{"type":"llm","instance_id":"m:2","load_time_seconds":9.099,"status":"loaded","load_config":{"context_length":9}}"#;
    assert_eq!(v1.decode_load(loaded).unwrap(), (Some("m:2".into()), Some(9.099)));
    assert_eq!(v1.decode_load(br#"{"model_instance_id":"m","config":{}}"#).unwrap().0, Some("m".into()));
    assert_eq!(
        ollama.decode_load(br#"{"model":"m","done":true,"load_duration":1500000000}"#).unwrap(),
        (Some("m".into()), Some(1.5))
    );
    assert!(ProviderDialect::OpenAiChat.encode_load("m", None, None).is_none());
}

#[test]
fn lm_studios_v1_tells_how_far_it_is_and_names_its_answer() {
    let read = pieces(ProviderDialect::LmStudioV1, [stream_of(ProviderDialect::LmStudioV1).as_bytes()]);
    assert!(read.contains(&Piece::Progress { stage: Stage::Load, done: 0.65 }));
    assert!(read.contains(&Piece::Progress { stage: Stage::Prompt, done: 0.5 }));
    let (result, failure) = gathered(&read);
    assert_eq!(
        (failure, result.id.as_deref(), result.model.as_str()),
        (None, Some("resp_1"), "openai/gpt-oss-20b")
    );
    assert_eq!((result.message.reasoning(), result.message.words()), ("Hmm".into(), "Grüße 🌉!".into()));
    assert_eq!((result.usage.counts(), result.usage.reasoning_tokens), ((21, 34), Some(5)));
    assert_eq!(result.stats.time_to_first_token_s, Some(0.781));
}

#[test]
fn lm_studios_v1_whole_answer_and_error_are_read() {
    let body = br#"{"model_instance_id":"q","output":[{"type":"reasoning","content":"hm"},{"type":"tool_call","tool":"x","arguments":{},"output":"y",
        "provider_info":{"type":"plugin","plugin_id":"p"}},{"type":"message","content":"done"}],"stats":{"input_tokens":3,"total_output_tokens":2}}"#;
    let (result, _) = gathered(&ProviderDialect::LmStudioV1.decode_chat(body, "t").unwrap());
    assert_eq!(
        (result.message.words(), result.usage.counts(), result.message.tool_calls().count()),
        ("done".into(), (3, 2), 0)
    );
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"model_not_found\",\"message\":\"no\"}}\n\n";
    assert_eq!(read(ProviderDialect::LmStudioV1, error).1.unwrap().kind, FailureKind::NotFound);
}

#[test]
fn lm_studios_v1_carries_one_turn_and_never_other_peoples_tools() {
    let v1 = ProviderDialect::LmStudioV1;
    let mut request =
        ChatRequest::new("m", vec![Message::text(Role::System, "s"), Message::text(Role::User, "u")]);
    request.extra.fields = serde_json::from_str(
        r#"{"integrations":["mcp/x"],"previous_response_id":"resp_0","context_length":9}"#,
    )
    .unwrap();
    let body = encoded(v1, &request);
    assert_eq!(
        (&body["input"], &body["system_prompt"]),
        (&json!([{ "type": "message", "content": "u" }]), &json!("s"))
    );
    assert_eq!(
        (&body["store"], &body["previous_response_id"], &body["integrations"]),
        (&json!(true), &json!("resp_0"), &Value::Null)
    );
    assert_eq!(
        encoded(v1, &ChatRequest { extra: Default::default(), ..request.clone() })["store"],
        json!(false)
    );
    let refused = [
        ChatRequest { tools: vec![tool("look")], ..request.clone() },
        ChatRequest { seed: Some(1), ..request.clone() },
        ChatRequest { stop: vec!["x".into()], ..request.clone() },
        ChatRequest { response_format: Some(ResponseFormat::Json), ..request.clone() },
        ChatRequest {
            messages: vec![Message::text(Role::User, "a"), Message::text(Role::Assistant, "b")],
            ..request.clone()
        },
        ChatRequest { messages: vec![], ..request },
    ];
    for request in refused {
        assert_eq!(v1.encode_chat(&request).unwrap_err().kind, FailureKind::Invalid);
    }
}

#[test]
fn lm_studios_v1_list_is_read() {
    let list = br#"{"models":[{"type":"llm","publisher":"lmstudio-community","key":"gemma-3","display_name":"Gemma 3","architecture":"gemma3",
        "quantization":{"name":"Q4_0","bits_per_weight":4},"size_bytes":241410208,"params_string":"270M","loaded_instances":[{"id":"gemma-3:2",
        "config":{"context_length":4096,"flash_attention":false}}],"max_context_length":32768,"format":"gguf","capabilities":{"vision":false,
        "trained_for_tool_use":true},"description":null},{"type":"embedding","key":"nomic","quantization":null,"loaded_instances":[],"max_context_length":2048}]}"#;
    let entries = ProviderDialect::LmStudioV1.decode_models(list).unwrap();
    assert_eq!(
        (entries[0].instances.as_slice(), entries[0].info.context_length, entries[0].tools),
        (["gemma-3:2".to_owned()].as_slice(), Some(4_096), Some(true))
    );
    assert_eq!(
        (entries[1].kind, entries[1].loaded, entries[1].info.context_length),
        (ModelKind::Embedding, Some(false), Some(2_048))
    );
}
