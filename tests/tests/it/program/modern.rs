//! A host of the modern era (2026-07-28) over HTTP.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Connection, Request, Response};

/// The key of the door's own question.
const APPROVAL: &str = "drawbridge_approval";

/// What a host is, and the connection it keeps.
pub(crate) struct Modern {
    address: SocketAddr,
    key: String,
    capabilities: Value,
    connection: Option<Connection>,
    id: u64,
}

impl Modern {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: key.to_owned(), capabilities: json!({}), connection: None, id: 0 }
    }

    /// The same host, able to show forms.
    pub(crate) fn with_elicitation(mut self) -> Self {
        self.capabilities = json!({"elicitation": {"form": {}}});
        self
    }

    /// The same host, with other capabilities.
    pub(crate) fn with_capabilities(mut self, capabilities: Value) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The request as this host would send it, for tests to change.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Request {
        self.id += 1;
        let names = ["name", "uri", "taskId"].map(|member| params[member].as_str());
        let name = names.into_iter().flatten().next().map(str::to_owned);
        let body =
            json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": self.with_meta(params)});
        let request = self.raw(method, body.to_string());
        match name {
            Some(name) => request.and("Mcp-Name", header_value(&name)),
            None => request,
        }
    }

    /// A POST of any body, with the headers of `method`.
    pub(crate) fn raw(&self, method: &str, body: impl Into<Vec<u8>>) -> Request {
        Request::new("POST", "/mcp")
            .and("Authorization", format!("Bearer {}", self.key))
            .and("Content-Type", "application/json")
            .and("Accept", "application/json, text/event-stream")
            .and("MCP-Protocol-Version", "2026-07-28")
            .and("Mcp-Method", method)
            .body(body)
    }

    pub(crate) fn with_meta(&self, mut params: Value) -> Value {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
        });
        params
    }

    /// A connection of its own, for a stream.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    pub(crate) fn send(&mut self, request: &Request) -> Response {
        let address = self.address;
        let connection = self.connection.get_or_insert_with(|| Connection::open(address));
        connection.send(request);
        match connection.read() {
            Some(response) => response,
            // It was closed after the answer before; once more on a fresh one.
            None => self.connection.insert(Connection::open(address)).ask(request),
        }
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let request = self.request(method, params);
        self.send(&request).json()
    }

    /// The whole answer to a call of a tool.
    pub(crate) fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": name, "arguments": arguments}))
    }

    /// A call in a later round, with what the owner said to the door's question.
    pub(crate) fn answer(&mut self, name: &str, arguments: Value, state: &str, decision: &str) -> Value {
        let responses = json!({APPROVAL: {"action": "accept", "content": {"decision": decision}}});
        let params =
            json!({"name": name, "arguments": arguments, "inputResponses": responses, "requestState": state});
        self.ask("tools/call", params)
    }

    /// What a tool says when it does what it should.
    pub(crate) fn text(&mut self, name: &str, arguments: Value) -> String {
        let answer = self.tool(name, arguments);
        assert!(went_well(&answer), "{name}: {answer}");
        answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }
}

/// A text as the value of a header: as it is, or in Base64 where headers could not carry it.
fn header_value(text: &str) -> String {
    let is_plain = text.trim() == text && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if is_plain { text.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(text)) }
}

/// Whether an answer is a result, and not an error of one kind or the other.
pub(crate) fn went_well(answer: &Value) -> bool {
    answer["result"]["isError"] == false && answer["result"]["resultType"] == "complete"
}
