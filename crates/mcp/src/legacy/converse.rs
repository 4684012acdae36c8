//! A call that may ask the host in between.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Abilities, Answers, CancellationToken, InputRequest, InputRequired, Outcome, Refusal, Sink, ToolError,
};
use serde_json::Value;

use super::peer::Peer;
use crate::convert::{self, Asked, Purpose, RELATED_TASK, lacking, method_of, write_params};
use crate::core::{Asking, Core, Exchange, Work, live, run};
use crate::encode::{Reply, notification, request};
use crate::envelope::Id;
use crate::error::WireError;
use crate::events::{EventSink, Threshold};
use crate::limits::{ASK_TIMEOUT, ROUND_PAUSE, ROUNDS_MAX};
use crate::meta::{Meta, needed_capabilities};
use crate::outbox::Outbox;

/// A call, its host, and the way to it.
struct Conversation {
    core: Arc<Core>,
    peer: Arc<Peer>,
    asking: Asking,
    purpose: Purpose,
    exchange_id: Id,
    caller: Arc<drawbridge_contract::Caller>,
    entrance: &'static str,
    /// Where requests to the host go; in a batch there is no such way.
    outbox: Option<Arc<Outbox>>,
    sink: Option<Arc<dyn Sink>>,
    cancellation: CancellationToken,
}

/// Starts a call.
pub(super) fn call(
    core: &Arc<Core>,
    peer: &Arc<Peer>,
    exchange: Exchange,
    purpose: Purpose,
    asking: Asking,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let (outbox, own) = exchange.outlet.open();
    let progress_token = meta.progress_token()?;
    let (log, version) = (Threshold::Session(peer.level.clone()), peer.version);
    let events = outbox.clone();
    let sink =
        events.map(|outbox| Arc::new(EventSink { outbox, progress_token, log, version }) as Arc<dyn Sink>);
    let cancellation = exchange.cancellation();
    let conversation = Conversation {
        core: core.clone(),
        peer: peer.clone(),
        asking,
        purpose,
        caller: exchange.caller,
        entrance: exchange.entrance,
        exchange_id: exchange.id,
        outbox,
        sink,
        cancellation: cancellation.clone(),
    };
    Ok(Work::Running(run(exchange.entered, own, conversation.go())))
}

impl Conversation {
    /// Calls, asks, and calls again until it is done.
    async fn go(self) -> Reply {
        let mut answers = None;
        for _ in 0..ROUNDS_MAX {
            let mut call = self.asking.clone().into_call(&self.caller, self.entrance);
            call.answers = answers;
            let live = live(&self.cancellation, self.sink.clone());
            match self.core.handler.clone().call(call, live).await {
                Ok(Outcome::InputRequired(needed)) => match self.ask(needed).await {
                    Ok(given) => answers = Some(given),
                    Err(why) => return self.fail(why),
                },
                outcome => return self.reply(outcome),
            }
        }
        self.fail(format!("it asked for input {ROUNDS_MAX} times and still is not content"))
    }

    fn reply(&self, outcome: Result<Outcome<drawbridge_contract::Answer>, Refusal>) -> Reply {
        convert::outcome(self.peer.version, &self.exchange_id, &self.purpose, self.able(), outcome)
    }

    fn fail(&self, why: String) -> Reply {
        self.reply(Err(Refusal::Tool(ToolError::Failed(why))))
    }

    fn able(&self) -> Abilities {
        if self.outbox.is_some() { self.peer.host.abilities } else { Abilities::default() }
    }

    async fn ask(&self, needed: InputRequired) -> Result<Answers, String> {
        if let Some(lacks) = lacking(&needed, self.able()) {
            let lacks = needed_capabilities(lacks);
            return Err(format!(
                "this needs to ask the host for {lacks}, and this host cannot be asked that"
            ));
        }
        if needed.requests.is_empty() {
            tokio::time::sleep(ROUND_PAUSE).await;
        }
        let asked = needed.requests.into_iter().map(|asked| self.ask_one(asked));
        let responses = futures::future::try_join_all(asked).await?.into_iter().collect();
        Ok(Answers { responses, state: needed.state })
    }

    async fn ask_one(&self, (key, asked): Asked) -> Result<(String, Value), String> {
        let outbox = self.outbox.as_ref().ok_or("there is no way to ask the host within a batch")?;
        let response = put(&self.peer, outbox, &asked, None, ASK_TIMEOUT).await;
        response
            .map(|value| (key, value))
            .map_err(|why| format!("the host did not answer {}: {why}", method_of(&asked)))
    }
}

/// Sends one request to the host, on behalf of `task` if it is one that asks, and waits for its response.
pub(super) async fn put(
    peer: &Peer,
    outbox: &Outbox,
    asked: &InputRequest,
    task: Option<&str>,
    timeout: Duration,
) -> Result<Value, String> {
    let mut waiting = peer.expect();
    let number = waiting.number;
    outbox.push(request(number, method_of(asked), |params| {
        write_params(asked, peer.version, params);
        if let Some(task) = task {
            params.object("_meta", |meta| meta.object(RELATED_TASK, |related| related.value("taskId", task)));
        }
    }));
    match tokio::time::timeout(timeout, &mut waiting.response).await {
        Ok(Ok(response)) => response,
        Ok(Err(_closed)) => Err("the connection ended".to_owned()),
        Err(_elapsed) => {
            outbox.push(notification("notifications/cancelled", |params| {
                params.value("requestId", &number);
                params.value("reason", "it took too long");
            }));
            Err(format!("it took longer than {} s", timeout.as_secs()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;

    #[tokio::test(start_paused = true)]
    async fn a_host_that_never_answers_is_given_up_and_told_so() {
        let (peer, outbox) = (Peer::new(Version::V2025_11_25, Arc::default()), Outbox::default());
        let error = put(&peer, &outbox, &InputRequest::ListRoots, None, ASK_TIMEOUT).await.unwrap_err();
        assert!(error.contains("600 s"), "{error}");
        let sent = |outbox: &Outbox| String::from_utf8(outbox.take().unwrap().into()).unwrap();
        assert_eq!(sent(&outbox), r#"{"jsonrpc":"2.0","id":1,"method":"roots/list","params":{}}"#);
        assert!(sent(&outbox).contains(r#""method":"notifications/cancelled","params":{"requestId":1"#));
    }
}
