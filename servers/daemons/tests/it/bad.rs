//! Daemons that die, hang, flood, lie, and what their neighbours notice of it: nothing.

use std::time::{Duration, Instant};

use drawbridge_contract::kit::Kit;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use crate::desk::{Desk, echo, next, until};

/// What a bad daemon's callers are told, while a good one beside it goes on.
async fn said<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(UnixStream) -> F + Send + 'static,
) -> String {
    let desk = Desk::new();
    desk.describe("bad", &["b"]);
    desk.describe("good", &["b"]);
    desk.daemon("bad", serve);
    desk.daemon("good", echo);
    let kit = desk.open();
    let asked = kit.clone();
    let bad = tokio::spawn(async move { asked.says("bad_b", r#"{"text": "x"}"#).await });
    let begun = Instant::now();
    kit.check("good_b", r#"{"text": "fine"}"#, "fine").await;
    let waited = begun.elapsed();
    assert!(!bad.is_finished() || waited < Duration::from_millis(1_900), "the neighbour waited {waited:?}");
    let said = bad.await.unwrap();
    assert!(said.starts_with("error: the daemon bad could not be asked: "), "{said}");
    until(&kit, "failing", |now| now["daemons"][0]["state"] == "failing").await;
    kit.check("good_b", r#"{"text": "still fine"}"#, "still fine").await;
    said
}

async fn sends(mut stream: UnixStream, bytes: impl AsRef<[u8]>) {
    next(&mut stream).await;
    let _ = stream.write_all(bytes.as_ref()).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn i2_one_that_never_answers() {
    let begun = Instant::now();
    let said = said(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    assert!(said.contains("did not answer within 2 s"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn i2_one_that_floods_without_an_end() {
    let said = said(|mut stream| async move {
        let chunk = vec![b'x'; 1 << 16];
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    assert!(said.contains("without the end of a message") || said.contains("did not answer"), "{said}");
}

#[tokio::test]
async fn i2_one_that_floods_with_notifications() {
    let said = said(|stream| sends(stream, "{\"method\":\"x\"}\0".repeat(2_000))).await;
    assert!(said.contains("notifications instead of an answer"), "{said}");
}

#[tokio::test]
async fn i2_one_that_writes_garbage_or_lies() {
    for (bytes, expected) in [
        (b"garbage\0".to_vec(), "no JSON-RPC"),
        (b"{\"id\":99,\"result\":1}\0".to_vec(), "an id that nobody asked with"),
        (b"{\"id\":1,\"result\":\"\xff\"}\0".to_vec(), "no JSON-RPC"),
        (format!("{{\"id\":1,\"result\":{}}}\0", "[".repeat(10_000)).into_bytes(), "nested deeper"),
    ] {
        let said = said(move |stream| sends(stream, bytes.clone())).await;
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn i2_one_that_dies_in_the_middle() {
    let said = said(|mut stream| async move {
        next(&mut stream).await;
        let _ = stream.write_all(b"{\"id\":1,\"resul").await;
    })
    .await;
    assert!(said.contains("closed the connection without an answer"), "{said}");
}

#[tokio::test]
async fn i2_what_it_says_unasked_is_no_answer_to_the_next_call() {
    let desk = Desk::new();
    desk.describe("a", &["b"]);
    desk.daemon("a", |mut stream| async move {
        while let Some(request) = next(&mut stream).await {
            let id = request["id"].as_u64().unwrap();
            let answer = json!({"id": id, "result": request["params"][0]});
            let next = json!({"id": id + 1, "result": "for another's question"});
            let _ = stream.write_all(format!("{answer}\0{next}\0").as_bytes()).await;
        }
    });
    let kit = desk.open();
    for text in ["one", "two", "three"] {
        kit.check("a_b", &format!(r#"{{"text": "{text}"}}"#), text).await;
    }
}

#[tokio::test]
async fn i3_one_that_fails_is_left_alone_and_says_so() {
    let desk = Desk::new();
    desk.describe("bad", &["b"]);
    desk.daemon("bad", |stream| async move { drop(stream) });
    let kit = desk.open();
    for _ in 0..3 {
        kit.check("bad_b", "{}", "closed the connection").await;
    }
    kit.check("bad_b", "{}", "it failed several times").await;
    kit.check("bad_b", "{}", "tried again in 1 s").await;
}

#[tokio::test]
async fn too_many_calls_at_once_are_refused_at_the_bound() {
    const FITS: usize = 8 + 64;
    let desk = Desk::new();
    desk.describe("slow", &["b"]);
    desk.daemon("slow", |stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    });
    let kit: Kit = desk.open();
    let calls: Vec<_> = (0..FITS + 1)
        .map(|_| {
            let kit = kit.clone();
            tokio::spawn(async move { kit.says("slow_b", "{}").await })
        })
        .collect();
    let mut busy = 0;
    for call in calls {
        busy += usize::from(call.await.unwrap().contains("64 calls waiting"));
    }
    assert_eq!(busy, 1);
}

#[tokio::test]
async fn errors_of_a_daemon_keep_their_code() {
    let desk = Desk::new();
    desk.describe("a", &["b"]);
    desk.daemon("a", |stream| {
        sends(stream, b"{\"id\":1,\"error\":{\"code\":-32010,\"message\":\"no such file\"}}\0")
    });
    let kit = desk.open();
    let failed = kit.call("a_b", "{}").await.unwrap();
    assert!(failed.is_error);
    assert_eq!(failed.content.plain_text(), "no such file (error -32010 of the daemon)");
    assert!(failed.structured.unwrap().get().contains("-32010"));
}
