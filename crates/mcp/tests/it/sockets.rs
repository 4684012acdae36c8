//! What only a real connection shows: that closing it is noticed.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use drawbridge_contract::{Caller, CallerKind};
use drawbridge_mcp::http::{HttpSettings, router};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http_host::modern;
use crate::world::World;

/// Serves a world on a free port, and connects to it.
async fn connect(world: &World, quiet_max: Duration) -> TcpStream {
    let caller = Arc::new(Caller::new("owner", CallerKind::Owner));
    let settings = HttpSettings { quiet_max, ..HttpSettings::default() };
    let app = router(world.handler(), settings).layer(Extension(caller));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    TcpStream::connect(address).await.unwrap()
}

/// A call of `wait` as bytes.
fn waiting_call() -> String {
    let body = modern("tools/call", json!({ "name": "wait" })).to_string();
    let head = "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: wait\r\n";
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn closing_a_connection_before_the_answer_cancels_the_call() {
    let world = World::new();
    let mut connection = connect(&world, Duration::from_secs(60)).await;
    connection.write_all(waiting_call().as_bytes()).await.unwrap();
    world.until_waiting(1).await;
    drop(connection);
    world.until_waiting(0).await;
}

#[tokio::test]
async fn closing_a_connection_within_the_stream_cancels_the_call() {
    let world = World::new();
    let mut connection = connect(&world, Duration::from_millis(20)).await;
    connection.write_all(waiting_call().as_bytes()).await.unwrap();
    let mut head = [0; 64];
    connection.read_exact(&mut head).await.unwrap();
    assert!(head.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&head));
    world.until_waiting(1).await;
    drop(connection);
    world.until_waiting(0).await;
}
