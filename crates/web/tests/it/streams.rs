//! Live streams.

use std::time::{Duration, Instant};

use bytes::Bytes;
use drawbridge_contract::{Refusal, StreamMode, Target};
use drawbridge_web::{CLOSE_GRACE, FRAME_BYTES_MAX, STREAMS_MAX, VIEWER_MESSAGE_BYTES_MAX};
use futures::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::door::KEY;
use crate::house::{House, Socket, eventually};
use crate::tools::FLOOD_BYTES;

const MAIN: &str = "/api/terminals/main/stream";

async fn next(socket: &mut Socket) -> Message {
    loop {
        let message =
            tokio::time::timeout(Duration::from_secs(60), socket.next()).await.expect("nothing came");
        match message.expect("it ended").unwrap() {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return message,
        }
    }
}

async fn bytes(socket: &mut Socket) -> Bytes {
    match next(socket).await {
        Message::Binary(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

async fn end(socket: &mut Socket) -> (u16, String) {
    loop {
        match next(socket).await {
            Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
            Message::Close(None) => panic!("it ended without a reason"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn bytes_go_both_ways_and_words_go_as_json() {
    let house = House::open().await;
    let mut socket = house.socket(MAIN).await;
    assert_eq!(bytes(&mut socket).await, "hello\r\n");
    socket.send(Message::binary(&b"\x03\xff\x00"[..])).await.unwrap();
    assert_eq!(&bytes(&mut socket).await[..], b"\x03\xff\x00");
    for (said, told) in [
        (r#"{"resize":{"columns":80,"rows":24}}"#, "Resize { columns: 80, rows: 24 }"),
        (r#"{"pause":true}"#, "Pause(true)"),
    ] {
        socket.send(Message::text(said)).await.unwrap();
        let notice: Value = serde_json::from_str(next(&mut socket).await.to_text().unwrap()).unwrap();
        assert_eq!(notice["told"], told);
    }
    socket.send(Message::binary(&b"exit"[..])).await.unwrap();
    assert_eq!(bytes(&mut socket).await, "bye\r\n", "the last output comes before the end");
    assert_eq!(end(&mut socket).await, (1000, "the stream is over".to_owned()));
    let calls = house.door.calls.lock().unwrap();
    let target = Target::Stream { server: "terminal".into(), id: "main".into(), mode: StreamMode::Type };
    assert_eq!((&calls[0].target, calls[0].arguments.text()), (&target, r#"{"mode":"type"}"#));
    assert_eq!(calls.len(), 1, "the door was asked once");
}

#[tokio::test]
async fn who_watches_sees_and_cannot_type() {
    let house = House::open().await;
    let mut socket = house.socket(&format!("{MAIN}?mode=watch")).await;
    assert_eq!(bytes(&mut socket).await, "hello\r\n");
    socket.send(Message::binary(&b"x"[..])).await.unwrap();
    assert_eq!(end(&mut socket).await.0, 1008);
    let mode = house.door.calls.lock().unwrap()[0].target.clone();
    assert!(matches!(mode, Target::Stream { mode: StreamMode::Watch, .. }));
}

#[tokio::test]
async fn a_key_can_come_among_the_protocols_and_is_not_sent_back() {
    let house = House::open().await;
    let offered = format!("drawbridge.terminal.v1, drawbridge.key.{KEY}");
    let mut request =
        format!("ws://{}{MAIN}", house.address).parse::<http::Uri>().map(http::Request::get).unwrap();
    for (name, value) in [
        ("host", house.address.to_string().as_str()),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "MTIzNDU2Nzg5MGFiY2RlZg=="),
        ("sec-websocket-protocol", &offered),
    ] {
        request = request.header(name, value);
    }
    let request = request.uri(MAIN).body(http_body_util::Full::from(Bytes::new())).unwrap();
    let answer = house.send(request).await;
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "drawbridge.terminal.v1");
    let wrong = house.open_socket(MAIN, |request| {
        request.headers_mut().remove("authorization");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", HeaderValue::from_static("drawbridge.key.wrong"));
    });
    assert_eq!(wrong.await.unwrap_err().status(), 401);
}

#[tokio::test]
async fn refusals_are_answers_before_anything_is_open() {
    let house = House::open().await;
    let status = async |path: &str| house.open_socket(path, |_| {}).await.unwrap_err().status().as_u16();
    assert_eq!(status("/api/terminals/other/stream").await, 404);
    assert_eq!(status(&format!("{MAIN}?mode=write")).await, 400);
    assert_eq!(status(&format!("{MAIN}?mode=watch&mode=type")).await, 400);
    assert_eq!(house.get(MAIN).await.kind(), "invalid-request", "not a WebSocket");
    house.door.refuse(Refusal::Denied("no".to_owned()));
    assert_eq!(status(MAIN).await, 403);
    house.door.refuse(Refusal::Raised);
    assert_eq!(status(MAIN).await, 423);
}

#[tokio::test]
async fn a_revoked_key_and_a_raised_bridge_end_what_is_open() {
    let house = House::open().await;
    let (mut first, mut second) =
        (house.socket(MAIN).await, house.socket(&format!("{MAIN}?mode=watch")).await);
    house.door.refuse(Refusal::Raised);
    let begun = Instant::now();
    for socket in [&mut first, &mut second] {
        let (code, reason) = end(socket).await;
        assert!(code == 4403 && reason.contains("raised"), "{code} {reason}");
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());

    let house = House::open().await;
    let mut socket = house.socket(MAIN).await;
    house.keys.revoke();
    let (code, reason) = end(&mut socket).await;
    assert!(code == 4401 && reason.contains("revoked"), "{code} {reason}");
}

#[tokio::test]
async fn what_is_no_message_ends_the_stream_and_says_why() {
    let house = House::open().await;
    for (message, code) in [
        (Message::text("ls\n"), 4400),
        (Message::text(r#"{"resize":{"columns":0,"rows":0}}"#), 4400),
        (Message::binary(vec![b'x'; VIEWER_MESSAGE_BYTES_MAX + 1]), 1009),
    ] {
        let mut socket = house.socket(MAIN).await;
        socket.send(message).await.unwrap();
        assert_eq!(end(&mut socket).await.0, code);
    }
    let mut socket = house.socket(MAIN).await;
    assert_eq!(bytes(&mut socket).await, "hello\r\n", "others are served as before");
}

#[tokio::test]
async fn the_hub_says_goodbye_when_it_ends() {
    let house = House::open().await;
    let mut socket = house.socket(MAIN).await;
    assert_eq!(bytes(&mut socket).await, "hello\r\n");
    house.shutdown.cancel();
    assert_eq!(end(&mut socket).await.0, 1001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_come_whole_and_a_viewer_who_does_not_read_stops_nobody() {
    let house = House::open().await;
    let mut stuck = house.socket(MAIN).await;
    stuck.send(Message::binary(&b"flood"[..])).await.unwrap();

    let mut socket = house.socket(MAIN).await;
    assert_eq!(bytes(&mut socket).await, "hello\r\n");
    let begun = Instant::now();
    socket.send(Message::binary(&b"flood"[..])).await.unwrap();
    let mut received = 0;
    while received < FLOOD_BYTES {
        let piece = bytes(&mut socket).await;
        assert!(piece.len() <= FRAME_BYTES_MAX);
        received += piece.len();
    }
    eprintln!("50 MB through the stream in {:?}", begun.elapsed());
    assert_eq!(received, FLOOD_BYTES);
    house.keys.revoke();
    assert_eq!(end(&mut socket).await.0, 4401);
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_streams_are_opened_than_the_bound_and_each_end_makes_room() {
    let house = House::open().await;
    let mut sockets = Vec::new();
    for _ in 0..STREAMS_MAX {
        sockets.push(house.socket(MAIN).await);
    }
    let refused = house.open_socket(MAIN, |_| {}).await.unwrap_err();
    assert_eq!(refused.status(), 503);
    // One who just goes away, without a goodbye.
    drop(sockets.pop());
    tokio::time::sleep(CLOSE_GRACE / 4).await;
    let mut again = None;
    for _ in 0..1_000 {
        again = house.open_socket(MAIN, |_| {}).await.ok();
        if again.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(again.is_some(), "its place was given back");
    eventually("the door was asked", || house.door.calls.lock().unwrap().len() > STREAMS_MAX).await;
}
