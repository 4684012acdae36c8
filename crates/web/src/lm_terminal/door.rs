//! Tools, called through the door.

use std::sync::Arc;

use drawbridge_contract::{
    Answer, Arguments, BoxFuture, Call, Caller, Handler, Live, Origin, Outcome, Refusal, Target, ToolResult,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Who calls, and how.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) caller: Arc<Caller>,
    pub(super) origin: Origin,
}

/// Why a tool gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The door refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The tool could not do it.
    #[error("{0}")]
    Failed(String),
}

/// What the older clients cannot answer.
const ASK_FIRST: &str =
    "the owner must approve this first: `drawbridge approvals list` shows the question; then send it again";

impl Door {
    /// Calls a tool and reads its structured result. Dropped, the call stops.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        tool: &'static str,
        arguments: Value,
    ) -> BoxFuture<'static, Result<T, Fault>> {
        let members = match arguments {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        let target = Target::Tool(tool.into());
        let call = Call::new(self.caller.clone(), target, Arguments::from_map(members), self.origin.clone());
        let outcome = self.handler.clone().call(call, Live::default());
        Box::pin(async move {
            match outcome.await? {
                Outcome::Complete(Answer::Tool(result)) => read(tool, &result),
                Outcome::InputRequired(_) => Err(Refusal::NeedsApproval(ASK_FIRST.to_owned()).into()),
                _ => Err(Refusal::Internal(tool.into()).into()),
            }
        })
    }
}

fn read<T: DeserializeOwned>(tool: &str, result: &ToolResult) -> Result<T, Fault> {
    if result.is_error {
        return Err(Fault::Failed(result.content.plain_text()));
    }
    let structured = result.structured.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
    structured.ok_or_else(|| Refusal::Internal(tool.into()).into())
}
