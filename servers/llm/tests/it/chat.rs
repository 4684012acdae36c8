//! `llm_chat` against providers that behave and that do not.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{Cancellation, Live};
use drawbridge_llm::{ProviderKind, ProviderSettings, Secret, Waits};
use serde_json::{Value, json};

use crate::desk::{Desk, Ear, provider};
use crate::double::{Double, Reply, Step, answer, ends, event, says};

#[tokio::test]
async fn an_answer_comes_piece_by_piece_and_whole() {
    let double = Double::start(|_| answer(&["Hel", "lo"], 7, 2)).await;
    let desk = Desk::with(&double);
    let ear = Arc::new(Ear::default());
    let live = Live { sink: Some(ear.clone()), ..Live::default() };
    let arguments = json!({"model": "one/real", "prompt": "Hi", "system": "Be brief.", "temperature": 0, "top_k": 5, "seed": 1});
    let result = desk.owner.call_heard("llm_chat", arguments, live).await;
    assert_eq!(result.content.plain_text(), "Hello");
    let told = ear.0.lock().unwrap().clone();
    assert_eq!(told, [(1.0, "Hel".to_owned()), (2.0, "lo".to_owned())]);
    let data: serde_json::Value = serde_json::from_str(result.structured.unwrap().get()).unwrap();
    assert_eq!((&data["usage"]["total_tokens"], &data["asked"]), (&json!(9), &json!("one/real")));
    assert_eq!(data["stats"]["stop_reason"], "end");
    assert!(data["measured_here"].as_array().unwrap().contains(&json!("time_to_first_token")), "{data}");
    let asked = double.last().json();
    assert_eq!(asked["model"], "real");
    assert_eq!(asked["messages"][0], json!({"role": "system", "content": "Be brief."}));
    assert_eq!((&asked["top_k"], &asked["stream"]), (&json!(5), &json!(true)));
}

#[tokio::test]
async fn half_a_character_in_each_chunk_is_put_together() {
    let whole: Vec<u8> = [says("Grüße, 世界 👋"), says("!")]
        .into_iter()
        .chain(ends(1, 1))
        .flat_map(|step| match step {
            Step::Chunk(bytes) => bytes,
            _ => Vec::new(),
        })
        .collect();
    let double =
        Double::start(move |_| Reply::events(whole.chunks(1).map(|one| Step::Chunk(one.to_vec())).collect()))
            .await;
    let desk = Desk::with(&double);
    let said = desk.owner.data("llm_chat", json!({"model": "one/real", "prompt": "x"})).await;
    assert_eq!(said["text"], "Grüße, 世界 👋!");
}

#[tokio::test]
async fn without_usage_it_is_estimated_and_marked() {
    let double = Double::start(|_| {
        let stop = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        Reply::events(vec![says("four char tokens"), event(&stop), Step::Chunk(b"data: [DONE]\n\n".to_vec())])
    })
    .await;
    let desk = Desk::with(&double);
    let said = desk.owner.data("llm_chat", json!({"model": "one/real", "prompt": "x"})).await;
    assert_eq!(said["usage"]["completion_tokens"], 4);
    assert!(said["measured_here"].as_array().unwrap().contains(&json!("completion_tokens")));
}

#[tokio::test]
async fn an_error_in_the_stream_and_a_stream_that_is_cut_keep_what_came() {
    let broken = event(&json!({"error": {"message": "out of memory", "type": "server_error"}}));
    for end in [vec![broken], vec![Step::Break], vec![]] {
        let steps = [vec![says("Half")], end].concat();
        let double = Double::start(move |_| Reply::events(steps.clone())).await;
        let desk = Desk::with(&double);
        let result = desk.owner.call("llm_chat", json!({"model": "one/real", "prompt": "x"})).await;
        assert!(result.is_error);
        let text = result.content.plain_text();
        assert!(text.starts_with("Half\n[the answer is not complete: one: "), "{text}");
    }
}

#[tokio::test]
async fn j3_what_a_provider_refuses_is_told_without_its_key() {
    let cases = [
        (429, "retry-after: 7\r\n", r#"{"error":{"message":"slow down"}}"#, "in 7 s"),
        (
            401,
            "",
            r#"{"error":{"message":"Incorrect API key provided: sk-secret-1"}}"#,
            "does not accept its key",
        ),
        (
            400,
            "",
            r#"{"error":{"message":"bad sk-secret-1","code":"context_length_exceeded"}}"#,
            "longer than the model's context",
        ),
        (307, "location: http://127.0.0.1:9/\r\n", "", "a redirect, which is not followed"),
        (500, "", "<html>oops</html>", "one: "),
    ];
    for (status, headers, body, says) in cases {
        let double = Double::start(move |_| Reply::error(status, headers, body)).await;
        let key = Some(Secret::new("sk-secret-1"));
        let desk = Desk::of(|settings| {
            settings.providers.push(ProviderSettings { key, ..provider("one", &double) });
        });
        let error = desk.owner.error("llm_chat", json!({"model": "one/real", "prompt": "x"})).await;
        assert!(error.contains(says) && !error.contains("sk-secret"), "{status}: {error}");
        assert!(double.last().head.contains("authorization: bearer sk-secret-1"));
        assert_eq!(double.count("chat"), 1, "{status} is not asked again");
    }
}

#[tokio::test]
async fn another_type_than_promised_is_an_error() {
    for media_type in ["text/html", "application/octet-stream"] {
        let double = Double::start(move |_| {
            Reply::typed(media_type, vec![Step::Chunk(b"<html>login</html>".to_vec())])
        })
        .await;
        let desk = Desk::with(&double);
        let error = desk.owner.error("llm_chat", json!({"model": "one/real", "prompt": "x"})).await;
        assert!(error.starts_with("one: "), "{error}");
    }
}

#[tokio::test]
async fn a_provider_that_hangs_is_left() {
    for steps in [vec![Step::Hang], vec![says("Half"), Step::Hang]] {
        let double = Double::start(move |_| Reply::events(steps.clone())).await;
        let desk = Desk::of(|settings| {
            let short = Duration::from_secs(1);
            settings.waits = Waits { first_byte: short, idle: short, ..Waits::default() };
            settings.providers.push(provider("one", &double));
        });
        let error = desk.owner.error("llm_chat", json!({"model": "one/real", "prompt": "x"})).await;
        assert!(error.contains("nothing more came"), "{error}");
        double.somebody_left().await;
    }
}

#[tokio::test]
async fn who_gives_up_stops_the_provider() {
    let double = Double::start(|_| Reply::events(vec![says("Half"), Step::Hang])).await;
    let desk = Desk::with(&double);
    let live = Live { cancellation: Cancellation::new(), ..Live::default() };
    let arguments = json!({"model": "one/real", "prompt": "x"});
    let call = desk.owner.call_heard("llm_chat", arguments, live);
    tokio::select! {
        _ = call => panic!("it answered"),
        () = double.somebody_asked("/chat/completions") => {}
    }
    double.somebody_left().await;
}

#[tokio::test]
async fn the_next_of_an_alias_answers_where_the_first_cannot() {
    let tired = Double::start(|_| Reply::error(503, "", r#"{"error":{"message":"loading"}}"#)).await;
    let good = Double::start(|_| answer(&["I can."], 1, 2)).await;
    let gone = ProviderSettings {
        address: "http://127.0.0.1:9".to_owned(),
        ..ProviderSettings::new("gone", ProviderKind::Compatible)
    };
    let desk = Desk::of(|settings| {
        settings.providers.extend([gone, provider("tired", &tired), provider("good", &good)]);
        let targets = ["gone/x", "tired/y", "good/z"].map(str::to_owned);
        settings.aliases.insert("any".to_owned(), targets.into());
    });
    let said = desk.owner.data("llm_chat", json!({"model": "any", "prompt": "x"})).await;
    assert_eq!((&said["text"], &said["asked"]), (&json!("I can."), &json!("good/z")));
}

#[tokio::test]
async fn what_was_sent_is_not_sent_elsewhere() {
    let broken = Double::start(|_| Reply::error(500, "", r#"{"error":{"message":"oops"}}"#)).await;
    let good = Double::start(|_| answer(&["again"], 1, 1)).await;
    let desk = Desk::of(|settings| {
        settings.providers.extend([provider("broken", &broken), provider("good", &good)]);
        settings.aliases.insert("any".to_owned(), vec!["broken/x".to_owned(), "good/x".to_owned()]);
    });
    desk.owner.error("llm_chat", json!({"model": "any", "prompt": "x"})).await;
    assert_eq!((broken.count("chat"), good.count("chat")), (1, 0));
}

#[tokio::test]
async fn nothing_asked_and_unknown_models_are_told_so() {
    let double = Double::start(|_| Reply::json(&json!({"data": [{"id": "tiny"}]}))).await;
    let desk = Desk::with(&double);
    assert!(desk.owner.error("llm_chat", json!({"model": "one/x"})).await.contains("give `prompt`"));
    let unknown = desk.owner.error("llm_chat", json!({"model": "huge", "prompt": "x"})).await;
    assert!(unknown.contains("there is no model \"huge\"; there are one/tiny"), "{unknown}");
    let hot = desk.owner.error("llm_chat", json!({"model": "tiny", "prompt": "x", "temperature": 3})).await;
    assert!(hot.contains("temperature"), "{hot}");
}

#[tokio::test]
async fn lm_studio_goes_on_with_a_conversation_that_it_keeps() {
    let double = Double::start(|_| {
        let begin = json!({"type": "chat.start", "model_instance_id": "tiny"});
        let said = json!({"type": "message.delta", "content": "Blue."});
        let end = json!({"type": "chat.end", "result": {"model_instance_id": "tiny", "response_id": "resp_2",
            "output": [{"type": "message", "content": "Blue."}], "stats": {"input_tokens": 5, "total_output_tokens": 2}}});
        let event = |value: &Value| {
            Step::Chunk(format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap()).into_bytes())
        };
        Reply::events([begin, said, end].iter().map(event).collect())
    })
    .await;
    let desk = Desk::of(|settings| {
        let kind = ProviderKind::LmStudioV1;
        settings
            .providers
            .push(ProviderSettings { address: double.url(), ..ProviderSettings::new("lm", kind) });
        settings.providers.push(provider("one", &double));
    });
    let data = desk
        .owner
        .data("llm_chat", json!({"model": "lm/tiny", "prompt": "I like blue.", "remember": true}))
        .await;
    assert_eq!(data["id"], "resp_2", "{data}");
    assert_eq!(double.last().json()["store"], true);
    let ask = json!({"model": "lm/tiny", "prompt": "What do I like?", "follows": "resp_2"});
    desk.owner.data("llm_chat", ask.clone()).await;
    let asked = double.last().json();
    assert_eq!((&asked["previous_response_id"], &asked["store"]), (&json!("resp_2"), &json!(true)));
    assert_eq!(asked["input"].as_array().unwrap().len(), 1, "only what is new is asked");
    let elsewhere =
        desk.owner.error("llm_chat", json!({"model": "one/tiny", "prompt": "x", "follows": "resp_2"})).await;
    assert!(elsewhere.contains("keeps no conversations"), "{elsewhere}");
    desk.owner.data("llm_chat", json!({"model": "lm/tiny", "prompt": "x"})).await;
    assert_eq!(double.last().json()["store"], false, "nothing is kept unless that is wanted");
}
