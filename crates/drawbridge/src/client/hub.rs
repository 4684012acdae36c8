//! The wire to a running hub: Streamable HTTP on loopback.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::session::SessionKey;
use super::{REVISION, Request};
use crate::running::Running;

pub(crate) struct HubWire {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    key: SessionKey,
}

impl HubWire {
    pub(crate) async fn open(state: &Path, hub: &Running) -> Result<Self> {
        let address = hub.address().context("the hub says no address")?;
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("the hub at {address} does not answer"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string(), key: SessionKey::open(state).await? })
    }

    pub(super) async fn send(
        &mut self,
        request: &Request<'_>,
        on_event: &mut dyn FnMut(&Value),
    ) -> Result<Value> {
        let mut http = hyper::Request::post("/mcp")
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key.secret))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header("MCP-Protocol-Version", REVISION)
            .header("Mcp-Method", request.method);
        if let Some(name) = request.name {
            http = http.header("Mcp-Name", name);
        }
        let http = http.body(Full::from(request.body.clone()))?;
        self.sender.ready().await.context("the hub went away")?;
        let response = self.sender.send_request(http).await.context("the hub went away")?;
        answer(response, request.id, on_event).await
    }

    /// What a route of REST answers.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Value> {
        let http = hyper::Request::get(path)
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key.secret))
            .body(Full::default())?;
        let response = self.sender.send_request(http).await.context("the hub went away")?;
        let body = response.into_body().collect().await?.to_bytes();
        serde_json::from_slice(&body).context("the hub's answer is not JSON")
    }

    /// What a route of REST answers to a body, from a person who can be asked.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        let http = hyper::Request::post(path)
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key.secret))
            .header(header::CONTENT_TYPE, "application/json")
            .header("Drawbridge-Can-Ask", "form")
            .body(Full::from(body.to_string()))?;
        self.sender.ready().await.context("the hub went away")?;
        let response = self.sender.send_request(http).await.context("the hub went away")?;
        let body = response.into_body().collect().await?.to_bytes();
        serde_json::from_slice(&body).context("the hub's answer is not JSON")
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.key.close().await
    }
}

/// Reads the answer: one JSON text, or a stream of events of which the last is the answer.
async fn answer(response: Response<Incoming>, id: u64, on_event: &mut dyn FnMut(&Value)) -> Result<Value> {
    let is_stream = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if is_stream {
        return last_event(response.into_body(), id, on_event).await;
    }
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    match serde_json::from_slice::<Value>(&body) {
        Ok(answer) if answer["id"] == id => Ok(answer),
        Ok(other) => bail!(
            "the hub refused: {}",
            other["error"]["message"].as_str().or(other["detail"].as_str()).unwrap_or(status.as_str())
        ),
        Err(_) if status == StatusCode::OK => bail!("the hub's answer is not JSON"),
        Err(_) => bail!("the hub refused with {status}"),
    }
}

async fn last_event(mut body: Incoming, id: u64, on_event: &mut dyn FnMut(&Value)) -> Result<Value> {
    let mut pending = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        pending.extend_from_slice(&data);
        while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let Some(message) =
                line.strip_prefix(b"data:").and_then(|text| serde_json::from_slice::<Value>(text).ok())
            else {
                continue;
            };
            if message["id"] == id {
                // To its end, or the connection could not be used again.
                while body.frame().await.is_some_and(|frame| frame.is_ok()) {}
                return Ok(message);
            }
            on_event(&message);
        }
    }
    bail!("the hub ended the stream before the answer came")
}
