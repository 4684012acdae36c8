//! Pipes of hosts that `drawbridge stdio` hands on.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{Caller, CancellationToken};
use drawbridge_web::{PIPES_MAX, Pipe, STDIO_PATH, STDIO_PROTOCOL};
use http_body_util::Empty;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::house::House;

/// What the house serves in a pipe: it says who is there, gives back what it hears, and says goodbye.
pub(crate) async fn echo(caller: Arc<Caller>, pipe: Pipe, end: CancellationToken) {
    let (mut read, mut write) = split(pipe);
    write.write_all(caller.id.as_bytes()).await.unwrap();
    let _ = end.run_until_cancelled(tokio::io::copy(&mut read, &mut write)).await;
    let _ = write.write_all(b"bye").await;
}

/// Opens a pipe, or gives the status of the refusal.
async fn open(house: &House) -> Result<TokioIo<Upgraded>, u16> {
    let stream = TcpStream::connect(house.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    let request = house.request("GET", STDIO_PATH).header("connection", "upgrade");
    let request = request.header("upgrade", STDIO_PROTOCOL).body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    match answer.status().as_u16() {
        101 => Ok(TokioIo::new(hyper::upgrade::on(answer).await.unwrap())),
        other => Err(other),
    }
}

async fn says(pipe: &mut TokioIo<Upgraded>, expected: &str) {
    let mut heard = vec![0; expected.len()];
    timeout(Duration::from_secs(60), pipe.read_exact(&mut heard)).await.expect("nothing came").unwrap();
    assert_eq!(String::from_utf8(heard).unwrap(), expected);
}

async fn ends(mut pipe: TokioIo<Upgraded>) {
    let mut rest = Vec::new();
    timeout(Duration::from_secs(60), pipe.read_to_end(&mut rest)).await.expect("it stays open").unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn bytes_go_both_ways_and_the_last_words_arrive_after_the_hosts_end() {
    let house = House::open().await;
    let mut pipe = open(&house).await.unwrap();
    says(&mut pipe, "owner").await;
    pipe.write_all(b"{}\n\x00\xff".escape_ascii().to_string().as_bytes()).await.unwrap();
    says(&mut pipe, r"{}\n\x00\xff").await;
    pipe.shutdown().await.unwrap();
    says(&mut pipe, "bye").await;
    ends(pipe).await;
}

#[tokio::test]
async fn a_revoked_key_ends_a_pipe_and_so_does_the_hub() {
    let house = House::open().await;
    let mut pipe = open(&house).await.unwrap();
    says(&mut pipe, "owner").await;
    house.keys.revoke();
    says(&mut pipe, "bye").await;
    ends(pipe).await;

    let house = House::open().await;
    let mut pipe = open(&house).await.unwrap();
    says(&mut pipe, "owner").await;
    house.shutdown.cancel();
    says(&mut pipe, "bye").await;
    ends(pipe).await;
}

#[tokio::test]
async fn pipes_are_bounded_and_one_that_ends_makes_room() {
    let house = House::open().await;
    let mut pipes = Vec::new();
    for _ in 0..PIPES_MAX {
        pipes.push(open(&house).await.unwrap());
    }
    assert_eq!(open(&house).await.err(), Some(503));
    drop(pipes.pop());
    for _ in 0..3_000 {
        if open(&house).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no room was made");
}

#[tokio::test]
async fn a7_no_stranger_and_nothing_but_a_pipe_is_let_in() {
    let house = House::open().await;
    let ask = async |upgrade: &'static str, change: fn(&mut http::HeaderMap)| {
        let request = house.request("GET", STDIO_PATH).header("connection", "upgrade");
        let mut request = request.header("upgrade", upgrade);
        change(request.headers_mut().unwrap());
        house.ask(request, "").await
    };
    let nothing = |_: &mut http::HeaderMap| {};
    for (upgrade, change, kind) in [
        (
            STDIO_PROTOCOL,
            (|headers| drop(headers.remove("authorization"))) as fn(&mut http::HeaderMap),
            "no-key",
        ),
        (
            STDIO_PROTOCOL,
            |headers| drop(headers.insert("authorization", "Bearer wrong".parse().unwrap())),
            "unknown-key",
        ),
        (
            STDIO_PROTOCOL,
            |headers| drop(headers.insert("host", "evil.test".parse().unwrap())),
            "foreign-host",
        ),
        (
            STDIO_PROTOCOL,
            |headers| drop(headers.insert("origin", "http://evil.test".parse().unwrap())),
            "foreign-origin",
        ),
        ("websocket", nothing, "invalid-request"),
        ("h2c", nothing, "invalid-request"),
    ] {
        let answer = ask(upgrade, change).await;
        assert_eq!(answer.kind(), kind, "{upgrade}: {}", answer.text);
    }
    assert_eq!(house.get(STDIO_PATH).await.kind(), "invalid-request");
}
