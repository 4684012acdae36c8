//! The door, as entrances and tools see it.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::{
    BoxFuture, Call, Caller, Change, Completion, ExchangeHandle, Exchanges, Jobs, Live, Outcome,
    PromptResult, Refusal, ResourceResult, Standing, StreamHandle, Suggestions, Target, ToolResult, View,
    Watch,
};

/// What a completed call answers, by its target.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Of a tool.
    Tool(ToolResult),
    /// Of a resource.
    Resource(ResourceResult),
    /// Of a prompt.
    Prompt(PromptResult),
    /// A stream, to be attached to.
    Stream(StreamHandle),
    /// Of an exchange, to be taken.
    Exchange(ExchangeHandle),
}

/// The one door. Every entrance holds an `Arc<dyn Handler>` and nothing else of the gateway.
pub trait Handler: Send + Sync + 'static {
    /// Resolves, validates, authorizes, invokes and records one call. Dropping the future, or cancelling
    /// `live.cancellation`, stops the work; the audit has its end either way.
    fn call(self: Arc<Self>, call: Call, live: Live) -> BoxFuture<'static, Result<Outcome<Answer>, Refusal>>;

    /// Whether what this caller was let reach may stay open: for entrances that hold something open after its call
    /// has ended, such as a stream. Nothing runs and nothing is recorded.
    ///
    /// # Errors
    /// The [`Refusal`] that a new call would get: the bridge was raised, the key is gone, a rule hides it now. A door
    /// that does not say keeps nothing open.
    fn still_allows(&self, _caller: &Caller, target: &Target) -> Result<(), Refusal> {
        Err(Refusal::Denied(format!("nothing says that {target} may stay open")))
    }

    /// Whether this caller's key is still good, as of now: for streams that outlive the request which opened them. Costs
    /// what a call's look at the policy costs; a view may be older.
    fn still_knows(&self, caller: &Caller) -> bool {
        !self.view(caller).is_nobodys()
    }

    /// The servers that answer requests of other protocols, by their names; the same for as long as the door is open.
    fn exchanges(&self) -> Vec<(Box<str>, Arc<dyn Exchanges>)> {
        Vec::new()
    }

    /// Which tier bounds this caller, and what is left of it. Costs what a view costs.
    fn standing(&self, _caller: &Caller) -> Standing {
        Standing::default()
    }

    /// What this caller sees now.
    fn view(&self, caller: &Caller) -> Arc<View>;

    /// Completes what a person types, from what this caller may see.
    fn complete<'a>(
        &'a self,
        caller: &'a Caller,
        request: Completion,
    ) -> BoxFuture<'a, Result<Suggestions, Refusal>>;

    /// Starts to watch a resource that this caller may read.
    fn watch<'a>(&'a self, caller: &'a Arc<Caller>, uri: &'a str) -> BoxFuture<'a, Result<Watch, Refusal>>;

    /// The jobs, where there are any. Putting one in is a [`call`](Self::call) with [`Run::Later`](crate::Run::Later).
    fn jobs(&self) -> Option<Arc<dyn Jobs>> {
        None
    }

    /// A caller by its id, if it may still call: for work that outlives its request, and enters again as who asked for it.
    fn recall(&self, _id: &str) -> Option<Arc<Caller>> {
        None
    }

    /// What the owner decided about this very call, where a rule asks: `None` while nothing is decided. Nothing is
    /// recorded, and a grant is not used up.
    fn decided<'a>(&'a self, _call: &'a Call) -> BoxFuture<'a, Option<bool>> {
        Box::pin(async { None })
    }

    /// Tells what changes. A reader that lags is told so by the channel and should list again.
    fn changes(&self) -> broadcast::Receiver<Change>;
}
