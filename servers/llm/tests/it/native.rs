//! Questions that their provider understands as they are: passed on, but for the model's name and our key.

use drawbridge_llm::{Price, ProviderKind, ProviderSettings, QuotaSettings, Secret};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::double::{Double, Reply, Step};

/// A desk in front of a provider of this kind, with a key, and `claude` as the owner's name for its model.
fn desk(double: &Double, kind: ProviderKind, tokens_per_request: Option<u64>) -> Desk {
    Desk::of(|settings| {
        settings.providers.push(ProviderSettings {
            address: double.url(),
            key: Some(Secret::new("the-owners-key")),
            ..ProviderSettings::new("one", kind)
        });
        settings.aliases.insert("mine".to_owned(), vec!["one/real".to_owned()]);
        let callers = vec!["key:*".to_owned()];
        settings.quotas.push(QuotaSettings {
            callers,
            tokens_per_request,
            tokens_per_day: Some(100_000),
            ..QuotaSettings::default()
        });
    })
}

/// A named event of a stream.
fn event(value: &Value) -> Step {
    Step::Chunk(format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap()).into_bytes())
}

fn message(stream: bool) -> Value {
    json!({"model": "mine", "max_tokens": 64, "stream": stream, "unknown": {"deep": [1.50]},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "thinking": {"type": "adaptive"}, "messages": [{"role": "user", "content": "Hi"}]})
}

async fn used(desk: &Desk, key: &str) -> (u64, u64) {
    let data = desk.key(key).data("llm_usage", json!({})).await;
    let row = &data["days"][0];
    (row["prompt_tokens"].as_u64().unwrap(), row["completion_tokens"].as_u64().unwrap())
}

#[tokio::test]
async fn a_message_to_anthropic_goes_on_as_it_is_and_is_counted() {
    let whole = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "real", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hi", "citations": [{"type": "char_location", "cited_text": "x"}]}],
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 10, "output_tokens": 2, "server_tool_use": {"web_search_requests": 1}}});
    let sent = whole.clone();
    let double = Double::start(move |_| Reply::json(&sent)).await;
    let desk = desk(&double, ProviderKind::Anthropic, None);
    let headers = [("anthropic-beta", "files-api-2025-04-14")];
    let reply = desk.key("a").exchange_as("/v1/messages", &headers, message(false).to_string()).await;
    assert_eq!((reply.status, reply.json().await), (200, whole));
    let asked = double.last();
    let mut wanted = message(false);
    wanted["model"] = "real".into();
    assert_eq!((asked.json(), asked.line.as_str()), (wanted, "post /v1/messages http/1.1"));
    assert!(asked.body.contains(r#""deep":[1.5]"#), "{}", asked.body);
    for header in
        ["x-api-key: the-owners-key", "anthropic-beta: files-api-2025-04-14", "anthropic-version: 2023-06-01"]
    {
        assert!(asked.head.contains(header), "{}", asked.head);
    }
    assert_eq!(used(&desk, "a").await, (15, 2));
}

#[tokio::test]
async fn its_events_go_on_as_they_come_and_a_cut_is_told_and_counted() {
    let begin = json!({"type": "message_start", "message": {"id": "m", "model": "real", "usage": {"input_tokens": 7, "output_tokens": 1}}});
    let said = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello there"}});
    let odd = json!({"type": "a_later_version", "anything": [null]});
    let steps = vec![event(&begin), event(&said), event(&odd), Step::Break];
    let double = Double::start(move |_| Reply::events(steps.clone())).await;
    let desk = desk(&double, ProviderKind::Anthropic, None);
    let reply = desk.key("a").exchange("/v1/messages", message(true).to_string()).await;
    assert_eq!((reply.status, reply.content_type), (200, "text/event-stream"));
    let text = reply.text().await;
    assert!(text.contains(&format!("event: a_later_version\ndata: {odd}\n\n")), "{text}");
    let last = text.split("event: error\ndata: ").nth(1).unwrap();
    assert_eq!(serde_json::from_str::<Value>(last).unwrap()["type"], "error");
    assert_eq!(used(&desk, "a").await.1, 3, "as far as it came");
}

#[tokio::test]
async fn responses_go_on_as_they_are() {
    let usage = json!({"input_tokens": 9, "output_tokens": 4, "total_tokens": 13});
    let done = json!({"type": "response.completed", "response": {"id": "r", "model": "real", "status": "completed", "output": [], "usage": usage}});
    let steps =
        vec![event(&json!({"type": "response.web_search_call.searching", "item_id": "w"})), event(&done)];
    let double = Double::start(move |_| Reply::events(steps.clone())).await;
    let desk = desk(&double, ProviderKind::OpenAiResponses, None);
    let body = json!({"model": "mine", "stream": true, "input": "Hi", "previous_response_id": "resp_0", "tools": [{"type": "web_search"}]});
    let text = desk.key("a").exchange("/v1/responses", body.to_string()).await.text().await;
    assert!(text.starts_with("event: response.web_search_call.searching\n"), "{text}");
    let mut wanted = body.clone();
    wanted["model"] = "real".into();
    assert_eq!(double.last().json(), wanted);
    assert_eq!(used(&desk, "a").await, (9, 4));
    let mut later = body;
    later["background"] = true.into();
    let refused = desk.key("a").exchange("/v1/responses", later.to_string()).await;
    assert_eq!(refused.status, 400, "nobody would count it");
}

#[tokio::test]
async fn the_limit_of_a_quota_is_written_into_what_goes_on() {
    for (kind, path, word) in [
        (ProviderKind::Anthropic, "/v1/messages", "max_tokens"),
        (ProviderKind::OpenAi, "/v1/chat/completions", "max_completion_tokens"),
        (ProviderKind::Compatible, "/v1/chat/completions", "max_tokens"),
        (ProviderKind::OpenAiResponses, "/v1/responses", "max_output_tokens"),
    ] {
        let double = Double::start(|_| Reply::json(&json!({"usage": {}}))).await;
        let desk = desk(&double, kind, Some(1_000));
        let body = json!({"model": "mine", "odd": [true], "input": "Hi", "messages": [{"role": "user", "content": "Hi"}]});
        desk.key("a").exchange(path, body.to_string()).await;
        let asked = double.last().json();
        assert!(asked[word].as_u64().is_some_and(|max| (900..1_000).contains(&max)), "{asked}");
        assert_eq!(asked["odd"], json!([true]), "nothing else changes");
    }
}

#[tokio::test]
async fn one_model_is_shown_in_the_words_of_who_asks() {
    let double = Double::start(|_| {
        Reply::json(&json!({"data": [{"id": "org/real", "object": "model", "created": 5}]}))
    })
    .await;
    let desk = desk(&double, ProviderKind::Compatible, None);
    let one = desk.owner.exchange("/v1/models/one/org/real", "").await;
    assert_eq!((one.status, one.json().await["object"].clone()), (200, json!("model")));
    let version = [("anthropic-version", "2023-06-01")];
    let one = desk.owner.exchange_as("/v1/models/mine", &version, "").await.json().await;
    assert_eq!((&one["type"], &one["id"]), (&json!("model"), &json!("mine")));
    let none = desk.owner.exchange("/v1/models/one/other", "").await;
    assert_eq!((none.status, none.json().await["error"]["message"].is_string()), (404, true));
}

#[tokio::test]
async fn the_same_question_is_answered_once_where_the_owner_keeps_answers() {
    let whole = json!({"id": "c", "model": "real", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}});
    let double = Double::start(move |_| Reply::json(&whole)).await;
    let desk = Desk::of(|settings| {
        settings.providers.push(crate::desk::provider("one", &double));
        settings.cache.bytes_max = 1 << 20;
    });
    let asking = |temperature: Option<f64>| {
        let mut body = json!({"model": "one/real", "messages": [{"role": "user", "content": "Hi"}]});
        if let Some(warmth) = temperature {
            body["temperature"] = warmth.into();
        }
        body.to_string()
    };
    let body = asking(Some(0.0));
    let ask = async |key: &str, body: String| {
        let reply = desk.key(key).exchange("/v1/chat/completions", body).await;
        assert_eq!(reply.status, 200);
        (reply.text().await, double.count("/chat"))
    };
    let (first, asked) = ask("a", body.clone()).await;
    assert_eq!(
        (asked, ask("a", body.clone()).await),
        (1, (first, 1)),
        "the same to the byte, and not asked for"
    );
    assert_eq!(ask("b", body.clone()).await.1, 2, "somebody else's question is a new one");
    for other in [asking(Some(0.1)), asking(None)] {
        let before = ask("a", other.clone()).await.1;
        assert_eq!(ask("a", other).await.1, before + 1, "what may come out otherwise is asked each time");
    }
    let today = &desk.key("a").data("llm_usage", json!({})).await["today"];
    assert_eq!((&today["requests"], &today["cached"]), (&json!(6), &json!(1)));
    assert_eq!(today["prompt_tokens"], 15, "what was kept is not charged");
}

#[tokio::test]
async fn no_field_reaches_past_what_was_decided_here() {
    let whole = json!({"id": "c", "model": "real", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]});
    let double = Double::start(move |_| Reply::json(&whole)).await;
    let desk = desk(&double, ProviderKind::Compatible, None);
    for field in ["models", "fallbacks", "integrations", "mod\\u0065ls"] {
        let body = format!(
            r#"{{"model":"mine","{field}":["other"],"messages":[{{"role":"user","content":"Hi"}}]}}"#
        );
        assert_eq!(desk.key("a").exchange("/v1/chat/completions", body).await.status, 200, "{field}");
        let asked = double.last();
        assert!(asked.json()["messages"].is_array() && !asked.body.contains("other"), "{}", asked.body);
    }
}

/// A desk in front of Anthropic's double, where a search costs 0.25 and keys may use 1.0 a day.
fn priced(double: &Double) -> Desk {
    let tools = [("web_search".to_owned(), 0.25)].into();
    Desk::of(|settings| {
        let provider = ProviderSettings::new("one", ProviderKind::Anthropic);
        settings.providers.push(ProviderSettings { address: double.url(), ..provider });
        settings.prices.insert("one/*".to_owned(), Price { tools, ..Price::default() });
        let (callers, money_per_day) = (vec!["key:*".to_owned()], Some(1.0));
        settings.quotas.push(QuotaSettings { callers, money_per_day, ..QuotaSettings::default() });
    })
}

fn searching(stream: bool, tool: &str) -> String {
    json!({"model": "one/real", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": format!("{tool}_20250305"), "name": tool, "max_uses": 2}]})
    .to_string()
}

async fn cost(desk: &Desk, key: &str) -> Value {
    desk.key(key).data("llm_usage", json!({})).await["today"]["cost"].clone()
}

#[tokio::test]
async fn what_the_provider_searches_is_counted_in_whole_answers_and_in_streams_also_when_they_are_cut() {
    let block = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}});
    let usage = json!({"input_tokens": 5, "output_tokens": 2, "server_tool_use": {"web_search_requests": 2}});
    let whole = json!({"id": "m", "type": "message", "model": "real", "stop_reason": "end_turn", "content": [block], "usage": usage});
    let begun = json!({"type": "content_block_start", "index": 0, "content_block": block});
    let steps = vec![event(&begun), Step::Break];
    let double = Double::start(move |asked| match asked.json()["stream"] == true {
        true => Reply::events(steps.clone()),
        false => Reply::json(&whole),
    })
    .await;
    let desk = priced(&double);
    let reply = desk.key("a").exchange("/v1/messages", searching(false, "web_search")).await;
    assert_eq!((reply.status, cost(&desk, "a").await), (200, json!(0.5)));
    desk.key("b").exchange("/v1/messages", searching(true, "web_search")).await.text().await;
    assert_eq!(cost(&desk, "b").await, json!(0.25), "as far as it came");
}

#[tokio::test]
async fn a_tool_without_a_price_is_refused_before_anything_is_sent_where_money_is_limited() {
    let whole = json!({"id": "m", "type": "message", "model": "real", "stop_reason": "end_turn", "content": [], "usage": {"input_tokens": 5, "output_tokens": 2}});
    let double = Double::start(move |_| Reply::json(&whole)).await;
    let desk = priced(&double);
    let refused = desk.key("a").exchange("/v1/messages", searching(false, "code_execution")).await;
    assert_eq!((refused.status, double.count("/v1/messages")), (403, 0));
    let why = refused.json().await.to_string();
    assert!(why.contains("tools.code_execution in [llm.price") && why.contains("permission_error"), "{why}");
    let free = desk.key("a").exchange("/v1/messages", searching(false, "text_editor")).await;
    let unlimited = desk.owner.exchange("/v1/messages", searching(false, "code_execution")).await;
    assert_eq!((free.status, unlimited.status), (200, 200));
}
