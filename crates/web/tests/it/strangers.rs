//! Every route of the table, asked by those who must not be answered.

use drawbridge_web::paths;
use http::HeaderValue;

use crate::door::KEY;
use crate::house::{Answer, House};

/// A path that fits the route, and would be served to the owner.
fn real(path: &str) -> String {
    path.replace("{name}", "notes_echo").replace("{id}", "main")
}

async fn ask(house: &House, method: &str, path: &str, change: impl Fn(&mut http::HeaderMap)) -> Answer {
    let mut request =
        house.request(&method.to_uppercase(), &real(path)).header("content-type", "application/json");
    if path.ends_with("/stream") {
        request = request.header("connection", "upgrade").header("upgrade", "websocket");
        request = request
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "MTIzNDU2Nzg5MGFiY2RlZg==");
    }
    change(request.headers_mut().unwrap());
    let body = if path.ends_with("/answer") {
        r#"{"arguments": {"text": "x"}}"#
    } else {
        r#"{"text": "x", "cmd": "x"}"#
    };
    house.ask(request, body).await
}

#[tokio::test]
async fn a7_no_route_answers_a_stranger() {
    let house = House::open().await;
    for (method, path) in paths().filter(|(_, path)| *path != "/health") {
        for stranger in [None, Some("Bearer wrong"), Some(""), Some("Basic the-owners-key"), Some("bearer")] {
            let answer = ask(&house, method, path, |headers| {
                headers.remove("authorization");
                if let Some(value) = stranger {
                    headers.insert("authorization", HeaderValue::from_static(value));
                }
            });
            let answer = answer.await;
            assert_eq!(answer.status, 401, "{method} {path} {stranger:?}: {}", answer.text);
            assert!(answer.headers.contains_key("www-authenticate") && answer.json()["detail"].is_string());
        }
    }
    assert!(house.door.calls.lock().unwrap().is_empty(), "nothing reached the door");
}

#[tokio::test]
async fn a1_no_route_answers_under_a_foreign_name() {
    let house = House::open().await;
    for (method, path) in paths() {
        for host in ["evil.test", "127.0.0.1.evil", ""] {
            let host = HeaderValue::from_static(host);
            let answer =
                ask(&house, method, path, |headers| drop(headers.insert("host", host.clone()))).await;
            assert_eq!(answer.kind(), "foreign-host", "{method} {path} {host:?}");
        }
    }
    assert!(house.door.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a2_a6_no_route_answers_a_foreign_page_streams_included() {
    let house = House::open().await;
    for (method, path) in paths() {
        for origin in ["null", "http://evil.test", "http://localhost", "file://"] {
            let origin = HeaderValue::from_static(origin);
            let answer =
                ask(&house, method, path, |headers| drop(headers.insert("origin", origin.clone()))).await;
            assert_eq!(answer.kind(), "foreign-origin", "{method} {path} {origin:?}");
        }
    }
    assert!(house.door.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_owner_is_answered_by_every_route() {
    let house = House::open().await;
    for (method, path) in paths().filter(|(_, path)| !path.ends_with("/stream") && !needs_jobs(path)) {
        let answer = ask(&house, method, path, |_| {}).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
    }
}

/// What is about jobs is answered where there are some, in the stories of the whole house.
fn needs_jobs(path: &str) -> bool {
    ["/api/jobs", "/api/schedules", "/api/webhooks"].iter().any(|kept| path.starts_with(kept))
}

#[tokio::test]
async fn where_no_jobs_are_kept_their_routes_say_so() {
    let house = House::open().await;
    for (method, path) in paths().filter(|(_, path)| needs_jobs(path)) {
        let answer = ask(&house, method, path, |_| {}).await;
        let says_so = answer.kind() == "unavailable";
        // A body that is no job, no answer and no tool's arguments is refused before.
        assert!(
            says_so || method != "get" && answer.status.is_client_error(),
            "{method} {path}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn a_key_in_the_url_or_in_another_header_is_none() {
    let house = House::open().await;
    for path in
        [format!("/api/tools?key={KEY}"), format!("/api/terminals/main/stream?key={KEY}&access_token={KEY}")]
    {
        let answer = ask(&house, "get", &path, |headers| {
            headers.remove("authorization");
            headers.insert("x-api-key", HeaderValue::from_static(KEY));
            // Only a request for a stream may bring its key so.
            if !path.contains("stream") {
                let offered = format!("drawbridge.key.{KEY}");
                headers.insert("sec-websocket-protocol", offered.parse().unwrap());
            }
        });
        assert_eq!(answer.await.kind(), "no-key", "{path}");
    }
}
