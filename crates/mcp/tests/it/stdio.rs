//! Both eras over stdio.

use drawbridge_contract::Change;
use drawbridge_mcp::{BATCH_MAX, WORKING_MAX};
use serde_json::{Value, json};

use crate::http_host::{meta, modern, request};
use crate::stdio_host::StdioHost;
use crate::world::{NOTE, World};

fn call(id: i64, tool: &str) -> Value {
    let mut message = modern("tools/call", json!({ "name": tool, "arguments": { "text": id.to_string() } }));
    message["id"] = id.into();
    message
}

#[tokio::test]
async fn both_eras_on_one_pipe() {
    let mut host = StdioHost::legacy(&World::new(), "2025-11-25", json!({})).await;
    host.send(&request(1, "tools/call", json!({ "name": "echo", "arguments": { "text": "old" } }))).await;
    let old = host.next().await;
    assert_eq!(
        (old["result"]["content"][0]["text"].as_str(), old["result"].get("resultType")),
        (Some("old"), None)
    );
    host.send(&call(2, "echo")).await;
    assert_eq!(host.next().await["result"]["resultType"], "complete");
    host.send(&modern("initialize", json!({}))).await;
    assert_eq!(host.next().await["error"]["code"], -32601);
}

#[tokio::test]
async fn without_an_era_only_ping_is_answered() {
    let mut host = StdioHost::new(&World::new());
    host.send(&request(1, "ping", json!({}))).await;
    assert_eq!(host.next().await["result"], json!({}));
    for method in ["tools/list", "server/discover", "nonsense"] {
        host.send(&request(2, method, json!({}))).await;
        let error = host.next().await["error"].take();
        assert_eq!(error["code"], -32602);
        assert!(error["message"].as_str().unwrap().contains("initialize"), "{error}");
    }
}

#[tokio::test]
async fn a_slow_call_holds_up_nobody() {
    let world = World::new();
    let mut host = StdioHost::new(&world);
    for id in 0..20 {
        host.send(&call(id, "wait")).await;
    }
    host.send(&call(99, "echo")).await;
    assert_eq!(host.next().await["id"], 99);
    world.until_waiting(20).await;
}

#[tokio::test]
async fn a_cancelled_call_stops_and_is_not_answered() {
    let world = World::new();
    for version in [None, Some("2025-11-25")] {
        let (mut host, message) = match version {
            None => (StdioHost::new(&world), call(5, "wait")),
            Some(version) => (
                StdioHost::legacy(&world, version, json!({})).await,
                request(5, "tools/call", json!({ "name": "wait" })),
            ),
        };
        host.send(&message).await;
        world.until_waiting(1).await;
        host.send(
            &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 5 } }),
        )
        .await;
        world.until_waiting(0).await;
        host.send(&call(6, "echo")).await;
        assert_eq!(host.next().await["id"], 6, "no answer to 5");
    }
}

#[tokio::test]
async fn an_id_in_use_is_refused() {
    let world = World::new();
    let mut host = StdioHost::new(&world);
    host.send(&call(1, "wait")).await;
    host.send(&call(1, "echo")).await;
    assert_eq!(host.next().await["error"]["code"], -32600);
}

#[tokio::test]
async fn the_end_of_the_input_lets_calls_finish() {
    let mut host = StdioHost::new(&World::new());
    let mut message = call(1, "progress");
    message["params"]["_meta"]["progressToken"] = 1.into();
    host.send(&message).await;
    host.close();
    let mut last = Value::Null;
    while let Some(message) = host.try_next().await {
        last = message;
    }
    assert_eq!(last["result"]["content"][0]["text"], "done");
    host.server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_input_cancels_what_does_not_end() {
    let world = World::new();
    let mut host = StdioHost::new(&world);
    host.send(&call(1, "wait")).await;
    world.until_waiting(1).await;
    host.close();
    assert_eq!(host.try_next().await, None);
    assert_eq!(world.waiting.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_it_too() {
    let world = World::new();
    let mut host = StdioHost::new(&world);
    host.send(&call(1, "wait")).await;
    world.until_waiting(1).await;
    host.shutdown.cancel();
    assert_eq!(host.try_next().await, None);
    host.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_last_line_needs_no_end() {
    let mut host = StdioHost::new(&World::new());
    host.bytes(call(1, "echo").to_string().as_bytes()).await;
    host.close();
    assert_eq!(host.next().await["id"], 1);
    assert_eq!(host.try_next().await, None);
}

#[tokio::test]
async fn the_host_is_asked_and_answers() {
    let mut host = StdioHost::legacy(&World::new(), "2025-06-18", json!({ "elicitation": {} })).await;
    host.send(&request(1, "tools/call", json!({ "name": "ask" }))).await;
    let asked = host.next().await;
    assert_eq!(asked["method"], "elicitation/create");
    let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "action": "accept", "content": { "name": "Anna" } } });
    host.send(&answer).await;
    assert_eq!(host.next().await["result"]["content"][0]["text"], "hello Anna, round 1");
    host.send(&answer).await;
    host.send(&request(2, "ping", json!({}))).await;
    assert_eq!(host.next().await["id"], 2, "an answer to nothing is ignored");
}

#[tokio::test]
async fn a_modern_host_is_not_asked_but_told_what_is_needed() {
    let mut host = StdioHost::new(&World::new());
    let able = json!({ "name": "ask", "_meta": meta(&json!({ "elicitation": {} })) });
    host.send(&modern("tools/call", able)).await;
    assert_eq!(host.next().await["result"]["resultType"], "input_required");
}

#[tokio::test]
async fn subscriptions_share_the_pipe_and_are_cancelled_one_by_one() {
    let world = World::new();
    let mut host = StdioHost::new(&world);
    for (id, filter) in
        [("a", json!({ "toolsListChanged": true })), ("b", json!({ "resourceSubscriptions": [NOTE] }))]
    {
        let mut message = modern("subscriptions/listen", json!({ "notifications": filter }));
        message["id"] = id.into();
        host.send(&message).await;
        assert_eq!(host.next().await["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], id);
    }
    world.changes.send(Change::Tools).unwrap();
    assert_eq!(host.next().await["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "a");
    host.send(
        &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "b" } }),
    )
    .await;
    world.until_watched(0).await;
    host.close();
    let farewell = host.next().await;
    assert_eq!((&farewell["id"], &farewell["result"]["resultType"]), (&json!("a"), &json!("complete")));
    assert_eq!(host.try_next().await, None);
}

#[tokio::test]
async fn a_legacy_host_is_told_of_changes() {
    let world = World::new();
    let mut host = StdioHost::legacy(&world, "2025-11-25", json!({})).await;
    host.send(&request(1, "resources/subscribe", json!({ "uri": NOTE }))).await;
    host.next().await;
    world.changes.send(Change::Resource("note://other".to_owned())).unwrap();
    world.changes.send(Change::Resource(NOTE.to_owned())).unwrap();
    assert_eq!(host.next().await["params"], json!({ "uri": NOTE }));
    world.changes.send(Change::Prompts).unwrap();
    assert_eq!(host.next().await["method"], "notifications/prompts/list_changed");
}

#[tokio::test]
async fn b4_bad_lines_are_answered_and_the_next_one_is_served() {
    let mut host = StdioHost::new(&World::new());
    for (line, code) in [
        (&b"\xef\xbb\xbf{}"[..], -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1", -32700),
        (b"{}{}", -32700),
        (b"\xff", -32700),
        (br#"{"jsonrpc":"2.0","id":NaN,"method":"x"}"#, -32700),
        (br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        (b"null", -32600),
        (br#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}"#, -32600),
    ] {
        host.line(line).await;
        let error = host.next().await;
        assert_eq!(error["error"]["code"], code, "{}", String::from_utf8_lossy(line));
    }
    host.line(&vec![b'x'; drawbridge_mcp::LINE_BYTES_MAX + 1]).await;
    assert_eq!(host.next().await["error"]["code"], -32700);
    host.line(b"   ").await;
    host.send(&call(1, "echo")).await;
    assert_eq!(host.next().await["id"], 1);
}

#[tokio::test]
async fn a_batch_is_answered_with_a_batch() {
    let mut host = StdioHost::legacy(&World::new(), "2025-03-26", json!({})).await;
    host.send(&json!([
        request(1, "ping", json!({})),
        request(2, "tools/call", json!({ "name": "fail" })),
        7
    ]))
    .await;
    let replies = host.next().await;
    assert_eq!((&replies[0]["id"], &replies[1]["result"]["isError"]), (&json!(1), &json!(true)));
    assert_eq!(replies[2]["error"]["code"], -32600);
}

#[tokio::test]
async fn batches_are_worked_on_like_what_comes_alone() {
    let world = World::new();
    let mut host = StdioHost::legacy(&world, "2025-03-26", json!({})).await;
    for first in [1, 1 + BATCH_MAX] {
        let waits = (first..first + BATCH_MAX).map(|id| call(i64::try_from(id).unwrap(), "wait"));
        host.send(&Value::from_iter(waits)).await;
    }
    world.until_waiting(WORKING_MAX).await;
    host.send(&request(1000, "ping", json!({}))).await;
    assert_eq!(host.next().await["id"], 1000, "what needs no work is not kept waiting");
    assert_eq!(world.waiting.load(std::sync::atomic::Ordering::SeqCst), WORKING_MAX);
    let cancelled =
        |id| json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
    for id in 1..=BATCH_MAX {
        host.send(&cancelled(id)).await;
    }
    host.send(&request(1001, "ping", json!({}))).await;
    assert_eq!(host.next().await["id"], 1001, "a batch of which nothing is left is not answered");
    world.until_waiting(BATCH_MAX).await;
}

#[tokio::test]
async fn pretty_payloads_stay_one_line() {
    let mut host = StdioHost::new(&World::new());
    host.send(&call(1, "pretty")).await;
    assert_eq!(host.next().await["result"]["content"][0]["text"], "a\nb");
}

#[tokio::test]
async fn a_host_that_closes_its_end_ends_it() {
    let mut host = StdioHost::new(&World::new());
    host.send(&call(1, "echo")).await;
    host.next().await;
    let failed = host.close_output_and_send(&call(2, "echo")).await;
    assert!(failed.is_err());
}
