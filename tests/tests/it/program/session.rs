//! A host of an older revision over HTTP: with a session.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Connection, Request};

pub(crate) struct Session {
    connection: Connection,
    key: String,
    pub(crate) session_id: String,
    revision: &'static str,
    id: u64,
}

impl Session {
    pub(crate) fn open(address: SocketAddr, key: &str, revision: &'static str) -> Self {
        Self::open_with(address, key, revision, json!({})).0
    }

    /// A session of a host with these capabilities, and what it was welcomed with.
    pub(crate) fn open_with(
        address: SocketAddr,
        key: &str,
        revision: &'static str,
        capabilities: Value,
    ) -> (Self, Value) {
        let connection = Connection::open(address);
        let mut session =
            Self { connection, key: key.to_owned(), session_id: String::new(), revision, id: 0 };
        let hello = json!({"protocolVersion": revision, "capabilities": capabilities, "clientInfo": {"name": "old", "version": "1"}});
        let request = session.request("initialize", hello);
        let welcome = session.connection.ask(&request);
        assert_eq!(welcome.json()["result"]["protocolVersion"], revision, "{}", welcome.text());
        session.session_id = welcome.header("mcp-session-id").unwrap().to_owned();
        (session, welcome.json()["result"].take())
    }

    pub(crate) fn request(&mut self, method: &str, params: Value) -> Request {
        self.id += 1;
        let body = json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params});
        self.raw("POST", body.to_string())
    }

    /// Any method and body in this session.
    pub(crate) fn raw(&self, method: &str, body: impl Into<Vec<u8>>) -> Request {
        let request = Request::new(method, "/mcp")
            .and("Authorization", format!("Bearer {}", self.key))
            .and("Content-Type", "application/json")
            .and("Accept", "application/json, text/event-stream")
            .body(body);
        if self.session_id.is_empty() {
            return request;
        }
        request.and("Mcp-Session-Id", &self.session_id).and("MCP-Protocol-Version", self.revision)
    }

    /// A connection of its own, for a stream.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.connection.address())
    }

    pub(crate) fn send(&mut self, request: &Request) -> super::Response {
        self.connection.ask(request)
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let request = self.request(method, params);
        self.connection.ask(&request).json()
    }

    pub(crate) fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": name, "arguments": arguments}))
    }
}
