//! The command line as a host: it speaks MCP (2026-07-28) to a running hub, or to a door in this process.

mod hub;
mod inside;
mod pipe;
mod session;
mod worker;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::hub::configured;
use crate::running;

pub(crate) use hub::HubWire;
pub(crate) use inside::InsideWire;
pub(crate) use pipe::HubPipe;
#[cfg(unix)]
pub(crate) use session::SessionKey;
pub(crate) use worker::ToHub;

/// The revision that the command line speaks.
pub(crate) const REVISION: &str = "2026-07-28";

/// A host's side of the wire.
pub(crate) struct Client {
    wire: Wire,
    next_id: u64,
}

enum Wire {
    Hub(HubWire),
    Inside(Box<InsideWire>),
}

/// One request on its way: what both wires need.
pub(crate) struct Request<'a> {
    pub(crate) id: u64,
    pub(crate) method: &'a str,
    /// What the request is about, for the header of that name.
    pub(crate) name: Option<&'a str>,
    pub(crate) body: String,
}

impl Client {
    /// A client of the hub that runs on this state folder, or else of a door opened in this process.
    pub(crate) async fn open() -> Result<Self> {
        Self::connect(false).await
    }

    /// The same, for what is about jobs.
    pub(crate) async fn open_for_jobs() -> Result<Self> {
        Self::connect(true).await
    }

    async fn connect(jobs: bool) -> Result<Self> {
        let (state, config) = configured()?;
        let wire = match running::find(&state) {
            Some(hub) => Wire::Hub(HubWire::open(&state, &hub).await?),
            None => Wire::Inside(Box::new(InsideWire::open(state, config, jobs).await?)),
        };
        Ok(Self { wire, next_id: 1 })
    }

    /// Sends one request and gives its result. Notifications on the way go to `on_event`.
    ///
    /// # Errors
    /// The JSON-RPC error's message, or what went wrong on the wire.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        params: Value,
        on_event: &mut dyn FnMut(&Value),
    ) -> Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        let name = params["name"].as_str().or(params["uri"].as_str()).map(str::to_owned);
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": with_meta(params, id)})
            .to_string();
        let request = Request { id, method, name: name.as_deref(), body };
        let answer = match &mut self.wire {
            Wire::Hub(wire) => wire.send(&request, on_event).await?,
            Wire::Inside(wire) => wire.send(&request, on_event).await?,
        };
        result_of(answer)
    }

    /// How the hub at the other end is; nothing where none runs.
    pub(crate) async fn hub_status(&mut self) -> Result<Value> {
        match &mut self.wire {
            Wire::Hub(wire) => wire.get("/api/status").await,
            Wire::Inside(_) => Ok(Value::Null),
        }
    }

    /// Whether a hub runs at the other end, which goes on when we are gone.
    pub(crate) fn is_hub(&self) -> bool {
        matches!(self.wire, Wire::Hub(_))
    }

    /// Ends the session: short-lived keys are revoked, records written.
    pub(crate) async fn close(self) -> Result<()> {
        match self.wire {
            Wire::Hub(wire) => wire.close().await,
            Wire::Inside(wire) => wire.close().await,
        }
    }
}

/// What every request of this revision carries.
fn with_meta(mut params: Value, id: u64) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": {"name": "drawbridge", "version": env!("CARGO_PKG_VERSION")},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
        "progressToken": id,
    });
    params
}

fn result_of(mut answer: Value) -> Result<Value> {
    match answer["error"]["message"].as_str() {
        Some(message) => bail!("{message}"),
        None => Ok(answer["result"].take()),
    }
}
