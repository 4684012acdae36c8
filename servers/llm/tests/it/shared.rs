//! Limits, and local servers that many share.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::Live;
use drawbridge_llm::{Llm, LlmSettings, Price, ProviderKind, ProviderSettings, QuotaSettings};
use serde_json::json;

use crate::desk::{Desk, Ear, provider};
use crate::double::{Double, Reply, Step, answer, ends, says};

fn limited(settings: &mut LlmSettings, tokens_per_day: u64) {
    settings.quotas.push(QuotaSettings {
        callers: vec!["key:*".to_owned()],
        models: Some(vec!["one/*".to_owned()]),
        tokens_per_request: Some(1_000),
        tokens_per_day: Some(tokens_per_day),
        money_per_day: None,
    });
    settings.prices.insert("one/*".to_owned(), Price { input: 1.0, output: 2.0, ..Price::default() });
}

#[tokio::test]
async fn a_day_is_counted_streams_included_and_over_restarts() {
    let double = Double::start(|_| answer(&["x"], 100, 50)).await;
    let desk = Desk::of(|settings| {
        settings.providers.push(provider("one", &double));
        limited(settings, 400);
    });
    let (key, ask) = (desk.key("a"), json!({"model": "one/real", "prompt": "x", "max_tokens": 60}));
    let said = key.data("llm_chat", ask.clone()).await;
    assert_eq!(said["cost"], 0.0002);
    let body = json!({"model": "one/real", "stream": true, "max_tokens": 60, "messages": []}).to_string();
    key.exchange("/v1/chat/completions", body.clone()).await.text().await;
    // 300 of 400 are used; what may still be asked for fits, what may not is refused in the dialect's words.
    let refused = key.exchange("/v1/chat/completions", body.replace("60", "101")).await;
    assert_eq!(refused.status, 429);
    let error = refused.json().await;
    assert!(error["error"]["message"].as_str().unwrap().contains("has 100 left"), "{error}");
    desk.owner.data("llm_chat", ask.clone()).await;
    // The books are on disk once the server is gone.
    let Desk { owner, state } = desk;
    drop((owner, key));
    let mut settings = LlmSettings::new(state.path());
    settings.providers.push(provider("one", &double));
    limited(&mut settings, 400);
    let again = Desk::serving(Llm::open(&settings).unwrap(), state);
    let error = again
        .key("a")
        .error("llm_chat", json!({"model": "one/real", "prompt": "x", "max_tokens": 101}))
        .await;
    assert!(error.contains("left"), "{error}");
    assert!(again.key("b").call("llm_chat", ask).await.content.plain_text() == "x");
}

#[tokio::test]
async fn models_that_a_key_may_not_use_are_neither_listed_nor_asked() {
    let double = Double::start(|_| Reply::json(&json!({"data": [{"id": "tiny"}]}))).await;
    let desk = Desk::of(|settings| {
        settings.providers.extend([provider("one", &double), provider("two", &double)]);
        limited(settings, 400);
    });
    let list = desk.key("a").data("llm_models", json!({})).await;
    assert_eq!(list["models"].as_array().unwrap().len(), 1);
    let error = desk.key("a").error("llm_chat", json!({"model": "two/tiny", "prompt": "x"})).await;
    assert!(error.contains("not among those that this key may use"), "{error}");
    let reply = desk.key("a").exchange("/v1/chat/completions", r#"{"model":"two/tiny","messages":[]}"#).await;
    assert_eq!(reply.status, 403);
    assert_eq!(double.count("chat"), 0);
}

#[tokio::test]
async fn a_stream_that_its_reader_leaves_is_counted() {
    let double = Double::start(|_| Reply::events(vec![says("four more words here"), Step::Hang])).await;
    let desk = Desk::of(|settings| {
        settings.providers.push(provider("one", &double));
        limited(settings, 1_000);
    });
    let key = desk.key("a");
    let body = json!({"model": "one/real", "stream": true, "max_tokens": 900, "messages": []}).to_string();
    let mut reply = key.exchange("/v1/chat/completions", body).await;
    futures::StreamExt::next(&mut reply.body).await.unwrap();
    let busy = key.error("llm_chat", json!({"model": "one/real", "prompt": "x", "max_tokens": 200})).await;
    assert!(busy.contains("left"), "all of it is reserved: {busy}");
    drop(reply);
    double.somebody_left().await;
    // What was reserved is free again, but for what came.
    let usage = key.data("llm_usage", json!({})).await;
    let used = usage["today"]["completion_tokens"].as_u64().unwrap();
    assert!((1..20).contains(&used), "{usage}");
    assert_eq!(usage["today"]["reserved_tokens"], 0);
}

#[tokio::test]
async fn a_request_beyond_its_bound_gets_the_bound_written_into_it() {
    let double = Double::start(|_| answer(&["x"], 1, 1)).await;
    let desk = Desk::of(|settings| {
        settings.providers.push(provider("one", &double));
        limited(settings, 100_000);
    });
    let body = json!({"model": "one/real", "stream": true, "messages": [{"role": "user", "content": "x"}]})
        .to_string();
    let text = desk.key("a").exchange("/v1/chat/completions", body).await.text().await;
    assert!(text.contains("[DONE]"), "{text}");
    let asked = double.last().json();
    let max = asked["max_tokens"].as_u64().or(asked["max_completion_tokens"].as_u64()).unwrap();
    assert!((900..1_000).contains(&max), "{asked}");
}

#[tokio::test]
async fn a_local_server_is_asked_by_few_at_a_time_and_the_others_hear_their_place() {
    let double = Double::start(|_| {
        Reply::events([says("x"), Step::Wait(Duration::from_secs(3))].into_iter().chain(ends(1, 1)).collect())
    })
    .await;
    let local = ProviderSettings {
        parallel: Some(1),
        waiting_max: 1,
        address: double.url(),
        ..ProviderSettings::new("local", ProviderKind::LlamaCpp)
    };
    let desk = Desk::of(|settings| settings.providers.push(local));
    let ask = || json!({"model": "local/real", "prompt": "x"});
    let ear = Arc::new(Ear::default());
    let live = Live { sink: Some(ear.clone()), ..Live::default() };
    let (first, second, third) = tokio::join!(
        desk.owner.call("llm_chat", ask()),
        async {
            double.somebody_asked("/chat/completions").await;
            desk.owner.call_heard("llm_chat", ask(), live).await
        },
        async {
            while ear.0.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            desk.owner.error("llm_chat", ask()).await
        },
    );
    assert!(!first.is_error && !second.is_error);
    assert_eq!(ear.0.lock().unwrap()[0], (1.0, "waiting for local: number 1 in line".to_owned()));
    assert!(third.contains("as many as may"), "{third}");
}

#[tokio::test]
async fn ollama_is_told_to_load_and_unload_but_not_a_model_that_answers() {
    let double = Double::start(|asked| {
        let ps = json!({"models": [{"name": "tiny:latest", "model": "tiny:latest"}]});
        match asked.line.split(' ').nth(1).unwrap() {
            "/api/ps" => Reply::json(&ps),
            "/api/chat" => {
                let line = json!({"model": "tiny", "message": {"role": "assistant", "content": "x"}, "done": false});
                Reply::typed("application/x-ndjson", vec![Step::Chunk(format!("{line}\n").into_bytes()), Step::Wait(Duration::from_secs(3)), Step::Chunk(format!("{}\n", json!({"model": "tiny", "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 1})).into_bytes())])
            }
            _ => Reply::json(&json!({"model": "tiny", "done": true, "done_reason": "load"})),
        }
    })
    .await;
    let ollama =
        ProviderSettings { address: double.url(), ..ProviderSettings::new("ollama", ProviderKind::Ollama) };
    let desk = Desk::of(|settings| settings.providers.push(ollama));
    let loaded = desk.owner.data("llm_load", json!({"model": "ollama/tiny", "ttl": 60})).await;
    assert_eq!(loaded["model"], "ollama/tiny");
    assert_eq!(double.last().json()["keep_alive"], 60);
    let ask = json!({"model": "ollama/tiny", "prompt": "x"});
    let (answer, busy) = tokio::join!(desk.owner.data("llm_chat", ask), async {
        double.somebody_asked("/api/chat").await;
        desk.owner.error("llm_unload", json!({"model": "ollama/tiny"})).await
    });
    assert_eq!((&answer["text"], &answer["usage"]["prompt_tokens"]), (&json!("x"), &json!(3)));
    assert!(busy.contains("is answering somebody now"), "{busy}");
    let unloaded = desk.owner.data("llm_unload", json!({"model": "ollama/tiny"})).await;
    assert_eq!((&unloaded["unloaded"], &double.last().json()["keep_alive"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn j4_a_whole_answer_that_is_given_up_counts_with_all_that_it_may_have_had() {
    let double = Double::start(|_| Reply {
        status: 200,
        headers: "content-type: application/json\r\n".to_owned(),
        steps: vec![Step::Hang],
    })
    .await;
    let desk = Desk::of(|settings| {
        settings.providers.push(provider("one", &double));
        limited(settings, 1_000);
    });
    let (key, body) = (
        desk.key("a"),
        json!({"model": "one/real", "max_tokens": 60, "messages": [{"role": "user", "content": "four words or so"}]}),
    );
    let asked = key.exchange("/v1/chat/completions", body.to_string());
    tokio::select! {
        _ = asked => panic!("it answered"),
        () = double.somebody_asked("/chat/completions") => {}
    }
    let usage = key.data("llm_usage", json!({})).await;
    assert!(
        usage["today"]["prompt_tokens"].as_u64().unwrap() > 10 && usage["today"]["completion_tokens"] == 60,
        "{usage}"
    );
    assert_eq!(usage["today"]["reserved_tokens"], 0);
}
