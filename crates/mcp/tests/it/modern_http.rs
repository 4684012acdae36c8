//! 2026-07-28 over HTTP.

use std::time::Duration;

use drawbridge_contract::{CancellationToken, Change};
use drawbridge_mcp::http::HttpSettings;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::http_host::{HttpHost, events, meta, modern};
use crate::world::{NOTE, World};

#[tokio::test]
async fn discovery_names_all_revisions_and_is_private() {
    let got = HttpHost::new(&World::new()).call(&modern("server/discover", json!({}))).await;
    let result = &got.json["result"];
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(result["resultType"], "complete");
    assert_eq!(
        result["supportedVersions"],
        json!(["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
    );
    assert_eq!(result["instructions"], "Ask the world.");
    assert_eq!(result["cacheScope"], "private");
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "drawbridge");
    assert_eq!(result["capabilities"]["resources"], json!({ "subscribe": true, "listChanged": true }));
}

#[tokio::test]
async fn a_call_is_answered_with_its_own_id() {
    let host = HttpHost::new(&World::new());
    let mut message = modern("tools/call", json!({ "name": "echo", "arguments": { "text": "hi" } }));
    for id in [json!(7), json!("seven"), json!(-1)] {
        message["id"] = id.clone();
        let got = host.call(&message).await;
        assert_eq!((got.status, &got.json["id"]), (StatusCode::OK, &id));
        assert_eq!(got.json["result"]["content"], json!([{ "type": "text", "text": "hi" }]));
        assert_eq!(got.json["result"]["isError"], false);
        assert_eq!(got.json["result"]["resultType"], "complete");
    }
}

#[tokio::test]
async fn structured_results_and_errors_of_tools_are_results() {
    let host = HttpHost::new(&World::new());
    let got = host.call(&modern("tools/call", json!({ "name": "structured" }))).await;
    assert_eq!(got.json["result"]["structuredContent"], json!({ "n": 1 }));
    let got = host.call(&modern("tools/call", json!({ "name": "fail" }))).await;
    assert_eq!(got.json["result"]["isError"], true);
    assert_eq!(got.json["result"]["content"][0]["text"], "it did not work");
    let got = host.call(&modern("tools/call", json!({ "name": "nothing" }))).await;
    assert_eq!((got.status, &got.json["error"]["code"]), (StatusCode::OK, &json!(-32602)));
}

#[tokio::test]
async fn lists_reads_prompts_and_completions() {
    let host = HttpHost::new(&World::new());
    for (method, member) in [
        ("tools/list", "tools"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
        ("prompts/list", "prompts"),
    ] {
        let result = host.call(&modern(method, json!({}))).await.json["result"].take();
        assert!(!result[member].as_array().unwrap().is_empty(), "{result}");
        assert_eq!((&result["cacheScope"], result["ttlMs"].is_u64()), (&json!("private"), true));
    }
    let read = host.call(&modern("resources/read", json!({ "uri": NOTE }))).await.json;
    assert_eq!(read["result"]["contents"], json!([{ "uri": NOTE, "text": "hello" }]));
    assert_eq!((&read["result"]["ttlMs"], &read["result"]["cacheScope"]), (&json!(0), &json!("private")));
    let prompt = host
        .call(&modern("prompts/get", json!({ "name": "praise", "arguments": { "subject": "rain" } })))
        .await;
    assert_eq!(prompt.json["result"]["messages"][0]["content"]["text"], "Praise rain");
    let complete = json!({ "ref": { "type": "ref/prompt", "name": "praise" }, "argument": { "name": "subject", "value": "r" } });
    let completed = host.call(&modern("completion/complete", complete)).await.json["result"].take();
    assert_eq!(completed["completion"], json!({ "values": ["rust", "rain"], "total": 2, "hasMore": false }));
    let known = json!({
        "ref": { "type": "ref/resource", "uri": "note://{id}" }, "argument": { "name": "id", "value": "" },
        "context": { "arguments": { "folder": "in " } },
    });
    let completed = host.call(&modern("completion/complete", known.clone())).await.json["result"].take();
    assert_eq!(completed["completion"]["values"], json!(["in a"]), "what is filled in already goes along");
    for bad in [json!(1), json!({ "arguments": ["x"] }), json!({ "arguments": { "folder": 1 } })] {
        let mut known = known.clone();
        known["context"] = bad;
        assert_eq!(host.call(&modern("completion/complete", known)).await.json["error"]["code"], -32602);
    }
}

#[tokio::test]
async fn a_missing_resource_is_told_with_its_uri() {
    let got =
        HttpHost::new(&World::new()).call(&modern("resources/read", json!({ "uri": "note://b" }))).await;
    assert_eq!(got.json["error"]["code"], -32602);
    assert_eq!(got.json["error"]["data"]["uri"], "note://b");
}

#[tokio::test]
async fn a_cursor_that_is_not_ours_is_refused() {
    let got = HttpHost::new(&World::new()).call(&modern("tools/list", json!({ "cursor": "nonsense" }))).await;
    assert_eq!(got.json["error"]["code"], -32602);
}

#[tokio::test]
async fn pages_lead_to_all_tools() {
    let host = HttpHost::with(&World::new(), HttpSettings { page_size: 4, ..HttpSettings::default() });
    let (mut names, mut params) = (Vec::new(), json!({}));
    loop {
        let result = host.call(&modern("tools/list", params)).await.json["result"].take();
        names.extend(result["tools"].as_array().unwrap().iter().map(|tool| tool["name"].to_string()));
        match result["nextCursor"].as_str() {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => break,
        }
    }
    assert_eq!(names.len(), 11);
    assert!(names.is_sorted());
}

#[tokio::test]
async fn what_every_request_must_carry_is_checked() {
    let host = HttpHost::new(&World::new());
    let complete = meta(&json!({}));
    for missing in ["io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities"] {
        let mut meta = complete.clone();
        meta.as_object_mut().unwrap().remove(missing);
        let got = host.call(&modern("tools/list", json!({ "_meta": meta }))).await;
        assert_eq!(
            (got.status, &got.json["error"]["code"]),
            (StatusCode::BAD_REQUEST, &json!(-32602)),
            "{missing}"
        );
        assert_eq!(got.json["id"], 1);
        assert!(got.json["error"]["message"].as_str().unwrap().contains(missing));
    }
    let mut meta = complete.clone();
    meta.as_object_mut().unwrap().remove("io.modelcontextprotocol/clientInfo");
    assert_eq!(host.call(&modern("tools/list", json!({ "_meta": meta }))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_revision_that_we_do_not_speak_is_told_which_we_do() {
    let host = HttpHost::new(&World::new());
    for (version, in_meta) in [("2099-01-01", true), ("2099-01-01", false)] {
        let mut params = json!({});
        if in_meta {
            params["_meta"] = meta(&json!({}));
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = version.into();
        }
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params });
        let host = host.modern(&message).header("mcp-protocol-version", Some(version));
        let got = host.post(message.to_string()).await;
        assert_eq!((got.status, &got.json["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32022)));
        assert_eq!(got.json["error"]["data"]["requested"], version);
        assert!(got.json["error"]["data"]["supported"].as_array().unwrap().contains(&json!("2026-07-28")));
    }
}

#[tokio::test]
async fn methods_of_other_eras_are_not_found() {
    let host = HttpHost::new(&World::new());
    for method in
        ["initialize", "ping", "logging/setLevel", "resources/subscribe", "tasks/get", "TOOLS/LIST", ""]
    {
        let got = host.call(&modern(method, json!({}))).await;
        assert_eq!(
            (got.status, &got.json["error"]["code"]),
            (StatusCode::NOT_FOUND, &json!(-32601)),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_tool_asks_and_the_retry_answers() {
    let host = HttpHost::new(&World::new());
    let able = meta(&json!({ "elicitation": {} }));
    let first = host.call(&modern("tools/call", json!({ "name": "ask", "_meta": able }))).await.json;
    let result = &first["result"];
    assert_eq!(result["resultType"], "input_required");
    assert_eq!(result["inputRequests"]["name"]["method"], "elicitation/create");
    assert_eq!(result["inputRequests"]["name"]["params"]["message"], "Your name?");
    let answered = json!({
        "name": "ask", "_meta": able, "requestState": result["requestState"],
        "inputResponses": { "name": { "action": "accept", "content": { "name": "Anna" } } },
    });
    let second = host.call(&modern("tools/call", answered)).await.json;
    assert_eq!(second["result"]["content"][0]["text"], "hello Anna, round 1");
}

#[tokio::test]
async fn a_host_is_not_asked_what_it_did_not_say_it_can() {
    let host = HttpHost::new(&World::new());
    for (tool, capabilities, needed) in [
        ("ask_model", json!({ "elicitation": {} }), json!({ "sampling": {} })),
        ("ask", json!({ "sampling": {} }), json!({ "elicitation": { "form": {} } })),
        ("ask", json!({ "elicitation": { "url": {} } }), json!({ "elicitation": { "form": {} } })),
    ] {
        let got =
            host.call(&modern("tools/call", json!({ "name": tool, "_meta": meta(&capabilities) }))).await;
        assert_eq!((got.status, &got.json["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32021)));
        assert_eq!(got.json["error"]["data"]["requiredCapabilities"], needed);
    }
}

fn with_progress(log_level: Option<&str>) -> Value {
    let mut meta = meta(&json!({}));
    meta["progressToken"] = "p".into();
    if let Some(level) = log_level {
        meta["io.modelcontextprotocol/logLevel"] = level.into();
    }
    modern("tools/call", json!({ "name": "progress", "_meta": meta }))
}

#[tokio::test]
async fn progress_makes_the_answer_a_stream() {
    let host = HttpHost::new(&World::new());
    let message = with_progress(None);
    let all = host.modern(&message).stream(message.to_string()).await.all().await;
    let methods: Vec<&str> = all.iter().filter_map(|message| message["method"].as_str()).collect();
    assert_eq!(methods, ["notifications/progress"; 3], "no log was asked for");
    assert_eq!(
        all[1]["params"],
        json!({ "progressToken": "p", "progress": 2, "total": 3, "message": "going" })
    );
    assert_eq!(all.last().unwrap()["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn logs_come_from_the_level_on_that_was_asked_for() {
    let host = HttpHost::new(&World::new());
    for (level, expected) in [("debug", 3), ("info", 3), ("warning", 0)] {
        let message = with_progress(Some(level));
        let all = host.modern(&message).stream(message.to_string()).await.all().await;
        assert_eq!(
            all.iter().filter(|event| event["method"] == "notifications/message").count(),
            expected,
            "{level}"
        );
    }
    let got = host.call(&with_progress(Some("loud"))).await;
    assert_eq!(got.json["error"]["code"], -32602);
}

#[tokio::test]
async fn a_client_that_takes_no_streams_gets_json_and_one_that_takes_no_json_a_stream() {
    let host = HttpHost::new(&World::new());
    let message = with_progress(None);
    let got =
        host.modern(&message).header("accept", Some("application/json")).post(message.to_string()).await;
    assert_eq!(got.json["result"]["content"][0]["text"], "done");
    let message = modern("tools/list", json!({}));
    let streamed =
        host.modern(&message).header("accept", Some("text/event-stream")).stream(message.to_string()).await;
    assert!(streamed.all().await[0]["result"]["tools"].is_array());
    let unknown = modern("nonsense", json!({}));
    let missing =
        host.modern(&unknown).header("accept", Some("text/event-stream")).post(unknown.to_string()).await;
    assert_eq!((missing.status, &missing.json["error"]["code"]), (StatusCode::NOT_FOUND, &json!(-32601)));
    let refused = host.modern(&message).header("accept", Some("text/html")).post(message.to_string()).await;
    assert_eq!(refused.status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn closing_the_connection_cancels_the_call() {
    let world = World::new();
    let message = modern("tools/call", json!({ "name": "wait" }));
    let host = |quiet_max| {
        let settings = HttpSettings { quiet_max, ..HttpSettings::default() };
        HttpHost::with(&world, settings).modern(&message)
    };
    // Once while nothing was answered yet, and once while the stream is open.
    let silent = host(Duration::from_secs(600));
    let early = silent.send(Method::POST, message.to_string());
    tokio::select! {
        biased;
        _ = early => panic!("it answered"),
        () = world.until_waiting(1) => {}
    }
    world.until_waiting(0).await;
    let open = host(Duration::from_millis(100)).send(Method::POST, message.to_string()).await;
    assert_eq!(open.headers()["content-type"], "text/event-stream", "silence becomes a stream");
    world.until_waiting(1).await;
    drop(open);
    world.until_waiting(0).await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_kept_alive() {
    let world = World::new();
    let host = HttpHost::new(&world);
    let message = modern("tools/call", json!({ "name": "wait" }));
    let response = host.modern(&message).send(Method::POST, message.to_string()).await;
    let mut body = response.into_body().into_data_stream();
    let first = futures::StreamExt::next(&mut body).await.unwrap().unwrap();
    assert_eq!(&first[..], b":\n\n");
}

fn listen(filter: Value) -> Value {
    let mut message = modern("subscriptions/listen", json!({ "notifications": filter }));
    message["id"] = "sub".into();
    message
}

#[tokio::test]
async fn a_subscription_tells_what_was_asked_for_and_nothing_else() {
    let world = World::new();
    let host = HttpHost::new(&world);
    let message = listen(json!({ "toolsListChanged": true, "resourceSubscriptions": [NOTE, "note://b"] }));
    let mut stream = host.modern(&message).stream(message.to_string()).await;
    let acknowledged = stream.message().await;
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    let agreed = json!({ "toolsListChanged": true, "resourceSubscriptions": [NOTE] });
    assert_eq!(acknowledged["params"]["notifications"], agreed, "what cannot be watched is left out");
    world.until_watched(1).await;
    for change in [Change::Prompts, Change::Resources, Change::Resource("note://b".to_owned()), Change::Tools]
    {
        world.changes.send(change).unwrap();
    }
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    world.changes.send(Change::Resource(NOTE.to_owned())).unwrap();
    let updated = stream.message().await;
    assert_eq!(
        updated["params"],
        json!({ "_meta": { "io.modelcontextprotocol/subscriptionId": "sub" }, "uri": NOTE })
    );
    drop(stream);
    world.until_watched(0).await;
}

#[tokio::test]
async fn a_subscriber_that_missed_changes_is_told_to_list_again() {
    let world = World::new();
    let message = listen(json!({ "toolsListChanged": true, "promptsListChanged": true }));
    let mut stream = HttpHost::new(&world).modern(&message).stream(message.to_string()).await;
    stream.message().await;
    for _ in 0..50 {
        world.changes.send(Change::Resources).unwrap();
    }
    let mut told =
        [stream.message().await["method"].to_string(), stream.message().await["method"].to_string()];
    told.sort();
    assert_eq!(told, [r#""notifications/prompts/list_changed""#, r#""notifications/tools/list_changed""#]);
}

#[tokio::test]
async fn subscriptions_say_goodbye_when_we_end() {
    let shutdown = CancellationToken::new();
    let settings = HttpSettings { shutdown: shutdown.clone(), ..HttpSettings::default() };
    let message = listen(json!({}));
    let mut stream =
        HttpHost::with(&World::new(), settings).modern(&message).stream(message.to_string()).await;
    stream.message().await;
    shutdown.cancel();
    let farewell = stream.message().await;
    assert_eq!((&farewell["id"], &farewell["result"]["resultType"]), (&json!("sub"), &json!("complete")));
    assert_eq!(farewell["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "sub");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn one_subscription_watches_a_bounded_number_of_resources() {
    let uris: Vec<String> =
        (0..=drawbridge_mcp::WATCHES_MAX).map(|number| format!("note://{number}")).collect();
    let got = HttpHost::new(&World::new()).call(&listen(json!({ "resourceSubscriptions": uris }))).await;
    assert_eq!(got.json["error"]["code"], -32602);
}

#[tokio::test]
async fn streams_and_sessions_of_old_do_not_exist() {
    let host = HttpHost::new(&World::new()).header("mcp-protocol-version", Some("2026-07-28"));
    for method in [Method::GET, Method::DELETE] {
        let response = host.send(method, "").await;
        assert_eq!(
            (response.status(), &response.headers()["allow"]),
            (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap())
        );
    }
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/anything" });
    assert_eq!(host.post(notification.to_string()).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn pretty_payloads_stay_one_line_in_a_stream() {
    let message = modern("tools/call", json!({ "name": "pretty" }));
    let host = HttpHost::new(&World::new()).modern(&message).header("accept", Some("text/event-stream"));
    let all = events(host.send(Method::POST, message.to_string()).await).all().await;
    assert_eq!(all[0]["result"]["content"][0]["text"], "a\nb");
}
