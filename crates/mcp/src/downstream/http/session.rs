//! GET and DELETE: the standalone stream of a session, streams taken up again, and the end.

use std::sync::Arc;

use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use drawbridge_contract::{Caller, Change, broadcast};
use futures::{StreamExt, stream};
use http::{HeaderMap, StatusCode};

use super::Http;
use super::body::{KeptAlive, frame_with_id, priming};
use super::headers::{Accepts, LAST_EVENT_ID, SESSION_ID, only};
use super::respond::{Refused, events};
use crate::core::{may_hear, still_known};
use crate::error::WireError;
use crate::legacy::sessions::{Reading, STANDALONE, Session};
use crate::legacy::streams::{EventId, StreamLog};
use crate::legacy::{EVERY_LIST, told};

/// Serves a GET: the stream for what belongs to no request, or the rest of one that broke off.
pub(super) async fn listen(State(http): State<Arc<Http>>, request: HttpRequest) -> Response {
    open(&http, &request).unwrap_or_else(IntoResponse::into_response)
}

fn open(http: &Arc<Http>, request: &HttpRequest) -> Result<Response, Refused> {
    let session = session(http, request)?;
    if !Accepts::read(request.headers()).events {
        return Err(Refused::NotAcceptable);
    }
    let unknown =
        || WireError::invalid_request("Last-Event-ID names no event of this session that is still kept");
    let event = match only(request.headers(), &LAST_EVENT_ID)? {
        Some(text) => EventId::parse(text).ok_or_else(unknown)?,
        None => EventId { stream: STANDALONE, place: u64::MAX },
    };
    let log = session.stream(event).ok_or_else(unknown)?;
    let place = event.place.min(log.newest());
    Ok(read_stream(http, &session, event.stream, log, place))
}

/// Serves a DELETE: ends a session, and cancels what runs in it.
pub(super) async fn end(State(http): State<Arc<Http>>, request: HttpRequest) -> Response {
    let ended = session(&http, &request).map(|session| {
        http.sessions.end(&session.owner, &session.id);
        StatusCode::NO_CONTENT
    });
    ended.map_or_else(IntoResponse::into_response, IntoResponse::into_response)
}

fn session(http: &Http, request: &HttpRequest) -> Result<Arc<Session>, Refused> {
    let caller = request.extensions().get::<Arc<Caller>>().ok_or(Refused::NoCaller)?;
    let id = session_id(request.headers())?.ok_or(Refused::NeedsSession)?;
    http.sessions.find(caller, id).ok_or(Refused::NoSession)
}

fn session_id(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    Ok(only(headers, &SESSION_ID)?)
}

/// Reads one stream from after `place` on.
pub(super) fn read_stream(
    http: &Arc<Http>,
    session: &Arc<Session>,
    number: u64,
    log: Arc<StreamLog>,
    place: u64,
) -> Response {
    let reader = Reader::new(http, session, number, log, place);
    let has_polling = session.peer.version.has_polling();
    let first = has_polling.then(|| priming(EventId { stream: number, place }));
    let poll_after = http.settings.poll_after.filter(|_| has_polling && number != STANDALONE);
    let rest = stream::unfold(reader, Reader::next);
    let rest = match poll_after {
        Some(after) => rest.take_until(tokio::time::sleep(after)).boxed(),
        None => rest.boxed(),
    };
    let known = still_known(&http.core, &session.owner);
    events(KeptAlive::new(stream::iter(first).chain(rest), http.settings.keep_alive, known))
}

/// Somebody who reads a stream.
struct Reader {
    http: Arc<Http>,
    session: Arc<Session>,
    number: u64,
    log: Arc<StreamLog>,
    place: u64,
    ticket: u64,
    /// For the standalone stream: what changes.
    changes: Option<broadcast::Receiver<Change>>,
    _reading: Reading,
}

/// What a reader waits for.
enum Next {
    Event(Option<(u64, Bytes)>),
    Change(Result<Change, broadcast::error::RecvError>),
    End,
}

impl Reader {
    fn new(http: &Arc<Http>, session: &Arc<Session>, number: u64, log: Arc<StreamLog>, place: u64) -> Self {
        let is_standalone = number == STANDALONE;
        let changes =
            is_standalone.then(|| session.take_changes().unwrap_or_else(|| http.core.handler.changes()));
        let (http, session, ticket) = (http.clone(), session.clone(), log.attach());
        let reading = session.reading();
        Self { http, session, number, log, place, ticket, changes, _reading: reading }
    }

    /// The next frame. Changes go through the stream's log, so that a client can come back for them.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            match self.wait().await {
                Next::Event(None) | Next::End => return None,
                Next::Event(Some((place, message))) => {
                    self.place = place;
                    let frame = frame_with_id(EventId { stream: self.number, place }, message);
                    return Some((frame, self));
                }
                Next::Change(change) => self.note(change),
            }
        }
    }

    async fn wait(&mut self) -> Next {
        let (log, place, ticket) = (&self.log, self.place, self.ticket);
        tokio::select! {
            biased;
            () = self.session.ended.cancelled() => Next::End,
            event = std::future::poll_fn(|context| log.poll_after(place, ticket, context)) => Next::Event(event),
            change = next_change(&mut self.changes) => Next::Change(change),
            () = self.http.settings.shutdown.cancelled(), if self.number == STANDALONE => Next::End,
        }
    }

    fn tells(&self, change: &Change) -> bool {
        let handler = &*self.http.core.handler;
        self.session.peer.wants(change) && may_hear(handler, &self.session.owner, change)
    }

    fn note(&mut self, change: Result<Change, broadcast::error::RecvError>) {
        match change {
            Ok(change) if self.tells(&change) => self.log.append(told(&change)),
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => {
                EVERY_LIST.iter().for_each(|change| self.log.append(told(change)));
            }
            Err(broadcast::error::RecvError::Closed) => self.changes = None,
        }
    }
}

async fn next_change(
    changes: &mut Option<broadcast::Receiver<Change>>,
) -> Result<Change, broadcast::error::RecvError> {
    match changes {
        Some(changes) => changes.recv().await,
        None => std::future::pending().await,
    }
}

/// What changed while nobody reads is told to the next reader.
impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(changes) = self.changes.take() {
            self.session.give_changes(changes);
        }
    }
}
