//! A WebSocket to the hub, one message at a time.

use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::program::{Bridge, PATIENCE};

pub(super) struct Socket(WebSocket<TcpStream>);

impl Socket {
    /// Opens one with this key.
    ///
    /// # Errors
    /// The status of the refusal.
    pub(super) fn open(bridge: &Bridge, path: &str, key: &str) -> Result<Self, u16> {
        let mut request = format!("ws://{}{path}", bridge.hub.address()).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        let stream = TcpStream::connect(bridge.hub.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(other) => panic!("{path}: {other}"),
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).unwrap();
    }

    /// The next message that is not about the connection itself.
    pub(super) fn next(&mut self) -> Message {
        loop {
            match self.0.read().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// The next JSON object.
    pub(super) fn json(&mut self) -> Value {
        loop {
            match self.next() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => panic!("it was closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Reads bytes until they hold `expected`.
    pub(super) fn shows(&mut self, expected: &str) -> String {
        let (mut seen, begun) = (Vec::new(), Instant::now());
        while !String::from_utf8_lossy(&seen).contains(expected) {
            assert!(begun.elapsed() < PATIENCE, "no {expected:?} in {:?}", String::from_utf8_lossy(&seen));
            match self.next() {
                Message::Binary(bytes) => seen.extend_from_slice(&bytes),
                Message::Close(frame) => panic!("closed with {frame:?} before {expected:?}"),
                _ => {}
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// The code with which it is closed, and why.
    pub(super) fn end(&mut self) -> (u16, String) {
        loop {
            match self.next() {
                Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
                Message::Close(None) => panic!("it was closed without a reason"),
                _ => {}
            }
        }
    }
}
