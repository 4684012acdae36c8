//! A host over HTTP, without sockets: requests go straight to the router, and dropping a response closes its connection.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::response::Response;
use drawbridge_contract::{Caller, CallerKind};
use drawbridge_mcp::http::{HttpSettings, router};
use futures::StreamExt;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::World;

/// A host over HTTP.
#[derive(Clone)]
pub(crate) struct HttpHost {
    router: Router,
    caller: Option<Arc<Caller>>,
    /// Sent with every request.
    headers: Vec<(String, String)>,
}

/// What came back.
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body as JSON; `null` if it is empty.
    pub(crate) json: Value,
}

impl HttpHost {
    pub(crate) fn new(world: &World) -> Self {
        Self::with(world, HttpSettings::default())
    }

    pub(crate) fn with(world: &World, settings: HttpSettings) -> Self {
        let headers =
            [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { router: router(world.handler(), settings), caller: Some(caller("owner")), headers }
    }

    /// The same host, with another caller's key.
    pub(crate) fn as_caller(&self, id: &str) -> Self {
        Self { caller: Some(caller(id)), ..self.clone() }
    }

    /// The same host, with nobody's key.
    pub(crate) fn as_nobody(&self) -> Self {
        Self { caller: None, ..self.clone() }
    }

    /// The same host, with another value of a header; `None` for none.
    pub(crate) fn header(&self, name: &str, value: Option<&str>) -> Self {
        let mut host = self.clone();
        host.headers.retain(|(known, _)| known != name);
        host.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        host
    }

    pub(crate) async fn send(&self, method: Method, body: impl Into<Body>) -> Response {
        let mut request = Request::builder().method(method).uri("/mcp");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(body.into()).unwrap();
        if let Some(caller) = &self.caller {
            request.extensions_mut().insert(caller.clone());
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Posts, and reads the whole answer.
    pub(crate) async fn post(&self, body: impl Into<Body>) -> Got {
        got(self.send(Method::POST, body).await).await
    }

    /// Posts and gives the answer's events.
    pub(crate) async fn stream(&self, body: impl Into<Body>) -> Events {
        events(self.send(Method::POST, body).await)
    }

    /// A modern request, with the headers that belong to it.
    pub(crate) fn modern(&self, message: &Value) -> Self {
        let params = &message["params"];
        let method = message["method"].as_str();
        let name = match method {
            Some("tools/call" | "prompts/get") => params["name"].as_str(),
            Some("resources/read") => params["uri"].as_str(),
            _ => None,
        };
        self.header("mcp-protocol-version", Some("2026-07-28"))
            .header("mcp-method", method)
            .header("mcp-name", name)
    }

    /// Sends a modern request and reads the whole answer.
    pub(crate) async fn call(&self, message: &Value) -> Got {
        self.modern(message).post(message.to_string()).await
    }

    /// Says `initialize`, and gives the host with its session.
    pub(crate) async fn initialize(&self, version: &str, capabilities: Value) -> Self {
        let params = json!({
            "protocolVersion": version, "capabilities": capabilities, "clientInfo": { "name": "t", "version": "1" },
        });
        let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let got = self.post(message.to_string()).await;
        assert_eq!(got.json["result"]["protocolVersion"], version, "{}", got.json);
        let session = got.headers["mcp-session-id"].to_str().unwrap();
        let host = self.header("mcp-session-id", Some(session)).header("mcp-protocol-version", Some(version));
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(host.post(ready.to_string()).await.status, StatusCode::ACCEPTED);
        host
    }
}

fn caller(id: &str) -> Arc<Caller> {
    Arc::new(Caller::new(id, CallerKind::Key))
}

async fn got(response: Response) -> Got {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let json =
        if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap_or_default() };
    Got { status: parts.status, headers: parts.headers, json }
}

/// The metadata that every modern request carries.
pub(crate) fn meta(capabilities: &Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

/// A modern request.
pub(crate) fn modern(method: &str, mut params: Value) -> Value {
    if params["_meta"].is_null() {
        params["_meta"] = meta(&json!({}));
    }
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// A request of a session.
pub(crate) fn request(id: i64, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// The events of a stream, one after the other.
pub(crate) struct Events {
    body: BodyDataStream,
    rest: String,
}

/// One event.
#[derive(Debug, PartialEq)]
pub(crate) struct SseEvent {
    pub(crate) id: Option<String>,
    pub(crate) retry: Option<String>,
    /// `null` when there is no data.
    pub(crate) data: Value,
}

pub(crate) fn events(response: Response) -> Events {
    assert_eq!(response.headers()["content-type"], "text/event-stream", "status {}", response.status());
    Events { body: response.into_body().into_data_stream(), rest: String::new() }
}

impl Events {
    /// The next event; `None` at the end. Comments are skipped.
    pub(crate) async fn next(&mut self) -> Option<SseEvent> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let event = parse(block);
                self.rest = rest.to_owned();
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.body.next()).await;
            let chunk = chunk.expect("an event within a minute")?.unwrap();
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event's message.
    pub(crate) async fn message(&mut self) -> Value {
        loop {
            let event = self.next().await.expect("another event");
            if !event.data.is_null() {
                return event.data;
            }
        }
    }

    /// All messages until the end.
    pub(crate) async fn all(mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event.data);
        }
        all
    }
}

fn parse(block: &str) -> Option<SseEvent> {
    let field = |name: &str| {
        let mut lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        lines.next().map(|value| value.trim().to_owned())
    };
    let data = field("data")?;
    let data = if data.is_empty() { Value::Null } else { serde_json::from_str(&data).unwrap() };
    Some(SseEvent { id: field("id"), retry: field("retry"), data })
}
