//! POST within a session.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, StatusCode};

use super::Http;
use super::headers::{SESSION_ID, only};
use super::post::{Asker, Beginning, beginning};
use super::respond::{Refused, accepted, events, json, json_with};
use super::session::read_stream;
use crate::core::{Exchange, Outlet, Work};
use crate::encode;
use crate::envelope::{Malformed, Message, Request};
use crate::error::WireError;
use crate::legacy::sessions::Session;
use crate::legacy::{self, part_of_batch};
use crate::meta::Meta;
use crate::params::Params;
use crate::running::Running;

/// The session that a message names.
pub(super) fn session(http: &Http, asker: &Asker) -> Result<Option<Arc<Session>>, Refused> {
    match only(&asker.headers, &SESSION_ID)? {
        None => Ok(None),
        Some(id) => http.sessions.find(&asker.caller, id).map(Some).ok_or(Refused::NoSession),
    }
}

/// Serves a request of a session, or the one that opens it.
pub(super) async fn request(
    http: &Arc<Http>,
    asker: Asker,
    request: &Request<'_>,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Response, Refused> {
    let at_fault = |error| Refused::Malformed(Malformed { id: Some(request.id.clone()), error });
    let Some(session) = session(http, &asker)? else {
        return if request.method == "initialize" {
            initialize(http, &asker, request, params).map_err(at_fault)
        } else {
            Err(at_fault(WireError::invalid_request(
                "begin with `initialize` and name the session in Mcp-Session-Id, or carry `_meta` as MCP 2026-07-28 asks",
            )))
        };
    };
    let outlet = if asker.accepts.events { Outlet::Own } else { Outlet::Nowhere };
    match begin(http, &session, &asker, request, params, meta, outlet).map_err(at_fault)? {
        Work::Ready(reply) => Ok(json(reply, false)),
        Work::Running(running) => Ok(drive(http, &asker, &session, running).await),
        Work::Listening(_) => {
            Err(at_fault(WireError::invalid_request("sessions have no subscriptions/listen")))
        }
    }
}

fn begin(
    http: &Http,
    session: &Session,
    asker: &Asker,
    request: &Request<'_>,
    params: &Params<'_>,
    meta: &Meta<'_>,
    outlet: Outlet,
) -> Result<Work, WireError> {
    let entered = Some(session.in_flight.enter(&request.id)?);
    let (caller, id) = (asker.caller.clone(), request.id.clone());
    let exchange = Exchange { caller, entrance: "mcp.http", id, outlet, entered };
    Ok(legacy::serve(&http.core, &session.peer, exchange, request, params, meta))
}

fn initialize(
    http: &Http,
    asker: &Asker,
    request: &Request<'_>,
    params: &Params<'_>,
) -> Result<Response, WireError> {
    let (peer, reply) = legacy::initialize(&http.core, &asker.caller, &request.id, params)?;
    let session = http.sessions.open(&asker.caller, peer, http.core.handler.changes())?;
    let mut response = json(reply, false);
    if let Ok(id) = HeaderValue::from_str(&session.id) {
        response.headers_mut().insert(SESSION_ID, id);
    }
    Ok(response)
}

/// Answers at once if it can. Otherwise the request moves to a task of its session: its client may lose the stream and
/// come back, and losing a stream does not cancel in these revisions.
async fn drive(http: &Arc<Http>, asker: &Asker, session: &Arc<Session>, mut running: Running) -> Response {
    let first = match beginning(http, asker.accepts, &mut running).await {
        Beginning::Whole(Some(reply)) => return json(reply, false),
        // The host cancelled it and wants no answer; HTTP must give one, and this one says nothing.
        Beginning::Whole(None) => return events(stream::empty()),
        Beginning::Stream(first) => first,
    };
    let (number, log) = session.open_stream();
    let ended = session.ended.clone();
    let written = log.clone();
    tokio::spawn(async move {
        let messages = stream::iter(first).chain(running.into_messages());
        let mut messages = std::pin::pin!(messages.take_until(ended.cancelled_owned()));
        while let Some(message) = messages.next().await {
            written.append(message);
        }
        written.end();
    });
    read_stream(http, session, number, log, 0)
}

/// Takes a notification or a response of the host.
pub(super) fn message(http: &Http, asker: &Asker, message: &Message<'_>) -> Result<Response, Refused> {
    let session = session(http, asker)?.ok_or(Refused::NoSession)?;
    take(&session, message);
    Ok(accepted())
}

fn take(session: &Session, message: &Message<'_>) {
    match message {
        Message::Notification(notification) => legacy::notice(notification, &session.in_flight),
        Message::Response(response) => session.peer.answered(response),
        Message::Request(_) => {}
    }
}

/// Answers a batch with a batch (2025-03-26).
pub(super) async fn batch(
    http: &Arc<Http>,
    asker: &Asker,
    messages: Vec<Result<Message<'_>, Malformed>>,
) -> Result<Response, Refused> {
    let session = session(http, asker)?.filter(|session| session.peer.version.has_batches());
    let session = session
        .ok_or_else(|| WireError::invalid_request("batches exist only in sessions of MCP 2025-03-26"))?;
    let mut parts = Vec::new();
    for message in messages {
        match message {
            Ok(Message::Request(request)) => {
                let work = part(http, &session, asker, &request);
                parts.push(part_of_batch(request.id, work));
            }
            Ok(message) => take(&session, &message),
            Err(Malformed { id, error }) => {
                parts.push(Box::pin(std::future::ready(Some(
                    encode::Reply::error(id.as_ref(), &error).message,
                ))));
            }
        }
    }
    let replies: Vec<Bytes> = futures::future::join_all(parts).await.into_iter().flatten().collect();
    Ok(if replies.is_empty() { accepted() } else { json_with(StatusCode::OK, encode::batch(&replies)) })
}

fn part(http: &Http, session: &Session, asker: &Asker, request: &Request<'_>) -> Result<Work, WireError> {
    let params = Params::read(request.params)?;
    let meta = Meta::read(&params)?;
    begin(http, session, asker, request, &params, &meta, Outlet::Nowhere)
}
