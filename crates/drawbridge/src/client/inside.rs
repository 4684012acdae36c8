//! The wire to a door in this process: the same messages as over stdio, through a pipe in memory.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Request;
use crate::config::Config;
use crate::hub::Hub;

/// How much may be on its way in one direction before the writer waits.
const PIPE_BYTES: usize = 64 * 1024;

pub(crate) struct InsideWire {
    hub: Hub,
    server: JoinHandle<()>,
    to_server: WriteHalf<DuplexStream>,
    from_server: tokio::io::Lines<BufReader<ReadHalf<DuplexStream>>>,
    /// The request whose answer has not come; its caller may have given it up.
    waiting_for: Option<u64>,
}

impl InsideWire {
    /// With `jobs`, those are open, too; nothing runs them.
    pub(crate) async fn open(state: PathBuf, config: Config, jobs: bool) -> Result<Self> {
        let hub = Hub::open(state, config)?;
        if jobs {
            crate::jobs::look(&hub).await?;
        }
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let (read, write) = tokio::io::split(far);
        let (gateway, owner) = (hub.gateway.clone(), hub.gateway.owner());
        let server = tokio::spawn(async move {
            if let Err(error) =
                drawbridge_mcp::stdio::serve(gateway, owner, read, write, CancellationToken::new()).await
            {
                tracing::warn!(%error, "the pipe in memory ended badly");
            }
        });
        let (from_server, to_server) = tokio::io::split(near);
        Ok(Self {
            hub,
            server,
            to_server,
            from_server: BufReader::new(from_server).lines(),
            waiting_for: None,
        })
    }

    pub(super) async fn send(
        &mut self,
        request: &Request<'_>,
        on_event: &mut dyn FnMut(&Value),
    ) -> Result<Value> {
        self.waiting_for = Some(request.id);
        self.to_server.write_all(format!("{}\n", request.body).as_bytes()).await?;
        loop {
            let line =
                self.from_server.next_line().await?.context("the door closed before the answer came")?;
            let message: Value = serde_json::from_str(&line)?;
            if message["id"] == request.id {
                self.waiting_for = None;
                return Ok(message);
            }
            on_event(&message);
        }
    }

    pub(super) async fn close(mut self) -> Result<()> {
        if let Some(id) = self.waiting_for {
            self.to_server.write_all(cancelled(id).as_bytes()).await?;
        }
        self.to_server.shutdown().await?;
        // What nobody waits for any more still has to leave the pipe, or who writes it would wait for room for ever.
        let mut from_server = self.from_server;
        let emptied = async { while let Ok(Some(_)) = from_server.next_line().await {} };
        let (served, ()) = tokio::join!(self.server, emptied);
        served?;
        self.hub.close().await
    }
}

/// Says that nobody waits for the answer to a request any more, so that whatever makes it stops at once.
fn cancelled(id: u64) -> String {
    let params = json!({"requestId": id, "reason": "given up at the command line"});
    format!("{}\n", json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}))
}
