//! How providers are, when somebody asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::desk::{Desk, provider};
use crate::double::{Double, Reply, answer};

/// One that works while it is told to.
async fn moody(works: &Arc<AtomicBool>) -> Double {
    let works = works.clone();
    Double::start(move |asked| match works.load(Ordering::SeqCst) {
        false => Reply::error(500, "", r#"{"error":{"message":"moody"}}"#),
        true if asked.line.contains("/models") => Reply::json(&json!({"data": [{"id": "tiny"}]})),
        true => answer(&["Hi"], 1, 1),
    })
    .await
}

#[tokio::test]
async fn every_provider_says_how_it_is() {
    let works = Arc::new(AtomicBool::new(true));
    let double = moody(&works).await;
    let desk = Desk::of(|settings| {
        settings.providers.push(provider("one", &double));
        let gone = provider("two", &double);
        settings
            .providers
            .push(drawbridge_llm::ProviderSettings { address: "http://127.0.0.1:9".into(), ..gone });
    });
    let data = desk.owner.data("llm_models", json!({"check": true})).await;
    let [one, two] = &data["providers"].as_array().unwrap()[..] else { panic!("{data}") };
    assert_eq!((&one["works"], &one["models"], &one["rested"]), (&json!(true), &json!(1), &json!(false)));
    assert!(one["took_ms"].as_f64().is_some_and(|ms| ms < 2_000.0), "{data}");
    assert_eq!((&two["works"], &two["models"]), (&json!(false), &json!(null)));
    assert!(two["why"].as_str().unwrap().contains("is it running?"), "{data}");
    works.store(false, Ordering::SeqCst);
    let data = desk.owner.data("llm_models", json!({"check": true})).await;
    assert_eq!(data["providers"][0]["works"], false, "it is asked each time");
}

#[tokio::test]
async fn one_who_was_left_alone_and_works_again_is_asked_again_at_once() {
    let works = Arc::new(AtomicBool::new(false));
    let double = moody(&works).await;
    let desk = Desk::with(&double);
    let ask = json!({"model": "one/tiny", "prompt": "Hi"});
    for _ in 0..5 {
        desk.owner.error("llm_chat", ask.clone()).await;
    }
    works.store(true, Ordering::SeqCst);
    let asked = double.count("/chat");
    assert!(desk.owner.error("llm_chat", ask.clone()).await.contains("left alone"));
    assert_eq!(double.count("/chat"), asked, "nothing was sent");
    let data = desk.owner.data("llm_models", json!({"check": true})).await;
    assert_eq!(
        (&data["providers"][0]["works"], &data["providers"][0]["rested"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(desk.owner.data("llm_chat", ask).await["text"], "Hi");
}
