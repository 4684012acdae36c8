//! What our own rules refuse, told in the words of each API, and not as if the provider had refused it.

use drawbridge_contract::{ExchangeRefusal, Server as _};
use drawbridge_llm::{Llm, LlmSettings, Price, ProviderKind, ProviderSettings, QuotaSettings};
use serde_json::{Value, json};

use crate::desk::{Desk, Seat, provider};
use crate::double::{Double, Reply, answer};

const ROUTES: [&str; 3] = ["/v1/messages", "/v1/chat/completions", "/v1/responses"];

fn question(path: &str, model: &str) -> String {
    let words = if path == "/v1/responses" { "input" } else { "messages" };
    json!({"model": model, "max_tokens": 9, words: [{"role": "user", "content": "Hi"}]}).to_string()
}

/// Status, type and code of the error that a question gets.
async fn refused(seat: &Seat, path: &str, model: &str) -> (u16, Value, Value) {
    let reply = seat.exchange(path, question(path, model)).await;
    let (status, mut body) = (reply.status, reply.json().await);
    (status, body["error"]["type"].take(), body["error"]["code"].take())
}

fn quota(models: Option<&str>, money_per_day: Option<f64>) -> QuotaSettings {
    let models = models.map(|models| vec![models.to_owned()]);
    QuotaSettings { callers: vec!["key:*".to_owned()], models, money_per_day, ..QuotaSettings::default() }
}

#[tokio::test]
async fn a_model_that_a_key_may_not_use_is_a_matter_of_permission_and_a_providers_no_is_not() {
    let double =
        Double::start(|_| Reply::error(403, "", r#"{"error":{"message":"not in your country"}}"#)).await;
    let desk = Desk::of(|settings| {
        settings.providers.extend([provider("one", &double), provider("two", &double)]);
        settings.quotas.push(quota(Some("one/*"), None));
    });
    let key = desk.key("a");
    for path in ROUTES {
        let (ours, theirs) = match path {
            "/v1/messages" => (("permission_error", json!(null)), ("api_error", json!(null))),
            _ => (
                ("invalid_request_error", json!("model_not_allowed")),
                ("api_error", json!("provider_refused")),
            ),
        };
        let told = |status: u16, (kind, code): (&str, Value)| (status, json!(kind), code);
        assert_eq!(refused(&key, path, "two/real").await, told(403, ours), "{path}");
        assert_eq!(refused(&key, path, "one/real").await, told(502, theirs), "{path}");
    }
}

#[test]
fn what_the_door_refuses_is_a_matter_of_the_callers_key() {
    let state = tempfile::tempdir().unwrap();
    let exchanges = Llm::open(&LlmSettings::new(state.path())).unwrap().exchanges().unwrap();
    let told = |path: &str, status: u16| {
        let body = exchanges.refusal(path, &ExchangeRefusal { status, kind: "no", message: "why" }).unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()["error"]["type"].take()
    };
    for status in [403, 423, 428] {
        let types = ROUTES.map(|path| told(path, status));
        assert_eq!(types, ["permission_error", "invalid_request_error", "invalid_request_error"], "{status}");
    }
    assert_eq!(ROUTES.map(|path| told(path, 401))[..2], ["authentication_error", "invalid_request_error"]);
}

#[tokio::test]
async fn where_money_is_limited_a_model_without_a_price_is_asked_only_on_the_owners_machine() {
    let double = Double::start(|asked| match asked.line.contains("embeddings") {
        true => Reply::json(&json!({"data": [{"index": 0, "embedding": [0.5]}]})),
        false => answer(&["x"], 3, 1),
    })
    .await;
    let desk = Desk::of(|settings| {
        let kind = ProviderSettings::new("local", ProviderKind::LlamaCpp);
        let local = ProviderSettings { address: double.url(), ..kind };
        settings.providers.extend([provider("one", &double), local]);
        settings
            .prices
            .insert("one/priced".to_owned(), Price { input: 1.0, output: 1.0, ..Price::default() });
        settings.quotas.push(quota(None, Some(1.0)));
    });
    let key = desk.key("a");
    let told = (403, json!("invalid_request_error"), json!("model_without_price"));
    assert_eq!(refused(&key, "/v1/chat/completions", "one/real").await, told);
    let (status, kind, _) = refused(&key, "/v1/messages", "one/real").await;
    assert_eq!((status, kind), (403, json!("permission_error")));
    for (tool, words) in [("llm_chat", json!("x")), ("llm_embed", json!(["x"]))] {
        let field = if tool == "llm_chat" { "prompt" } else { "texts" };
        let why = key.error(tool, json!({"model": "one/real", field: words})).await;
        assert!(why.contains("[llm.price.\"one/real\"]"), "{why}");
        for model in ["one/priced", "local/real"] {
            key.data(tool, json!({"model": model, field: words})).await;
        }
        desk.owner.data(tool, json!({"model": "one/real", field: words})).await;
    }
    let asked: Vec<Value> =
        double.asked.lock().unwrap().iter().map(|asked| asked.json()["model"].clone()).collect();
    assert_eq!(asked.len(), 6, "nothing of what was refused was sent: {asked:?}");
}
