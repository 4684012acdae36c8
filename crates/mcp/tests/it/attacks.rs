//! The attacks of the protocol's own list, over HTTP. The same bytes over stdio are in `stdio.rs`.

use std::sync::atomic::Ordering;

use axum::body::Body;
use drawbridge_contract::Change;
use drawbridge_mcp::http::HttpSettings;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::http_host::{HttpHost, events, modern, request};
use crate::world::{NOTE, World};

fn host() -> HttpHost {
    HttpHost::new(&World::new())
}

/// Sends text as the body of a modern `tools/call` of `safe`.
async fn code(text: impl Into<Body>) -> (StatusCode, Value) {
    let headers = modern("tools/call", json!({ "name": "safe" }));
    let got = host().modern(&headers).post(text).await;
    (got.status, got.json["error"]["code"].clone())
}

#[tokio::test]
async fn a3_a_form_of_another_page_is_refused() {
    let message = modern("tools/call", json!({ "name": "echo" }));
    for kind in
        [Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data"), None]
    {
        let got = host().modern(&message).header("content-type", kind).post(message.to_string()).await;
        assert_eq!(got.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind:?}");
    }
}

#[tokio::test]
async fn a7_nobody_is_served_without_a_caller() {
    let message = modern("tools/list", json!({}));
    let nobody = host().modern(&message).as_nobody().header("mcp-session-id", Some("x"));
    for method in [Method::POST, Method::GET, Method::DELETE] {
        assert_eq!(nobody.send(method, message.to_string()).await.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn b2_names_that_stand_there_twice_are_refused() {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let twice = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"safe","name":"danger",{meta}}}}}"#
    );
    assert_eq!(code(twice).await, (StatusCode::OK, json!(-32602)));
    let method = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"tools/list","params":{{{meta}}}}}"#
    );
    assert_eq!(code(method).await, (StatusCode::BAD_REQUEST, json!(-32600)));
    let arguments = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"safe","arguments":{{"a":1,"a":2}},{meta}}}}}"#
    );
    assert_eq!(code(arguments).await.1, json!(-32602));
}

#[tokio::test]
async fn b2_names_in_other_cases_mean_nothing() {
    let mut message = modern("tools/call", json!({ "name": "echo", "arguments": { "text": "x" } }));
    message["params"]["Name"] = "fail".into();
    message["params"]["NAME"] = "fail".into();
    message["Method"] = "tools/list".into();
    let got = host().call(&message).await;
    assert_eq!(got.json["result"]["content"][0]["text"], "x");
}

#[tokio::test]
async fn b3_headers_that_disagree_with_the_body_are_refused() {
    let message = modern("tools/call", json!({ "name": "echo", "arguments": {} }));
    let cases: [(&str, Option<&str>); 8] = [
        ("mcp-name", Some("danger")),
        ("mcp-name", Some("ECHO")),
        ("mcp-name", None),
        ("mcp-name", Some("=?base64?ZGFuZ2Vy?=")),
        ("mcp-method", Some("tools/list")),
        ("mcp-method", None),
        ("mcp-protocol-version", Some("2025-11-25")),
        ("mcp-protocol-version", None),
    ];
    for (name, value) in cases {
        let got = host().modern(&message).header(name, value).post(message.to_string()).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{name}: {value:?}");
        assert_eq!(
            (&got.json["error"]["code"], &got.json["id"]),
            (&json!(-32020), &json!(1)),
            "{name}: {value:?}"
        );
    }
    let encoded = host().modern(&message).header("mcp-name", Some("=?base64?ZWNobw==?="));
    assert_eq!(encoded.post(message.to_string()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn b3_mirrored_arguments_agree_with_their_headers() {
    let with = |arguments: Value| modern("tools/call", json!({ "name": "region", "arguments": arguments }));
    let send = async |arguments: Value, header: Option<&str>| {
        let message = with(arguments);
        host().modern(&message).header("mcp-param-region", header).post(message.to_string()).await
    };
    assert_eq!(send(json!({ "region": "eu" }), Some("eu")).await.status, StatusCode::OK);
    assert_eq!(send(json!({ "region": "é" }), Some("=?base64?w6k=?=")).await.status, StatusCode::OK);
    assert_eq!(send(json!({ "region": null }), None).await.status, StatusCode::OK);
    assert_eq!(send(json!({}), None).await.status, StatusCode::OK);
    for (arguments, header) in [
        (json!({ "region": "eu" }), Some("us")),
        (json!({ "region": "eu" }), None),
        (json!({}), Some("eu")),
        (json!({ "region": "eu" }), Some("=?base64?!!?=")),
    ] {
        let got = send(arguments.clone(), header).await;
        assert_eq!(
            (got.status, &got.json["error"]["code"]),
            (StatusCode::BAD_REQUEST, &json!(-32020)),
            "{arguments}"
        );
    }
}

#[tokio::test]
async fn b4_what_is_not_one_json_message_gets_the_right_error() {
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let parse = (StatusCode::BAD_REQUEST, json!(-32700));
    let invalid = (StatusCode::BAD_REQUEST, json!(-32600));
    assert_eq!(code(format!("\u{feff}{request}")).await, parse, "a byte order mark");
    assert_eq!(code(format!("{request}{request}")).await, parse, "two roots");
    assert_eq!(code(&request[..20]).await, parse, "cut off");
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":NaN,"method":"x"}"#).await, parse, "NaN");
    assert_eq!(
        code(r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\udc00"}}"#).await,
        parse,
        "half a pair"
    );
    assert_eq!(code(&b"{\"a\":\"\xc3\x28\"}"[..]).await, parse, "not UTF-8");
    assert_eq!(code("").await, parse, "nothing");
    assert_eq!(code(format!("[{request}]")).await, invalid, "a batch where there is none");
    assert_eq!(code("[]").await, invalid, "an empty batch");
}

#[tokio::test]
async fn b4_deep_nesting_is_refused_and_the_process_lives() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let message = modern("tools/call", json!({ "name": "safe", "arguments": { "deep": "HERE" } }));
    let text = message.to_string().replace("\"HERE\"", &deep);
    assert_eq!(code(text).await, (StatusCode::BAD_REQUEST, json!(-32700)));
    assert_eq!(code(deep).await, (StatusCode::BAD_REQUEST, json!(-32600)), "a batch in a batch in a batch");
}

#[tokio::test]
async fn b4_a_body_beyond_the_bound_is_refused() {
    let settings = HttpSettings { body_bytes_max: 1000, ..HttpSettings::default() };
    let host = HttpHost::with(&World::new(), settings);
    let message = modern("tools/call", json!({ "name": "echo", "arguments": { "text": "" } }));
    let padded = |len: usize| {
        let missing = len - message.to_string().len();
        message.to_string().replace("\"text\":\"\"", &format!("\"text\":\"{}\"", "x".repeat(missing)))
    };
    let host = host.modern(&message);
    assert_eq!(host.post(padded(1000)).await.status, StatusCode::OK);
    assert_eq!(host.post(padded(1001)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let declared = host.header("content-length", Some("67108864")).post("{}").await;
    assert_eq!(declared.status, StatusCode::PAYLOAD_TOO_LARGE, "refused before it is read");
}

#[tokio::test]
async fn b7_answers_reach_only_those_who_asked() {
    let host = host();
    let clients = (0..100).map(|client| {
        let host = host.as_caller(&format!("key:{client}"));
        async move {
            for call in 0..50 {
                let mut message = modern(
                    "tools/call",
                    json!({ "name": "echo", "arguments": { "text": format!("{client}/{call}") } }),
                );
                message["id"] = json!(client * 1000 + call);
                let got = host.call(&message).await;
                assert_eq!(got.json["id"], message["id"]);
                assert_eq!(got.json["result"]["content"][0]["text"], format!("{client}/{call}"));
            }
        }
    });
    futures::future::join_all(clients).await;
}

#[tokio::test]
async fn c2_a_session_with_another_key_is_not_there() {
    let host = host().initialize("2025-11-25", json!({})).await;
    let thief = host.as_caller("key:thief");
    let message = request(1, "tools/list", json!({})).to_string();
    assert_eq!(thief.post(message.clone()).await.status, StatusCode::NOT_FOUND);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(thief.send(method, "").await.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(host.post(message).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_revoked_key_hears_of_no_file_on_the_streams_it_opened_before() {
    let world = World::new();
    let listening = modern(
        "subscriptions/listen",
        json!({ "notifications": { "toolsListChanged": true, "resourceSubscriptions": [NOTE] } }),
    );
    let host = HttpHost::new(&world);
    let mut modern_stream = host.modern(&listening).stream(listening.to_string()).await;
    let session = host.initialize("2025-11-25", json!({})).await;
    session.post(request(1, "resources/subscribe", json!({ "uri": NOTE })).to_string()).await;
    let mut legacy_stream = events(session.send(Method::GET, "").await);
    assert_eq!(modern_stream.message().await["method"], "notifications/subscriptions/acknowledged");
    world.until_watched(2).await;
    world.changes.send(Change::Resource(NOTE.to_owned())).unwrap();
    for stream in [&mut modern_stream, &mut legacy_stream] {
        assert_eq!(stream.message().await["method"], "notifications/resources/updated");
    }
    world.is_revoked.store(true, Ordering::SeqCst);
    world.changes.send(Change::Resource(NOTE.to_owned())).unwrap();
    world.changes.send(Change::Tools).unwrap();
    for stream in [&mut modern_stream, &mut legacy_stream] {
        assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    }
}
