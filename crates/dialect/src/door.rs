//! The door, as the methods of the dialect use it: one caller, and calls on its behalf.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::{
    Answer, Arguments, Call, Caller, Cancellation, ExchangeReply, ExchangeRequest, Handler, Live, Origin,
    Outcome, Refusal, Target, ToolResult, View,
};
use drawbridge_mcp::Asked;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::error::{Fault, OldError, PERMISSION};

/// The door, for one request.
pub(crate) struct Door {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) caller: Arc<Caller>,
    entrance: &'static str,
    cancellation: Cancellation,
}

/// What a tool answered.
pub(crate) struct Found {
    /// Its structured data; `null` where it has none.
    pub(crate) data: Value,
    /// Its content blocks.
    pub(crate) blocks: Vec<Value>,
    /// Its `_meta`.
    pub(crate) meta: Value,
}

impl Door {
    pub(crate) fn new(handler: Arc<dyn Handler>, asked: &Asked) -> Self {
        let (caller, cancellation) = (asked.caller.clone(), asked.cancellation.clone());
        Self { handler, caller, entrance: asked.entrance, cancellation }
    }

    /// What this caller sees now.
    pub(crate) fn view(&self) -> Arc<View> {
        self.handler.view(&self.caller)
    }

    /// Calls a tool. Its failure is told in the codes that begin at `base`.
    pub(crate) async fn call(
        &self,
        base: i32,
        tool: &str,
        arguments: Map<String, Value>,
    ) -> Result<Found, OldError> {
        let result = self.result(tool, arguments).await?;
        match result.is_error {
            true => Err(OldError::of_tool(base, fault_of(&result), result.content.plain_text())),
            false => Ok(Found::of(&result)),
        }
    }

    /// Calls a tool, whatever it answers.
    pub(crate) async fn result(
        &self,
        tool: &str,
        arguments: Map<String, Value>,
    ) -> Result<ToolResult, OldError> {
        match self.pass(Target::Tool(tool.into()), arguments).await? {
            Answer::Tool(result) => Ok(result),
            _ => Err(Refusal::Internal(tool.into()).into()),
        }
    }

    /// Sends a request of another protocol. The audit gets a fingerprint of its body, which may be long and private.
    pub(crate) async fn exchange(&self, target: Target, body: &Bytes) -> Result<ExchangeReply, OldError> {
        let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        let print =
            Map::from_iter([("bytes".to_owned(), json!(body.len())), ("sha256".to_owned(), json!(digest))]);
        match self.pass(target, print).await? {
            Answer::Exchange(handle) => {
                handle.take().ok_or_else(|| Refusal::Internal("exchange".into()).into())
            }
            _ => Err(Refusal::Internal("exchange".into()).into()),
        }
    }

    async fn pass(&self, target: Target, arguments: Map<String, Value>) -> Result<Answer, OldError> {
        let origin = Origin { entrance: self.entrance, ..Origin::default() };
        let what = target.to_string();
        let call = Call::new(self.caller.clone(), target, Arguments::from_map(arguments), origin);
        let live = Live { cancellation: self.cancellation.child_token(), sink: None };
        match self.handler.clone().call(call, live).await? {
            Outcome::Complete(answer) => Ok(answer),
            Outcome::InputRequired(_) => Err(ask_first(&what)),
            Outcome::Accepted(job) => Err(OldError::internal(format!(
                "{what} runs in the background as job {job}; `drawbridge jobs show {job}` tells what came of it"
            ))),
        }
    }
}

/// A request for a body of another protocol.
pub(crate) fn exchange_target(server: &str, path: &str, body: Bytes) -> Target {
    let (server, path) = (server.into(), path.into());
    Target::Exchange(Box::new(ExchangeRequest { server, path, body, ..ExchangeRequest::default() }))
}

/// This dialect has no way to ask back.
fn ask_first(what: &str) -> OldError {
    let why = format!(
        "the owner must approve {what} first: `drawbridge approvals list` shows the question; then send it again"
    );
    OldError::new(PERMISSION, why)
}

/// What kind of failure the gateway noted in the result's `_meta`.
fn fault_of(result: &ToolResult) -> Fault {
    let meta = result.meta.as_ref().and_then(|meta| serde_json::from_str::<Value>(meta.get()).ok());
    match meta.as_ref().and_then(|meta| meta[ToolResult::ERROR_KIND].as_str()) {
        Some("invalid") => Fault::Invalid,
        Some("refused") => Fault::Refused,
        Some("not_found") => Fault::NotFound,
        _ => Fault::Failed,
    }
}

impl Found {
    fn of(result: &ToolResult) -> Self {
        let value = |raw: &Option<Box<drawbridge_contract::RawValue>>| {
            raw.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or(Value::Null)
        };
        let blocks = result.content.parse().unwrap_or_default();
        Self { data: value(&result.structured), blocks, meta: value(&result.meta) }
    }
}
