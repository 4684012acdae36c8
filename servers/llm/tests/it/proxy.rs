//! The API of chat completions, as programs use it.

use std::time::{Duration, Instant};

use drawbridge_llm::{ProviderKind, ProviderSettings, QuotaSettings};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::desk::{Desk, provider};
use crate::double::{Double, Reply, Step, answer, event, says};

fn body(stream: bool) -> String {
    json!({"model": "one/real", "stream": stream, "messages": [{"role": "user", "content": "Hi"}]})
        .to_string()
}

#[tokio::test]
async fn a_stream_goes_on_as_it_came_but_for_the_usage_nobody_asked_for() {
    let double = Double::start(|_| answer(&["Hel", "lo"], 7, 2)).await;
    let desk = Desk::with(&double);
    let reply = desk.owner.exchange("/v1/chat/completions", body(true)).await;
    assert_eq!((reply.status, reply.content_type), (200, "text/event-stream"));
    let text = reply.text().await;
    assert!(text.contains(r#""content":"Hel""#) && text.ends_with("data: [DONE]\n\n"), "{text}");
    assert!(!text.contains("prompt_tokens"), "{text}");
    let asked = double.last().json();
    assert_eq!(
        (&asked["model"], &asked["stream_options"]),
        (&json!("real"), &json!({"include_usage": true}))
    );
}

#[tokio::test]
async fn usage_that_was_asked_for_comes() {
    let double = Double::start(|_| answer(&["x"], 7, 2)).await;
    let desk = Desk::with(&double);
    let body = body(true).replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
    let text = desk.owner.exchange("/v1/chat/completions", body).await.text().await;
    assert!(text.contains(r#""prompt_tokens":7"#), "{text}");
}

#[tokio::test]
async fn a_whole_answer_goes_on_as_it_is() {
    let whole = json!({"id": "c", "model": "real", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}, "unknown": 1.5});
    let sent = whole.clone();
    let double = Double::start(move |_| Reply::json(&sent)).await;
    let desk = Desk::with(&double);
    let reply = desk.owner.exchange("/v1/chat/completions", body(false)).await;
    assert_eq!((reply.status, reply.json().await), (200, whole));
}

#[tokio::test]
async fn the_first_piece_is_there_before_the_second_is_written() {
    let double = Double::start(|_| Reply::events(vec![says("now"), Step::Hang])).await;
    let desk = Desk::with(&double);
    let mut reply = desk.owner.exchange("/v1/chat/completions", body(true)).await;
    let first = tokio::time::timeout(Duration::from_secs(60), reply.body.next()).await.unwrap().unwrap();
    assert!(first.starts_with(b"data: {"));
    drop(reply);
    double.somebody_left().await;
}

#[tokio::test]
async fn sixteen_streams_are_not_held_back() {
    let double = Double::start(|_| {
        let piece = || [Step::Wait(Duration::from_millis(1)), says("x")];
        Reply::events(
            (0..200).flat_map(|_| piece()).chain([Step::Chunk(b"data: [DONE]\n\n".to_vec())]).collect(),
        )
    })
    .await;
    let desk = Desk::with(&double);
    let begun = Instant::now();
    let streams = (0..16).map(|_| async {
        let text = desk.owner.exchange("/v1/chat/completions", body(true)).await.text().await;
        text.matches("\"x\"").count()
    });
    assert_eq!(futures::future::join_all(streams).await, [200; 16]);
    // How fast that is, a benchmark says; here only that nothing waits for anything else.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn errors_have_the_shape_of_the_dialect() {
    let double =
        Double::start(|_| Reply::error(429, "retry-after: 3\r\n", r#"{"error":{"message":"slow"}}"#)).await;
    let desk = Desk::with(&double);
    let reply = desk.owner.exchange("/v1/chat/completions", body(true)).await;
    assert_eq!((reply.status, reply.content_type), (429, "application/json"));
    let error: Value = reply.json().await;
    assert!(error["error"]["message"].as_str().unwrap().contains("one: "), "{error}");
    for bad in ["", "[]", "{}", r#"{"model":"a","model":"b"}"#, r#"{"model":"one/real"}{"#] {
        let reply = desk.owner.exchange("/v1/chat/completions", bad).await;
        assert_eq!(reply.status, 400, "{bad}");
        assert!(reply.json().await["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_says_so_and_is_counted() {
    let double = Double::start(|_| Reply::events(vec![says("one"), says("two"), Step::Break])).await;
    let desk = Desk::with(&double);
    let text = desk.owner.exchange("/v1/chat/completions", body(true)).await.text().await;
    let last = text.trim_end().rsplit("data: ").next().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert!(last["error"]["message"].as_str().unwrap().contains("ended in the middle"), "{text}");
}

#[tokio::test]
async fn an_error_in_the_stream_goes_on_as_it_came() {
    let double = Double::start(|_| {
        Reply::events(vec![says("one"), event(&json!({"error": {"message": "no", "type": "server_error"}}))])
    })
    .await;
    let desk = Desk::with(&double);
    let text = desk.owner.exchange("/v1/chat/completions", body(true)).await.text().await;
    assert_eq!(text.matches("\"error\"").count(), 1, "{text}");
}

#[tokio::test]
async fn models_of_all_providers_are_listed_with_the_owners_names_first() {
    let double = Double::start(|_| {
        Reply::json(&json!({"object": "list", "data": [{"id": "tiny", "object": "model"}]}))
    })
    .await;
    let desk = Desk::of(|settings| {
        settings.providers.push(provider("one", &double));
        settings.aliases.insert("mine".to_owned(), vec!["one/tiny".to_owned()]);
    });
    let list = desk.owner.exchange("/v1/models", "").await.json().await;
    let ids: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["mine", "one/tiny"]);
    desk.owner.exchange("/v1/models", "").await;
    assert_eq!(double.count("/v1/models"), 1, "the list holds for a while");
}

#[tokio::test]
async fn embeddings_are_asked_for_and_given_back() {
    let double = Double::start(|_| {
        Reply::json(&json!({"data": [{"index": 0, "embedding": [0.5, -1.0]}], "model": "e", "usage": {"prompt_tokens": 2, "total_tokens": 2}}))
    })
    .await;
    let desk = Desk::with(&double);
    let reply =
        desk.owner.exchange("/v1/embeddings", r#"{"model": "one/e", "input": "hello"}"#).await.json().await;
    assert_eq!(reply["data"][0]["embedding"], json!([0.5, -1.0]));
    let data = desk.owner.data("llm_embed", json!({"model": "one/e", "texts": ["hello"]})).await;
    assert_eq!((&data["dimensions"], &data["prompt_tokens"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn tokens_are_made_into_vectors_and_counted_as_so_many() {
    // It does not say how many it counted.
    let double = Double::start(|_| Reply::json(&json!({"data": [{"index": 0, "embedding": [0.5]}]}))).await;
    let desk = Desk::of(|settings| {
        let ollama = ProviderSettings::new("ollama", ProviderKind::Ollama);
        let ollama = ProviderSettings { address: double.url(), ..ollama };
        settings.providers.extend([provider("one", &double), ollama]);
        settings.quotas.push(QuotaSettings {
            callers: vec!["key:*".to_owned()],
            tokens_per_request: Some(5),
            tokens_per_day: Some(100),
            ..QuotaSettings::default()
        });
    });
    let key = desk.key("a");
    let embed = |model: &str, input: Value| {
        key.exchange("/v1/embeddings", json!({"model": model, "input": input}).to_string())
    };
    assert_eq!(embed("one/e", json!([1, 2, 3, 4, 5])).await.status, 200);
    assert_eq!(double.last().json()["input"], json!([[1, 2, 3, 4, 5]]));
    let sent = double.count("embeddings");
    assert_eq!(embed("one/e", json!([[1, 2, 3], [4, 5, 6]])).await.status, 400, "six are too many");
    let usage = key.data("llm_usage", json!({})).await;
    assert_eq!(usage["today"]["prompt_tokens"], 5, "{usage}");
    for (model, input, why) in [
        ("ollama/e", json!([1]), "Ollama makes vectors of texts"),
        ("one/e", json!([1, "a"]), "cannot be read"),
        ("one/e", json!([-1]), "a list of tokens"),
    ] {
        let refused = embed(model, input).await;
        assert_eq!(refused.status, 400, "{model}");
        let words = refused.json().await["error"]["message"].take();
        assert!(words.as_str().unwrap().contains(why), "{words}");
    }
    assert_eq!((sent, double.asked.lock().unwrap().len()), (1, 1), "nothing else was sent");
}

#[tokio::test]
async fn anthropics_messages_are_answered_by_a_provider_of_another_dialect() {
    let double = Double::start(|_| answer(&["Hel", "lo"], 7, 2)).await;
    let desk = Desk::with(&double);
    let body = json!({"model": "one/real", "max_tokens": 64, "stream": true, "system": "Be brief.", "messages": [{"role": "user", "content": "Hi"}]});
    let reply = desk.owner.exchange("/v1/messages", body.to_string()).await;
    assert_eq!((reply.status, reply.content_type), (200, "text/event-stream"));
    let text = reply.text().await;
    assert!(text.starts_with("event: message_start\n"), "{text}");
    assert!(text.contains(r#""text":"Hel""#) && text.contains("event: message_stop"), "{text}");
    assert_eq!(double.last().json()["messages"][0]["role"], "system");
    let whole =
        json!({"model": "one/real", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]});
    let bad = desk.owner.exchange("/v1/messages", whole.to_string().replace("one/real", "nobody")).await;
    assert_eq!(bad.status, 404);
    assert_eq!(bad.json().await["type"], "error");
}

#[tokio::test]
async fn responses_are_answered_piece_by_piece_in_the_order_of_their_dialect() {
    let whole = json!({"id": "c", "model": "real", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}});
    let double = Double::start(move |asked| match asked.json()["stream"] == true {
        true => answer(&["Hel", "lo"], 7, 2),
        false => Reply::json(&whole),
    })
    .await;
    let desk = Desk::with(&double);
    let body = json!({"model": "one/real", "input": "Hi", "stream": true});
    let text = desk.owner.exchange("/v1/responses", body.to_string()).await.text().await;
    assert!(text.starts_with("event: response.created\n"), "{text}");
    assert!(text.contains(r#""delta":"Hel""#) && text.contains("event: response.completed"), "{text}");
    let said =
        desk.owner.exchange("/v1/responses", body.to_string().replace("true", "false")).await.json().await;
    assert_eq!(said["output"][0]["content"][0]["text"], "Hello", "{said}");
}

#[tokio::test]
async fn the_older_clients_query_has_its_shape() {
    let double = Double::start(|_| {
        Reply::json(&json!({"id": "c", "model": "real", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}, "stats": {"tokens_per_second": 51.4}, "model_info": {"arch": "llama"}, "runtime": {"name": "llama.cpp"}}))
    })
    .await;
    let desk = Desk::of(|settings| {
        settings.providers.push(provider("one", &double));
        settings.default_model = Some("one/real".to_owned());
    });
    let reply = desk.owner.exchange("/lm/query", r#"{"prompt": "Hi"}"#).await;
    assert_eq!(reply.status, 200);
    let said = reply.json().await;
    assert_eq!(
        (&said["success"], &said["content"], &said["finish_reason"]),
        (&json!(true), &json!("Hi"), &json!("stop"))
    );
    assert_eq!(
        (&said["stats"]["tokens_per_second"], &said["model_info"]["arch"]),
        (&json!(51.4), &json!("llama"))
    );
    assert_eq!(double.last().json()["max_tokens"], 512);
    let bad = desk.owner.exchange("/lm/query", r#"{"prompt": "Hi", "max_tokens": 5000}"#).await;
    assert_eq!((bad.status, bad.json().await["detail"][0]["loc"][1].clone()), (422, json!("max_tokens")));
    let gone = desk.owner.exchange("/lm/query", r#"{"prompt": "Hi", "model": "nobody"}"#).await;
    assert_eq!(gone.status, 500);
    assert!(gone.json().await["detail"].as_str().unwrap().starts_with("LM Studio error: "));
}
