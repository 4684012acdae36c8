//! The load generator against servers that answer well, answer oddly, and lie.

#![expect(clippy::unwrap_used, reason = "a test ends when anything it builds on fails")]

use std::net::SocketAddr;
use std::time::Duration;

use drawbridge_bench::load::Fleet;
use drawbridge_bench::wire::{Dialect, Target};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long a fleet drives in these tests.
const SHORT: Duration = Duration::from_millis(50);

/// What a server sends for a request: given its method and its body.
type Reply = fn(&str, &serde_json::Value) -> String;

/// Serves every connection until the test ends.
async fn serve(reply: Reply) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, reply));
        }
    });
    address
}

async fn converse(stream: TcpStream, reply: Reply) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut line) = (Vec::new(), String::new());
        while {
            line.clear();
            stream.read_line(&mut line).await?
        } > 2
        {
            head.push(line.trim().to_ascii_lowercase());
        }
        let Some(method) = head.first().and_then(|line| line.split(' ').next()).map(str::to_owned) else {
            return Ok(());
        };
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        stream.read_exact(&mut body).await?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        stream.write_all(reply(&method, &body).as_bytes()).await?;
    }
}

fn echoed(request: &serde_json::Value) -> String {
    let text = &request["params"]["arguments"]["message"];
    serde_json::json!({"jsonrpc": "2.0", "id": request["id"], "result": {"content": [{"type": "text", "text": text}]}})
        .to_string()
}

fn plain(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn event_stream(data: &str) -> String {
    let events = format!("id: 1\ndata: \n\ndata: {data}\n\n");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    format!("{head}{:x}\r\n{events}\r\n0\r\n\r\n", events.len())
}

/// Answers in sessions: a session id on `initialize`, and 202 to what follows.
fn in_sessions(method: &str, request: &serde_json::Value) -> String {
    match (method, request["method"].as_str()) {
        ("delete", _) => "HTTP/1.1 204 No Content\r\n\r\n".into(),
        (_, Some("initialize")) => plain(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
            .replace("\r\nContent-Length", "\r\nMcp-Session-Id: s1\r\nContent-Length"),
        (_, Some("notifications/initialized")) => "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".into(),
        _ => event_stream(&echoed(request)),
    }
}

async fn drive(dialect: Dialect, reply: Reply) -> anyhow::Result<usize> {
    let target = Target { address: serve(reply).await, key: "key".into(), dialect };
    let mut fleet = Fleet::open(&target, 4).await?;
    let sample = fleet.drive(SHORT).await?;
    assert!(sample.elapsed >= SHORT && sample.percentile(50.0) <= sample.percentile(99.0));
    fleet.close().await?;
    Ok(sample.calls())
}

#[tokio::test]
async fn answers_with_a_length_are_counted() {
    assert!(drive(Dialect::Stateless, |_, request| plain(&echoed(request))).await.unwrap() > 0);
}

#[tokio::test]
async fn answers_as_event_streams_are_counted() {
    assert!(drive(Dialect::Stateless, |_, request| event_stream(&echoed(request))).await.unwrap() > 0);
}

#[tokio::test]
async fn sessions_are_opened_used_and_ended() {
    assert!(drive(Dialect::Session, in_sessions).await.unwrap() > 0);
}

#[tokio::test]
async fn a_server_that_does_not_echo_ends_the_measurement() {
    let error = drive(Dialect::Stateless, |_, _| {
        plain(r#"{"jsonrpc":"2.0","id":10000000,"result":{"content":[{"text":"hello"}]}}"#)
    });
    let error = format!("{:#}", error.await.unwrap_err());
    assert!(error.contains("got the answer") && error.contains("HTTP/1.1 200 OK"), "{error}");
}

#[tokio::test]
async fn a_server_that_repeats_an_older_answer_ends_the_measurement() {
    let stale = |_: &str, request: &serde_json::Value| {
        let mut request = request.clone();
        request["id"] = 10_000_000.into();
        plain(&echoed(&request))
    };
    assert!(drive(Dialect::Stateless, stale).await.is_err());
}

#[tokio::test]
async fn a_refusal_ends_the_measurement_and_is_quoted() {
    let refuse = |_: &str, _: &serde_json::Value| {
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n\r\nno key".into()
    };
    let error = drive(Dialect::Stateless, refuse).await.unwrap_err().to_string();
    assert!(error.contains("401") && error.contains("no key"), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_up_ends_the_measurement() {
    let cut = |_: &str, _: &serde_json::Value| "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n".to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target =
        Target { address: listener.local_addr().unwrap(), key: "key".into(), dialect: Dialect::Stateless };
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(cut("", &serde_json::Value::Null).as_bytes()).await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let error = Fleet::first_call(&target).await.unwrap_err().to_string();
    assert!(error.contains("before its answer was complete"), "{error}");
}
