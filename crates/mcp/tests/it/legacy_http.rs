//! Sessions over HTTP.

use std::time::Duration;

use drawbridge_contract::Change;
use drawbridge_mcp::http::HttpSettings;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::http_host::{Events, HttpHost, events, request};
use crate::world::{NOTE, World};

async fn session(world: &World) -> HttpHost {
    HttpHost::new(world).initialize("2025-11-25", json!({ "elicitation": {}, "sampling": {} })).await
}

fn call(id: i64, tool: &str) -> String {
    request(id, "tools/call", json!({ "name": tool, "_meta": { "progressToken": id } })).to_string()
}

async fn resume(host: &HttpHost, last: &str) -> Events {
    events(host.header("last-event-id", Some(last)).send(Method::GET, "").await)
}

#[tokio::test]
async fn each_revision_is_agreed_on_and_served_as_it_was() {
    for version in ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] {
        let host = HttpHost::new(&World::new()).initialize(version, json!({})).await;
        let listed = host.post(request(1, "tools/list", json!({})).to_string()).await.json;
        let echo =
            listed["result"]["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "echo").unwrap();
        assert_eq!(echo.get("title").is_some(), version >= "2025-06-18", "{version}");
        assert_eq!(echo.get("annotations").is_some(), version >= "2025-03-26", "{version}");
        assert!(listed["result"].get("resultType").is_none() && listed["result"].get("ttlMs").is_none());
        let got = host.post(request(2, "tools/call", json!({ "name": "structured" })).to_string()).await.json;
        assert_eq!(got["result"].get("structuredContent").is_some(), version >= "2025-06-18", "{version}");
        let got = host.post(request(3, "tools/call", json!({ "name": "link" })).to_string()).await.json;
        let kind = if version >= "2025-06-18" { "resource_link" } else { "text" };
        assert_eq!(got["result"]["content"][0]["type"], kind, "{version}");
    }
}

#[tokio::test]
async fn an_unknown_revision_is_answered_with_one_of_ours() {
    for wanted in ["1999-01-01", "2026-07-28"] {
        let params = json!({ "protocolVersion": wanted, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        let got = HttpHost::new(&World::new()).post(request(0, "initialize", params).to_string()).await;
        assert_eq!(got.json["result"]["protocolVersion"], "2025-11-25");
        assert_eq!(got.json["result"]["serverInfo"]["name"], "drawbridge");
        assert_eq!(got.json["result"]["instructions"], "Ask the world.");
    }
}

#[tokio::test]
async fn the_small_methods_answer_with_nothing() {
    let host = session(&World::new()).await;
    for (method, params) in [("ping", json!({})), ("logging/setLevel", json!({ "level": "error" }))] {
        let got = host.post(request(1, method, params).to_string()).await;
        assert_eq!((got.status, &got.json["result"]), (StatusCode::OK, &json!({})));
    }
    let got = host.post(request(1, "logging/setLevel", json!({ "level": "loud" })).to_string()).await;
    assert_eq!(got.json["error"]["code"], -32602);
    let got = host.post(request(1, "server/discover", json!({})).to_string()).await;
    assert_eq!((got.status, &got.json["error"]["code"]), (StatusCode::OK, &json!(-32601)));
    let got =
        host.post(request(1, "initialize", json!({ "protocolVersion": "2025-11-25" })).to_string()).await;
    assert_eq!(got.json["error"]["code"], -32600);
    let got = host.post(request(1, "resources/read", json!({ "uri": "note://b" })).to_string()).await;
    assert_eq!(
        (&got.json["error"]["code"], &got.json["error"]["data"]["uri"]),
        (&json!(-32002), &json!("note://b"))
    );
}

#[tokio::test]
async fn a_session_is_needed_and_ends() {
    let world = World::new();
    let host = HttpHost::new(&world);
    let list = request(1, "tools/list", json!({})).to_string();
    let got = host.post(list.clone()).await;
    assert_eq!((got.status, &got.json["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32600)));
    let stray = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(host.post(stray.to_string()).await.status, StatusCode::BAD_REQUEST);
    let host = session(&world).await;
    assert_eq!(host.send(Method::DELETE, "").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(host.post(list).await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.send(Method::GET, "").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(host.send(Method::DELETE, "").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_idle_session_is_gone() {
    let settings = HttpSettings { session_idle: Duration::from_millis(1_500), ..HttpSettings::default() };
    let host = HttpHost::with(&World::new(), settings).initialize("2025-11-25", json!({})).await;
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    assert_eq!(host.post(request(1, "ping", json!({})).to_string()).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn sessions_are_bounded_per_caller() {
    let settings = HttpSettings { sessions_per_caller_max: 2, ..HttpSettings::default() };
    let host = HttpHost::with(&World::new(), settings);
    let first = host.initialize("2025-11-25", json!({})).await;
    let second = host.initialize("2025-11-25", json!({})).await;
    let third = host.initialize("2025-11-25", json!({})).await;
    let ping = || request(1, "ping", json!({})).to_string();
    assert_eq!(first.post(ping()).await.status, StatusCode::NOT_FOUND, "the oldest gave way");
    assert_eq!(second.post(ping()).await.status, StatusCode::OK);
    assert_eq!(third.post(ping()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn events_come_before_the_answer_and_logs_by_level() {
    let host = session(&World::new()).await;
    let all = host.stream(call(5, "progress")).await.all().await;
    let methods: Vec<_> = all.iter().map(|message| message["method"].as_str()).collect();
    let pair = [Some("notifications/progress"), Some("notifications/message")];
    assert_eq!(
        methods,
        [None, pair[0], pair[1], pair[0], pair[1], pair[0], pair[1], None],
        "the first primes"
    );
    assert_eq!(all[1]["params"]["progressToken"], 5);
    host.post(request(6, "logging/setLevel", json!({ "level": "error" })).to_string()).await;
    let all = host.stream(call(7, "progress")).await.all().await;
    assert!(all.iter().all(|message| message["method"] != "notifications/message"));
}

#[tokio::test]
async fn the_host_is_asked_on_the_open_stream() {
    let host = session(&World::new()).await;
    let mut stream = host.stream(call(1, "ask")).await;
    let asked = stream.message().await;
    assert_eq!(asked["method"], "elicitation/create");
    assert_eq!(asked["params"]["mode"], "form");
    let stranger = host.as_caller("key:other");
    let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "action": "accept", "content": { "name": "Anna" } } });
    assert_eq!(stranger.post(answer.to_string()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.post(answer.to_string()).await.status, StatusCode::ACCEPTED);
    assert_eq!(stream.message().await["result"]["content"][0]["text"], "hello Anna, round 1");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_host_that_refuses_to_answer_fails_the_call() {
    let host = session(&World::new()).await;
    let mut stream = host.stream(call(1, "ask_model")).await;
    let asked = stream.message().await;
    assert_eq!(asked["method"], "sampling/createMessage");
    let refusal = json!({ "jsonrpc": "2.0", "id": asked["id"], "error": { "code": -1, "message": "the person said no" } });
    host.post(refusal.to_string()).await;
    let result = stream.message().await["result"].take();
    assert_eq!(result["isError"], true);
    assert!(result["content"][0]["text"].as_str().unwrap().contains("the person said no"));
}

#[tokio::test]
async fn a_host_that_cannot_be_asked_is_told_so() {
    let plain = HttpHost::new(&World::new());
    for (version, capabilities) in [("2025-11-25", json!({})), ("2025-03-26", json!({ "elicitation": {} }))] {
        let host = plain.initialize(version, capabilities).await;
        let result = host.post(call(1, "ask")).await.json["result"].take();
        assert_eq!(result["isError"], true);
        assert!(result["content"][0]["text"].as_str().unwrap().contains("elicitation"), "{result}");
    }
    let result =
        session(&World::new()).await.header("accept", Some("application/json")).post(call(1, "ask")).await;
    assert_eq!(result.json["result"]["isError"], true, "without a stream there is no way to ask");
}

#[tokio::test]
async fn a_stream_that_broke_off_is_taken_up_where_it_was() {
    let host = session(&World::new()).await;
    let mut stream = host.stream(call(1, "ask")).await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.data, first.retry.as_deref()), (Value::Null, Some("500")));
    let asked = stream.next().await.unwrap();
    drop(stream);
    let answer = json!({ "jsonrpc": "2.0", "id": asked.data["id"], "result": { "action": "accept", "content": { "name": "Ben" } } });
    host.post(answer.to_string()).await;
    let mut rest = resume(&host, asked.id.as_deref().unwrap()).await;
    assert_eq!(rest.message().await["result"]["content"][0]["text"], "hello Ben, round 1");
    let mut whole = resume(&host, first.id.as_deref().unwrap()).await;
    assert_eq!(
        whole.message().await["method"],
        "elicitation/create",
        "from the beginning, if the client wants"
    );
}

#[tokio::test]
async fn only_events_of_this_session_can_be_taken_up() {
    let world = World::new();
    let (host, other) = (session(&world).await, session(&world).await);
    let mut stream = host.stream(call(1, "ask")).await;
    let id = stream.next().await.unwrap().id.unwrap();
    for (host, last) in [(&other, &*id), (&host, "77-1"), (&host, "x"), (&host, "")] {
        let response = host.header("last-event-id", Some(last)).send(Method::GET, "").await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{last:?}");
    }
}

#[tokio::test]
async fn a_long_call_is_polled_when_we_close_its_stream() {
    let settings = HttpSettings { poll_after: Some(Duration::from_millis(500)), ..HttpSettings::default() };
    let host =
        HttpHost::with(&World::new(), settings).initialize("2025-11-25", json!({ "elicitation": {} })).await;
    let mut stream = host.stream(call(1, "ask")).await;
    let (mut last, mut asked) = (None, None);
    while let Some(event) = stream.next().await {
        (last, asked) = (event.id, Some(event.data));
    }
    let answer = json!({ "jsonrpc": "2.0", "id": asked.unwrap()["id"], "result": { "action": "decline" } });
    host.post(answer.to_string()).await;
    let mut rest = resume(&host, &last.unwrap()).await;
    assert_eq!(rest.message().await["result"]["content"][0]["text"], "hello nobody, round 1");
}

#[tokio::test]
async fn older_revisions_get_no_empty_events() {
    let host = HttpHost::new(&World::new()).initialize("2025-06-18", json!({ "elicitation": {} })).await;
    let mut stream = host.stream(call(1, "ask")).await;
    let first = stream.next().await.unwrap().data;
    assert_eq!(first["method"], "elicitation/create");
    assert!(first["params"].get("mode").is_none(), "there was only one mode");
}

#[tokio::test]
async fn a_cancelled_call_stops_and_is_not_answered() {
    let world = World::new();
    let host = session(&world).await;
    let message = call(9, "wait");
    let running = tokio::spawn({
        let host = host.clone();
        async move { host.stream(message).await.all().await }
    });
    world.until_waiting(1).await;
    let cancelled =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 9 } });
    assert_eq!(host.post(cancelled.to_string()).await.status, StatusCode::ACCEPTED);
    world.until_waiting(0).await;
    assert_eq!(running.await.unwrap(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_closed_stream_does_not_cancel_but_the_end_of_the_session_does() {
    let world = World::new();
    let settings = HttpSettings { quiet_max: Duration::from_millis(10), ..HttpSettings::default() };
    let host = HttpHost::with(&world, settings).initialize("2025-11-25", json!({})).await;
    drop(host.stream(call(1, "wait")).await);
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.until_waiting(1).await;
    host.send(Method::DELETE, "").await;
    world.until_waiting(0).await;
}

#[tokio::test]
async fn a_request_id_in_use_is_refused() {
    let world = World::new();
    let host = session(&world).await;
    let running = tokio::spawn({
        let (host, message) = (host.clone(), call(3, "wait"));
        async move { host.post(message).await.status }
    });
    world.until_waiting(1).await;
    let got = host.post(call(3, "echo")).await;
    assert_eq!((got.status, &got.json["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32600)));
    running.abort();
}

#[tokio::test]
async fn changes_come_on_the_standalone_stream_also_those_in_between() {
    let world = World::new();
    let host = session(&world).await;
    let watched = host.post(request(1, "resources/subscribe", json!({ "uri": NOTE })).to_string()).await;
    assert_eq!(watched.json["result"], json!({}));
    world.until_watched(1).await;
    let mut stream = events(host.send(Method::GET, "").await);
    stream.next().await.unwrap();
    world.changes.send(Change::Resource("note://b".to_owned())).unwrap();
    world.changes.send(Change::Resource(NOTE.to_owned())).unwrap();
    let updated = stream.next().await.unwrap();
    assert_eq!(updated.data["params"], json!({ "uri": NOTE }));
    drop(stream);
    world.changes.send(Change::Tools).unwrap();
    let mut again = resume(&host, updated.id.as_deref().unwrap()).await;
    assert_eq!(again.message().await["method"], "notifications/tools/list_changed", "told while nobody read");
    host.post(request(2, "resources/unsubscribe", json!({ "uri": NOTE })).to_string()).await;
    world.until_watched(0).await;
}

#[tokio::test]
async fn the_newest_reader_of_a_stream_has_it() {
    let world = World::new();
    let host = session(&world).await;
    let mut first = events(host.send(Method::GET, "").await);
    first.next().await.unwrap();
    let mut second = events(host.send(Method::GET, "").await);
    assert!(first.next().await.is_none());
    world.changes.send(Change::Prompts).unwrap();
    assert_eq!(second.message().await["method"], "notifications/prompts/list_changed");
}

#[tokio::test]
async fn watching_what_is_not_there_is_an_error() {
    let host = session(&World::new()).await;
    let got = host.post(request(1, "resources/subscribe", json!({ "uri": "note://b" })).to_string()).await;
    assert_eq!(got.json["error"]["code"], -32002);
}

#[tokio::test]
async fn a_batch_is_answered_with_a_batch_where_there_are_batches() {
    let world = World::new();
    let batch = json!([
        request(1, "ping", json!({})),
        { "jsonrpc": "2.0", "method": "notifications/initialized" },
        request(2, "tools/call", json!({ "name": "echo", "arguments": { "text": "hi" } })),
        { "jsonrpc": "2.0", "id": 3 },
    ]);
    let host = HttpHost::new(&world).initialize("2025-03-26", json!({})).await;
    let got = host.post(batch.to_string()).await;
    let ids: Vec<_> = got.json.as_array().unwrap().iter().map(|reply| reply["id"].clone()).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(got.json[2]["error"]["code"], -32600);
    let notice = json!([{ "jsonrpc": "2.0", "method": "notifications/initialized" }]);
    assert_eq!(host.post(notice.to_string()).await.status, StatusCode::ACCEPTED);
    let got = session(&world).await.post(batch.to_string()).await;
    assert_eq!((got.status, &got.json["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32600)));
}

#[tokio::test]
async fn a_modern_request_needs_no_session_and_ignores_one() {
    let host = HttpHost::new(&World::new()).header("mcp-session-id", Some("anything"));
    let got = host.call(&crate::http_host::modern("tools/list", json!({}))).await;
    assert_eq!(got.status, StatusCode::OK);
    assert!(!got.headers.contains_key("mcp-session-id"));
}
