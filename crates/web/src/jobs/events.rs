//! `GET /api/jobs/{id}/events`: what happens to a job, as server-sent events (WHATWG HTML). The id of an event is its number
//! in the history, so a client that comes back with `Last-Event-ID` misses nothing but progress.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use drawbridge_contract::{Caller, Handler, JobEvent, raw};
use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::looked_at;
use crate::credential::Credential;
use crate::guard::only;
use crate::limits::{KEEP_ALIVE, RECHECK_EVERY, STREAMS_MAX};
use crate::problem::{Kind, Problem};
use crate::rest::respond_with_events;
use crate::web::Shared;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Serves the events until the job has ended. A client that has seen all of them and comes back is told not to.
pub(crate) async fn events(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    credential: Option<Extension<Credential>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let served = async {
        let after = after(&headers)?;
        let jobs = looked_at(&web, &caller)?;
        let permit = web.streams.clone().try_acquire_owned().map_err(|_| too_many())?;
        let mut events = jobs.watch(&caller, &id, after).await?;
        let has_ended = jobs.get(&caller, &id).await?.state.has_ended();
        let first = if has_ended { events.next().await } else { None };
        if has_ended && first.is_none() {
            // HTML, 9.2.3: this status ends the client's attempts.
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let (handler, shutdown) = (web.handler.clone(), web.shutdown.clone());
        let open = Open {
            events: stream::iter(first).chain(events).boxed(),
            handler,
            caller,
            credential: credential.map(|Extension(credential)| credential),
            shutdown,
            _permit: permit,
        };
        Ok::<_, Problem>(respond_with_events(open.into_frames()))
    };
    served.await.unwrap_or_else(Problem::into_response)
}

fn after(headers: &HeaderMap) -> Result<u64, Problem> {
    let invalid = || Problem::new(Kind::InvalidRequest, "Last-Event-ID is not the id of an event of ours");
    match only(headers, &LAST_EVENT_ID) {
        Ok(None | Some("")) => Ok(0),
        Ok(Some(id)) => id.parse().map_err(|_| invalid()),
        Err(()) => Err(invalid()),
    }
}

fn too_many() -> Problem {
    Problem::new(Kind::Unavailable, format!("{STREAMS_MAX} streams are open, which is the limit: close one"))
}

/// A stream of events that is open, and the right to it.
struct Open {
    events: BoxStream<'static, JobEvent>,
    handler: Arc<dyn Handler>,
    caller: Arc<Caller>,
    /// A browser's session, which can end while its owner stays known.
    credential: Option<Credential>,
    shutdown: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Open {
    fn into_frames(self) -> impl Stream<Item = Bytes> + Send {
        stream::unfold(self, |mut open| async move { open.next().await.map(|bytes| (bytes, open)) })
    }

    /// The next frame: an event, or a comment into the silence.
    async fn next(&mut self) -> Option<Bytes> {
        let mut silence = tokio::time::interval(RECHECK_EVERY);
        let quiet_until = tokio::time::Instant::now() + KEEP_ALIVE;
        loop {
            tokio::select! {
                event = self.events.next() => return event.map(|event| frame(&event)),
                () = self.shutdown.cancelled() => return None,
                _ = silence.tick() => {
                    if !self.may_stay_open() {
                        return None;
                    }
                    if tokio::time::Instant::now() >= quiet_until {
                        return Some(Bytes::from_static(b":\n\n"));
                    }
                }
            }
        }
    }

    fn may_stay_open(&self) -> bool {
        let holds = self.credential.as_ref().is_none_or(|credential| credential.still_holds().is_ok());
        holds && self.handler.still_knows(&self.caller) && !self.is_raised()
    }

    fn is_raised(&self) -> bool {
        let target = drawbridge_contract::Target::Tool(super::STATUS.into());
        matches!(self.handler.still_allows(&self.caller, &target), Err(drawbridge_contract::Refusal::Raised))
    }
}

/// JSON of ours has no line ends.
fn frame(event: &JobEvent) -> Bytes {
    let id = event.seq.map_or_else(String::new, |seq| format!("id: {seq}\n"));
    format!("{id}event: {}\ndata: {}\n\n", event.what, raw(event).get()).into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_goes_on_where_it_was() {
        let after_of = |value: &str| {
            after(&[(LAST_EVENT_ID, HeaderValue::from_str(value).unwrap())].into_iter().collect()).ok()
        };
        assert_eq!(after(&HeaderMap::new()).unwrap(), 0);
        assert_eq!(
            (after_of(""), after_of("17"), after_of("-1"), after_of("x")),
            (Some(0), Some(17), None, None)
        );
    }
}
