//! Requests of another dialect on a [`Connection`]: counted, bounded and cancelled like those of MCP.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use drawbridge_contract::{BoxFuture, RawValue};
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::connection::Connection;
use super::stranger;
use crate::dialect::{Asked, Beyond, Told};
use crate::encode::Reply;
use crate::envelope::{Id, Notification, Request};
use crate::error::WireError;
use crate::in_flight::Entered;
use crate::limits::{EVENTS_QUEUED_BYTES_MAX, OUTPUT_QUEUED_BYTES_MAX};

/// A request of another dialect under way.
struct Other {
    id: Id,
    told: BoxStream<'static, Told>,
    /// Its place among those that can be cancelled.
    entered: Entered,
    is_answered: bool,
}

impl Connection {
    /// Whether this method is not one of MCP.
    pub(super) fn is_beyond(&self, method: &str) -> bool {
        let has = |beyond: &Arc<Beyond>| method == stranger::AUTH || beyond.dialect.has(method, &self.caller);
        self.beyond.as_ref().is_some_and(has)
    }

    pub(super) fn other_request(self: &Arc<Self>, request: &Request<'_>) {
        match self.begin_other(request, true) {
            Ok(other) => drop(self.tasks.spawn(self.clone().tell(other))),
            Err(reply) => self.outbox.push(reply),
        }
    }

    /// Runs a notification: it is done, and nobody is told how it went.
    pub(super) fn other_notice(self: &Arc<Self>, notice: &Notification<'_>) {
        let id = Id::of_notification(self.noticed.fetch_add(1, Ordering::Relaxed));
        match self.other(&notice.method, notice.params, id, false) {
            Ok(other) => drop(self.tasks.spawn(self.clone().tell(Other { is_answered: false, ..other }))),
            Err(error) => tracing::debug!(why = %error.message, "a notification was dropped"),
        }
    }

    /// One request of a batch: one answer, when there is a permit for its work.
    pub(super) fn other_part(&self, request: &Request<'_>) -> BoxFuture<'static, Option<Bytes>> {
        let mut other = match self.begin_other(request, false) {
            Ok(other) => other,
            Err(reply) => return Box::pin(std::future::ready(Some(reply))),
        };
        let working = self.working.clone();
        Box::pin(async move {
            let _permit = working.acquire_owned().await.ok()?;
            let cancellation = other.entered.cancellation.clone();
            let told = cancellation.run_until_cancelled(other.told.next()).await??;
            Some(told.render(&other.id))
        })
    }

    /// A request under way, or the answer that needs no work.
    fn begin_other(&self, request: &Request<'_>, may_stream: bool) -> Result<Other, Bytes> {
        if request.method == stranger::AUTH {
            return Err(self.greet_again(request));
        }
        let begun = self.other(&request.method, request.params, request.id.clone(), may_stream);
        begun.map_err(|error| Reply::error(Some(&request.id), &error).message)
    }

    fn other(
        &self,
        method: &str,
        params: Option<&RawValue>,
        id: Id,
        may_stream: bool,
    ) -> Result<Other, WireError> {
        let beyond = self.beyond.as_ref().ok_or_else(|| WireError::invalid_request("not served here"))?;
        let entered = self.in_flight.enter(&id)?;
        let asked = Asked {
            method: method.into(),
            params: params.map(ToOwned::to_owned),
            caller: self.caller.clone(),
            entrance: self.entrance,
            may_stream,
            cancellation: entered.cancellation.clone(),
        };
        Ok(Other { id, told: beyond.dialect.serve(asked), entered, is_answered: true })
    }

    /// Tells what there is, in its order, as fast as the client reads.
    async fn tell(self: Arc<Self>, mut other: Other) {
        // A closed semaphore would give no permit; ours is never closed.
        let Ok(_permit) = self.working.clone().acquire_owned().await else { return };
        self.outbox.below(OUTPUT_QUEUED_BYTES_MAX).await;
        let cancellation = other.entered.cancellation.clone();
        let telling = async {
            while let Some(told) = other.told.next().await {
                if other.is_answered {
                    self.outbox.push(told.render(&other.id));
                    self.outbox.below(EVENTS_QUEUED_BYTES_MAX).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = cancellation.cancelled() => {}
            () = telling => {}
        }
    }

    /// One that is known may send its key again, as clients do that always begin so.
    fn greet_again(&self, request: &Request<'_>) -> Bytes {
        let key = stranger::key_of(request.params);
        let is_same = |key: &String| {
            let found = self.beyond.as_ref().and_then(|beyond| beyond.authenticator.authenticate(key).ok());
            found.is_some_and(|caller| caller.id == self.caller.id)
        };
        if key.as_ref().is_some_and(is_same) {
            return stranger::welcome(Some(&request.id), &self.caller);
        }
        let why =
            format!("this connection belongs to {} and stays so; open another with that key", self.caller.id);
        Reply::error(Some(&request.id), &WireError::not_authenticated(why)).message
    }
}
