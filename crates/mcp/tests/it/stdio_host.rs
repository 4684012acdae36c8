//! A host over a pipe.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{Caller, CallerKind, CancellationToken};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::task::JoinHandle;

use crate::world::World;

/// A host over a pipe.
pub(crate) struct StdioHost {
    input: Option<DuplexStream>,
    output: Lines<BufReader<DuplexStream>>,
    pub(crate) server: JoinHandle<std::io::Result<()>>,
    pub(crate) shutdown: CancellationToken,
}

impl StdioHost {
    pub(crate) fn new(world: &World) -> Self {
        let (input, reader) = tokio::io::duplex(64 * 1024);
        let (writer, output) = tokio::io::duplex(64 * 1024);
        let caller = Arc::new(Caller::new("owner", CallerKind::Owner));
        let shutdown = CancellationToken::new();
        let serving = drawbridge_mcp::stdio::serve(world.handler(), caller, reader, writer, shutdown.clone());
        let output = BufReader::new(output).lines();
        Self { input: Some(input), output, server: tokio::spawn(serving), shutdown }
    }

    /// A host that said `initialize`.
    pub(crate) async fn legacy(world: &World, version: &str, capabilities: Value) -> Self {
        let mut host = Self::new(world);
        let params = json!({
            "protocolVersion": version, "capabilities": capabilities, "clientInfo": { "name": "t", "version": "1" },
        });
        host.send(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })).await;
        assert_eq!(host.next().await["result"]["protocolVersion"], version);
        host.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        host
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.line(message.to_string().as_bytes()).await;
    }

    pub(crate) async fn line(&mut self, line: &[u8]) {
        self.bytes(line).await;
        self.bytes(b"\n").await;
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        self.input.as_mut().expect("the input is open").write_all(bytes).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Value {
        self.try_next().await.expect("another line")
    }

    /// The next message; `None` at the end.
    pub(crate) async fn try_next(&mut self) -> Option<Value> {
        let line = tokio::time::timeout(Duration::from_secs(60), self.output.next_line()).await;
        let line = line.expect("a line within a minute").unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    /// Closes the input.
    pub(crate) fn close(&mut self) {
        self.input = None;
    }

    /// Closes the output, sends one more message, and says how the server ended.
    pub(crate) async fn close_output_and_send(mut self, message: &Value) -> std::io::Result<()> {
        let line = format!("{message}\n");
        drop(self.output);
        self.input.as_mut().expect("the input is open").write_all(line.as_bytes()).await.unwrap();
        self.server.await.unwrap()
    }
}
