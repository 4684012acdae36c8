//! Questions: what we write for a provider is read by our own reader of the same client dialect to the same question.

use serde_json::{Value, json};

use super::{ClientDialect, PAIRS, ProviderDialect};
use crate::chat::{
    ChatRequest, Effort, Extra, FailureKind, Family, Image, Message, Part, RawJson, ResponseFormat, Role,
    ToolCall, ToolChoice, ToolDefinition, ToolResultPart,
};

fn schema() -> RawJson {
    RawJson::parse(r#"{"type":"object","properties":{"zone":{"type":"string"},"at":{"type":"string"}},"required":["zone"]}"#).unwrap()
}

/// A question with all that every dialect can carry.
fn request() -> ChatRequest {
    let call = |id: &str| ToolCall {
        id: id.into(),
        name: "look".into(),
        arguments: r#"{"zone":"b","at":"a"}"#.into(),
        seal: None,
    };
    let result = |id: &str, text: &str| {
        Part::ToolResult(ToolResultPart { call: id.into(), parts: vec![Part::text(text)], is_error: false })
    };
    ChatRequest {
        tools: vec![ToolDefinition {
            name: "look".into(),
            description: "Looks.".into(),
            parameters: schema(),
            strict: Some(true),
        }],
        tool_choice: Some(ToolChoice::Named("look".into())),
        parallel_tool_calls: Some(false),
        temperature: Some(0.5),
        top_p: Some(0.9),
        max_tokens: Some(100),
        response_format: Some(ResponseFormat::Schema {
            name: "answer".into(),
            schema: schema(),
            strict: Some(true),
        }),
        stream: true,
        ..ChatRequest::new(
            "m",
            vec![
                Message::text(Role::System, "Be brief."),
                Message::of(
                    Role::User,
                    vec![Part::text("What is this?"), Part::Image(Image::data("image/png", "AAAA"))],
                ),
                Message::of(
                    Role::Assistant,
                    vec![Part::text("I look."), Part::ToolCall(call("a")), Part::ToolCall(call("b"))],
                ),
                Message::of(Role::Tool, vec![result("a", "sea"), result("b", "sky")]),
                Message::text(Role::User, "And?"),
            ],
        )
    }
}

/// One message for each result, as most dialects have them.
fn spread(request: &ChatRequest) -> Vec<Message> {
    let spread = |message: &Message| match message.role {
        Role::Tool => message.parts.iter().map(|part| Message::of(Role::Tool, vec![part.clone()])).collect(),
        _ => vec![message.clone()],
    };
    request.messages.iter().flat_map(spread).collect()
}

fn encoded(dialect: ProviderDialect, request: &ChatRequest) -> Value {
    serde_json::from_slice(&dialect.encode_chat(request).unwrap()).unwrap()
}

#[test]
fn questions_survive_every_dialect_that_is_spoken_on_both_sides() {
    for (client, provider) in PAIRS {
        let request = request();
        let body = provider.encode_chat(&request).unwrap();
        let read = client.decode_chat(&body).unwrap();
        assert_eq!(spread(&read), spread(&request), "{client:?}");
        let rest =
            |one: &ChatRequest| ChatRequest { messages: vec![], extra: Extra::default(), ..one.clone() };
        assert_eq!(rest(&read), rest(&request), "{client:?}");
    }
}

#[test]
fn the_order_of_a_schemas_properties_stays() {
    for (client, provider) in PAIRS {
        let body = provider.encode_chat(&request()).unwrap();
        let text = String::from_utf8(body.clone()).unwrap();
        assert!(text.find("\"zone\"").unwrap() < text.find("\"at\"").unwrap(), "{provider:?}");
        assert_eq!(client.decode_chat(&body).unwrap().tools[0].parameters, schema(), "{client:?}");
    }
}

#[test]
fn every_effort_and_choice_has_a_word_on_both_sides() {
    for (client, provider) in PAIRS {
        for choice in [ToolChoice::Auto, ToolChoice::None, ToolChoice::Required] {
            let request =
                ChatRequest { tool_choice: Some(choice.clone()), parallel_tool_calls: None, ..request() };
            let read = client.decode_chat(&provider.encode_chat(&request).unwrap()).unwrap();
            assert_eq!(read.tool_choice, Some(choice), "{client:?}");
        }
        for effort in [Effort::None, Effort::Low, Effort::Medium, Effort::High, Effort::Max] {
            let request = ChatRequest { effort: Some(effort), ..request() };
            let read = client.decode_chat(&provider.encode_chat(&request).unwrap()).unwrap();
            assert_eq!(read.effort, Some(effort), "{client:?}");
        }
    }
}

#[test]
fn openai_itself_gets_only_what_its_reference_names() {
    let request = ChatRequest { top_k: Some(5), min_p: Some(0.1), ttl_s: Some(60), ..request() };
    let openai = encoded(ProviderDialect::OpenAiChat, &request);
    assert_eq!((&openai["max_completion_tokens"], &openai["max_tokens"]), (&json!(100), &Value::Null));
    assert_eq!(
        (&openai["top_k"], &openai["min_p"], &openai["ttl"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(openai["stream_options"], json!({ "include_usage": true }));
    let lm_studio = encoded(ProviderDialect::LmStudioV0, &request);
    assert_eq!(
        (&lm_studio["max_tokens"], &lm_studio["top_k"], &lm_studio["ttl"]),
        (&json!(100), &json!(5), &json!(60))
    );
}

#[test]
fn pictures_in_results_follow_all_results_in_chat_completions() {
    let mut request = request();
    let picture = Part::Image(Image::data("image/png", "BBBB"));
    let Part::ToolResult(result) = &mut request.messages[3].parts[0] else { unreachable!() };
    result.parts = vec![picture];
    let body = encoded(ProviderDialect::Compatible, &request);
    let roles: Vec<_> =
        body["messages"].as_array().unwrap().iter().map(|one| one["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool", "user", "user"]);
    assert_eq!(body["messages"][5]["content"][0]["image_url"]["url"], "data:image/png;base64,BBBB");
    let anthropic = encoded(ProviderDialect::Anthropic, &request);
    assert_eq!(anthropic["messages"][2]["content"][0]["content"][0]["source"]["data"], "BBBB");
}

#[test]
fn anthropic_gets_results_of_one_round_in_one_message_before_what_is_said() {
    let body = encoded(ProviderDialect::Anthropic, &request());
    let kinds: Vec<_> = body["messages"][2]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text"]);
    assert_eq!(body["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn anthropic_gets_a_limit_and_a_warmth_that_it_takes() {
    let request = ChatRequest {
        max_tokens: None,
        temperature: Some(1.7),
        response_format: Some(ResponseFormat::Json),
        ..request()
    };
    let body = encoded(ProviderDialect::Anthropic, &request);
    assert_eq!((&body["max_tokens"], &body["temperature"]), (&json!(8_192), &json!(1.0)));
    assert!(body["system"].as_str().unwrap().starts_with("Be brief.\n\nAnswer with one JSON object"));
    let thinks = encoded(ProviderDialect::Anthropic, &ChatRequest { effort: Some(Effort::High), ..request });
    assert_eq!((&thinks["temperature"], &thinks["thinking"]["type"]), (&Value::Null, &json!("adaptive")));
}

#[test]
fn only_their_maker_gets_sealed_thoughts_back() {
    let thought = |seal: &str| {
        Part::Reasoning(crate::chat::Reasoning {
            text: "hm".into(),
            seal: Some(seal.into()),
            redacted: false,
        })
    };
    let said =
        Message::of(Role::Assistant, vec![thought("anthropic.s1"), thought("openai.s2"), Part::text("a")]);
    let body = encoded(ProviderDialect::Anthropic, &ChatRequest::new("m", vec![said]));
    assert_eq!(
        body["messages"][0]["content"],
        json!([{ "type": "thinking", "thinking": "hm", "signature": "s1" }, { "type": "text", "text": "a" }])
    );
}

#[test]
fn fields_without_a_place_of_their_own_reach_those_who_know_them() {
    let body = br#"{"model":"m","messages":[],"logit_bias":{"5":1},"n":1,"stream_options":{"include_usage":true},"functions":null}"#;
    let request = ClientDialect::OpenAiChat.decode_chat(body).unwrap();
    assert_eq!(request.extra.family, Some(Family::OpenAiChat));
    assert_eq!(encoded(ProviderDialect::Compatible, &request)["logit_bias"], json!({ "5": 1 }));
    assert_eq!(encoded(ProviderDialect::Anthropic, &request)["logit_bias"], Value::Null);
}

#[test]
fn extra_fields_cannot_take_the_place_of_ours() {
    let fields =
        json!({ "model": "dear", "max_tokens": 1_000_000, "messages": [], "system": "x", "stream": false });
    let Value::Object(fields) = fields else { unreachable!() };
    for (_, provider) in PAIRS {
        let request = ChatRequest { extra: Extra { family: None, fields: fields.clone() }, ..request() };
        let text = String::from_utf8(provider.encode_chat(&request).unwrap()).unwrap();
        assert!(!text.contains("dear") && !text.contains("1000000"), "{provider:?}");
    }
}

#[test]
fn what_cannot_be_translated_is_refused_and_said() {
    let user = |part: &str| {
        format!(r#"{{"model":"m","max_tokens":5,"messages":[{{"role":"user","content":[{part}]}}]}}"#)
    };
    let cases = [
        (
            ClientDialect::OpenAiChat,
            user(r#"{"type":"input_audio","input_audio":{"data":"x","format":"wav"}}"#),
            "input_audio",
        ),
        (ClientDialect::OpenAiChat, r#"{"model":"m","messages":[],"n":2}"#.to_owned(), "one choice"),
        (
            ClientDialect::OpenAiChat,
            r#"{"model":"m","messages":[{"role":"wizard","content":""}]}"#.to_owned(),
            "wizard",
        ),
        (
            ClientDialect::OpenAiChat,
            r#"{"model":"m","messages":[{"role":"tool","content":""}]}"#.to_owned(),
            "tool_call_id",
        ),
        (
            ClientDialect::OpenAiChat,
            r#"{"model":"m","messages":[],"tools":[{"type":"custom","custom":{"name":"x"}}]}"#.to_owned(),
            "custom",
        ),
        (ClientDialect::OpenAiChat, r#"{"messages":[]}"#.to_owned(), "model"),
        (
            ClientDialect::Anthropic,
            user(r#"{"type":"document","source":{"type":"file","file_id":"x"}}"#),
            "another provider keeps",
        ),
        (
            ClientDialect::Anthropic,
            r#"{"model":"m","messages":[],"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#
                .to_owned(),
            "web_search",
        ),
    ];
    for (dialect, body, word) in cases {
        let failure = dialect.decode_chat(body.as_bytes()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{body}");
        assert!(failure.message.contains(word), "{}", failure.message);
    }
}

#[test]
fn older_ways_to_write_chat_completions_are_read() {
    let body = br#"{"model":"m","max_tokens":-1,"stop":"END","messages":[{"role":"developer","content":"x"},
        {"role":"user","content":[{"type":"image_url","image_url":"https://example.org/a.png"}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"x"}}]}]}"#;
    let request = ClientDialect::OpenAiChat.decode_chat(body).unwrap();
    assert_eq!((request.max_tokens, request.stop.as_slice()), (None, ["END".to_owned()].as_slice()));
    assert_eq!(request.messages[0].role, Role::System);
    assert!(request.has_image_urls());
}
