//! A request under way: its events, then its answer.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use drawbridge_contract::BoxFuture;
use futures::Stream;

use crate::encode::Reply;
use crate::outbox::Outbox;

/// A request under way. Dropped, its work stops.
pub(crate) struct Running {
    answer: Option<BoxFuture<'static, Option<Reply>>>,
    /// The answer, while events that came before it are still to be sent.
    held: Option<Reply>,
    outbox: Option<Arc<Outbox>>,
}

/// What comes of it next.
pub(crate) enum Step {
    /// Something is told meanwhile.
    Event(Bytes),
    /// It is over; without a reply when the host cancelled it.
    Over(Option<Reply>),
}

impl Running {
    /// `answer` gives `None` when the host cancelled the request. `outbox` is where its events go, unless they go out
    /// elsewhere.
    pub(crate) fn new(answer: BoxFuture<'static, Option<Reply>>, outbox: Option<Arc<Outbox>>) -> Self {
        Self { answer: Some(answer), held: None, outbox }
    }

    /// The next step. Every event comes before the answer. Not to be called again after [`Step::Over`].
    pub(crate) fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        if let Some(Poll::Ready(event)) = self.outbox.as_ref().map(|outbox| outbox.poll_take(context)) {
            return Poll::Ready(Step::Event(event));
        }
        if let Some(answer) = &mut self.answer {
            let Poll::Ready(reply) = answer.as_mut().poll(context) else { return Poll::Pending };
            self.answer = None;
            self.held = reply;
        }
        match self.outbox.as_ref().and_then(|outbox| outbox.take()) {
            Some(event) => Poll::Ready(Step::Event(event)),
            None => Poll::Ready(Step::Over(self.held.take())),
        }
    }

    /// The next step, awaited.
    pub(crate) async fn step(&mut self) -> Step {
        std::future::poll_fn(|context| self.poll_step(context)).await
    }

    /// All messages of this request, the answer last.
    pub(crate) fn into_messages(self) -> impl Stream<Item = Bytes> + Send {
        futures::stream::unfold(Some(self), |running| async {
            let mut running = running?;
            match running.step().await {
                Step::Event(event) => Some((event, Some(running))),
                Step::Over(reply) => reply.map(|reply| (reply.message, None)),
            }
        })
    }
}
