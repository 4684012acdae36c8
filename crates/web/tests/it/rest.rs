//! REST for every tool.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use drawbridge_contract::Refusal;
use drawbridge_web::BODY_BYTES_MAX;
use http_body_util::{BodyExt as _, Full};
use serde_json::json;

use crate::house::{House, eventually};

#[tokio::test]
async fn the_tools_and_each_of_them() {
    let house = House::open().await;
    let all = house.get("/api/tools").await.json();
    let names: Vec<_> =
        all["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names[..4], ["notes_ask", "notes_echo", "notes_fail", "notes_slow"]);
    let echo = house.get("/api/tools/notes_echo").await.json();
    assert_eq!(echo, all["tools"][1]);
    assert_eq!(echo["input_schema"]["required"], json!(["text"]));
    assert_eq!(echo["output_schema"]["properties"]["said"]["type"], "string");
    assert_eq!(echo["annotations"]["read_only"], true);
    assert_eq!(echo["examples"], json!([{"says": "Says hi.", "arguments": {"text": "hi"}, "gives": "hi"}]));
    assert_eq!(house.get("/api/tools/notes_nothing").await.kind(), "not-found");
}

#[tokio::test]
async fn a_call_answers_what_the_tool_says() {
    let house = House::open().await;
    let answer = house.post("/api/tools/notes_echo", r#"{"text": "hi"}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"is_error": false, "content": [{"type": "text", "text": "hi"}], "structured": {"said": "hi"}})
    );
    assert_eq!(answer.headers["cache-control"], "no-store");
    let failed = house.post("/api/tools/notes_fail", r#"{"text": "7"}"#).await;
    assert_eq!((failed.status.as_u16(), &failed.json()["is_error"]), (200, &json!(true)));
    assert_eq!(failed.json()["content"][0]["text"], "no note 7");
    let calls = house.door.calls.lock().unwrap();
    assert_eq!((calls[0].origin.entrance, &*calls[0].caller.id), ("rest", "owner"));
}

#[tokio::test]
async fn the_door_hears_of_the_client_and_its_trace() {
    let house = House::open().await;
    let request = house.request("POST", "/api/tools/notes_echo").header("content-type", "application/json");
    let request =
        request.header("user-agent", "curl/8").header("traceparent", "00-a-b-01").header("tracestate", "x=y");
    house.ask(request.header("drawbridge-can-ask", "form"), r#"{"text": ""}"#).await;
    let calls = house.door.calls.lock().unwrap();
    let origin = &calls[0].origin;
    assert_eq!(&*origin.host.name, "curl/8");
    assert!(origin.host.abilities.elicit_form && !origin.host.abilities.elicit_url);
    assert_eq!(origin.trace.as_ref().unwrap().state.as_deref(), Some("x=y"));
}

#[tokio::test]
async fn each_refusal_has_its_status() {
    let house = House::open().await;
    let (tool, limit) = (|| "notes_echo".into(), Duration::from_secs(60));
    for (refusal, status, kind) in [
        (Refusal::NotFound { kind: "tool", name: tool() }, 404, "not-found"),
        (Refusal::InvalidArguments { tool: tool(), why: "no".to_owned() }, 400, "invalid-arguments"),
        (Refusal::Denied("no".to_owned()), 403, "denied"),
        (Refusal::NeedsApproval("`drawbridge approvals approve x`".to_owned()), 428, "needs-approval"),
        (Refusal::Raised, 423, "raised"),
        (
            Refusal::RateLimited { per_minute: 1, retry_after: Duration::from_millis(1500) },
            429,
            "rate-limited",
        ),
        (Refusal::TimedOut { tool: tool(), limit }, 504, "timed-out"),
        (Refusal::TooLarge { tool: tool(), size_bytes: 2, bytes_max: 1 }, 413, "too-large"),
        (Refusal::BadState("it was altered"), 400, "bad-state"),
        (Refusal::AuditUnavailable("disk full".to_owned()), 503, "unavailable"),
        (Refusal::Internal(tool()), 500, "internal"),
        (Refusal::Cancelled, 503, "cancelled"),
    ] {
        house.door.refuse(refusal.clone());
        let answer = house.post("/api/tools/notes_echo", r#"{"text": "x"}"#).await;
        assert_eq!((answer.status.as_u16(), answer.kind().as_str()), (status, kind));
        assert_eq!(answer.json()["detail"], refusal.to_string());
        assert_eq!(answer.headers.get("retry-after").is_some(), kind == "rate-limited");
    }
    assert_eq!(house.done.finished.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a3_bodies_of_other_types_are_refused() {
    let house = House::open().await;
    for path in ["/api/tools/notes_echo", "/api/tools/notes_echo/answer", "/terminal/cmd"] {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
            let request = house.request("POST", path).header("content-type", kind);
            assert_eq!(house.ask(request, r#"{"text": "x"}"#).await.kind(), "not-json", "{path} {kind}");
        }
        assert_eq!(house.ask(house.request("POST", path), "{}").await.status, 415);
    }
    assert!(house.door.calls.lock().unwrap().is_empty(), "nothing reached the door");
}

#[tokio::test]
async fn b4_bodies_that_are_too_large_or_no_json_are_refused() {
    let house = House::open().await;
    let edge = r#"{"text": ""}"#.len();
    let fits = format!(r#"{{"text": "{}"}}"#, "x".repeat(BODY_BYTES_MAX - edge));
    assert_eq!(house.post("/api/tools/notes_echo", &fits).await.status, 200);
    let answer = house.post("/api/tools/notes_echo", &format!("{fits} ")).await;
    assert_eq!((answer.kind().as_str(), &answer.json()["bytes_max"]), ("too-large", &json!(BODY_BYTES_MAX)));
    for bad in ["", "[]", "{", r#"{"text": "a", "text": "b"}"#, "{}{}", "\u{feff}{}"] {
        assert_eq!(house.post("/api/tools/notes_echo", bad).await.kind(), "invalid-request", "{bad}");
    }
    assert_eq!(house.done.finished.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_a_call_asks_for_comes_back_with_its_answer() {
    let house = House::open().await;
    let asked = house.post("/api/tools/notes_ask", r#"{"text": "tea"}"#).await;
    assert_eq!((asked.status.as_u16(), asked.kind().as_str()), (409, "input-required"));
    let body = asked.json();
    assert_eq!(body["requests"]["who"]["message"], "Who?");
    let again = json!({"arguments": {"text": "tea"}, "responses": {"who": {"name": "Ada"}}, "request_state": body["request_state"]});
    let answer = house.post("/api/tools/notes_ask/answer", &again.to_string()).await;
    assert_eq!(answer.json()["content"][0]["text"], r#"tea with a state: {"name":"Ada"}"#);
    assert_eq!(
        house.post("/api/tools/notes_ask/answer", r#"{"responses": {}}"#).await.kind(),
        "invalid-request"
    );
}

#[tokio::test]
async fn progress_comes_as_events_and_the_result_last() {
    let house = House::open().await;
    let answer = house.post("/api/tools/notes_slow?stream=1", r#"{"text": "go"}"#).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let events: Vec<&str> = answer.text.trim_end().split("\n\n").collect();
    assert_eq!(events.len(), 4, "{events:?}");
    assert_eq!(events[0], "event: progress\ndata: {\"message\":\"go\",\"progress\":1.0,\"total\":3.0}");
    assert!(events[3].starts_with("event: result\ndata: {\"is_error\":false,"), "{}", events[3]);
    let request = house.request("POST", "/api/tools/notes_slow").header("accept", "text/event-stream");
    let answer = house.ask(request.header("content-type", "application/json"), r#"{"text": "go"}"#).await;
    assert!(answer.text.starts_with("event: progress"));
    house.door.refuse(Refusal::Raised);
    let refused = house.post("/api/tools/notes_slow?stream=1", r#"{"text": "go"}"#).await;
    assert_eq!(refused.kind(), "raised", "a refusal keeps its status");
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_call() {
    let house = House::open().await;
    let request = |path: &str| {
        let request = house.request("POST", path).header("content-type", "application/json");
        request.body(Full::from(Bytes::from_static(br#"{"text": "hang"}"#))).unwrap()
    };
    tokio::select! {
        _ = house.send(request("/api/tools/notes_slow")) => panic!("it hangs"),
        () = eventually("the call begins", || !house.door.calls.lock().unwrap().is_empty()) => {}
    }
    eventually("the plain call was stopped", || house.done.stopped.load(Ordering::SeqCst) == 1).await;
    let mut events = house.send(request("/api/tools/notes_slow?stream=1")).await.into_body();
    assert!(events.frame().await.is_some());
    drop(events);
    eventually("the call with events was stopped", || house.done.stopped.load(Ordering::SeqCst) == 2).await;
}

#[tokio::test]
async fn other_methods_and_other_paths_say_so() {
    let house = House::open().await;
    let answer = house.ask(house.request("DELETE", "/api/tools/notes_echo"), "").await;
    assert_eq!(answer.kind(), "wrong-method");
    let allowed = answer.headers["allow"].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    assert_eq!(house.get("/nothing").await.kind(), "not-found");
}
