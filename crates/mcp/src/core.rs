//! What every connection shares, and one request on its way through it.

use std::sync::Arc;

use drawbridge_contract::{
    Arguments, BoxFuture, Call, Caller, CancellationToken, Change, Handler, Host, Live, Origin, Sink, Target,
    TraceContext,
};

use crate::encode::Reply;
use crate::envelope::Id;
use crate::error::WireError;
use crate::in_flight::Entered;
use crate::listen::Listening;
use crate::lists::Lists;
use crate::meta::Meta;
use crate::mirrored::Mirrored;
use crate::outbox::Outbox;
use crate::params::Params;
use crate::per_view::PerView;
use crate::running::Running;
use crate::tasks::Backgrounds;

/// What every connection shares.
pub(crate) struct Core {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) lists: Lists,
    pub(crate) mirrored: Mirrored,
    pub(crate) backgrounds: PerView<Backgrounds>,
}

impl Core {
    pub(crate) fn new(handler: Arc<dyn Handler>, page_size: usize) -> Arc<Self> {
        let (lists, mirrored, backgrounds) = (Lists::new(page_size), Mirrored::default(), PerView::default());
        Arc::new(Self { handler, lists, mirrored, backgrounds })
    }
}

/// Whether this caller may hear of a change now. A stream outlives the key that opened it: one that was revoked since
/// must not learn which files change, and while the bridge is raised nobody does.
pub(crate) fn may_hear(handler: &dyn Handler, caller: &Caller, change: &Change) -> bool {
    match change {
        Change::Resource(uri) => handler.still_allows(caller, &Target::Resource(uri.as_str().into())).is_ok(),
        // That a list changed says nothing of what is in it.
        Change::Tools | Change::Resources | Change::Prompts => true,
    }
}

/// Says whether this caller's key is still good, for streams that outlive the request which opened them.
pub(crate) fn still_known(core: &Arc<Core>, caller: &Arc<Caller>) -> impl Fn() -> bool + Send + use<> {
    let (core, caller) = (core.clone(), caller.clone());
    move || core.handler.still_knows(&caller)
}

/// One request, and where its answer and events go.
pub(crate) struct Exchange {
    pub(crate) caller: Arc<Caller>,
    /// For the audit: `mcp.http` or `mcp.stdio`.
    pub(crate) entrance: &'static str,
    pub(crate) id: Id,
    pub(crate) outlet: Outlet,
    /// Its place among those that can be cancelled by a message; over modern HTTP there is none.
    pub(crate) entered: Option<Entered>,
}

/// Where a request's events go.
#[derive(Clone)]
pub(crate) enum Outlet {
    /// To a queue of its own, which comes back with the [`Running`].
    Own,
    /// To the connection's queue.
    Shared(Arc<Outbox>),
    /// Nowhere: its answer is part of a batch.
    Nowhere,
}

/// What is to be done about a request.
pub(crate) enum Work {
    /// Nothing more: here is the reply.
    Ready(Reply),
    /// To be driven until it is over.
    Running(Running),
    /// To be opened, and then read until the host or we end it.
    Listening(BoxFuture<'static, Listening>),
}

/// What a call is made of, besides its exchange.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) target: Target,
    pub(crate) arguments: Arguments,
    pub(crate) host: Arc<Host>,
    pub(crate) trace: Option<Arc<TraceContext>>,
}

impl Asking {
    pub(crate) fn read(
        target: Target,
        params: &Params<'_>,
        host: Arc<Host>,
        meta: &Meta<'_>,
    ) -> Result<Self, WireError> {
        let has_arguments = !matches!(target, Target::Resource(_));
        let arguments = if has_arguments { params.arguments()? } else { Arguments::none() };
        Ok(Self { target, arguments, host, trace: meta.trace() })
    }

    /// The call, for the door.
    pub(crate) fn into_call(self, caller: &Arc<Caller>, entrance: &'static str) -> Call {
        let origin = Origin { entrance, host: self.host, trace: self.trace, ..Origin::default() };
        Call::new(caller.clone(), self.target, self.arguments, origin)
    }
}

impl Outlet {
    /// The queue that events go to, and the same for the [`Running`] if nobody else reads it.
    pub(crate) fn open(&self) -> (Option<Arc<Outbox>>, Option<Arc<Outbox>>) {
        match self {
            Self::Own => {
                let outbox = Arc::<Outbox>::default();
                (Some(outbox.clone()), Some(outbox))
            }
            Self::Shared(outbox) => (Some(outbox.clone()), None),
            Self::Nowhere => (None, None),
        }
    }
}

/// The live side of a call that stops when the host cancels it. It has a token of its own below the request's: the
/// door cancels that one when the call is over, and the request may not be. Where nothing but the end of the request
/// itself can cancel it, [`Live::default`] does.
pub(crate) fn live(cancellation: &CancellationToken, sink: Option<Arc<dyn Sink>>) -> Live {
    Live { cancellation: cancellation.child_token(), sink }
}

/// Runs `answer` until it is there, or the host no longer wants it. However it ends, its token ends with it, so
/// that work in other threads stops too.
pub(crate) fn run(
    entered: Option<Entered>,
    outbox: Option<Arc<Outbox>>,
    answer: impl Future<Output = Reply> + Send + 'static,
) -> Running {
    let answer: BoxFuture<'static, Option<Reply>> = match entered {
        // Nobody else has the token, and the door cancels what it started when its future goes.
        None => Box::pin(async move { Some(answer.await) }),
        Some(entered) => Box::pin(async move {
            let cancellation = entered.cancellation.clone();
            let (_entered, _guard) = (entered, cancellation.clone().drop_guard());
            tokio::select! {
                biased;
                () = cancellation.cancelled() => None,
                reply = answer => Some(reply),
            }
        }),
    };
    Running::new(answer, outbox)
}

impl Exchange {
    /// The live side of a call for this request.
    pub(crate) fn live(&self, sink: Option<Arc<dyn Sink>>) -> Live {
        match &self.entered {
            Some(entered) => live(&entered.cancellation, sink),
            None => Live { sink, ..Live::default() },
        }
    }

    /// The token that stops this request.
    pub(crate) fn cancellation(&self) -> CancellationToken {
        self.entered.as_ref().map_or_else(CancellationToken::new, |entered| entered.cancellation.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_cannot_cancel_the_request_but_the_request_cancels_the_call() {
        let request = CancellationToken::new();
        let first = live(&request, None);
        first.cancellation.cancel();
        assert!(!request.is_cancelled());
        let second = live(&request, None);
        request.cancel();
        assert!(second.cancellation.is_cancelled());
    }
}
