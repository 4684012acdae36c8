//! `GET /api/console/events`: what happens, as server-sent events (WHATWG HTML). The id of an event is the number of a
//! record of the audit, so who comes back with `Last-Event-ID` misses no call, or hears which ones. Everything else is
//! told anew to who comes back.

mod follow;
mod frame;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use bytes::Bytes;
use drawbridge_contract::{Caller, Session};
use futures::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::limits::{EVENTS_QUEUED_MAX, STREAMS_MAX};
use crate::problem::Problem;
use crate::shared::Shared;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// For who opens a stream for the first time, and has read records already.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    after: Option<i64>,
}

/// Tells what happens, until the session ends or the browser goes.
pub(crate) async fn events(
    State(console): State<Arc<Shared>>,
    Extension(session): Extension<Session>,
    Extension(caller): Extension<Arc<Caller>>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|error| Problem::invalid(error.body_text()))?;
    let after = after(&headers)?.or(asked.after);
    let permit = console.streams.clone().try_acquire_owned().map_err(|_| too_many())?;
    let (sender, receiver) = mpsc::channel(EVENTS_QUEUED_MAX);
    let follow = follow::Follow::begin(console, session, caller, after, sender)?;
    tokio::spawn(async move {
        follow.run().await;
        drop(permit);
    });
    Ok(respond(receiver))
}

fn after(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(id) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let id = id.to_str().ok().and_then(|id| id.parse().ok()).filter(|id| *id >= 0);
    id.map(Some).ok_or_else(|| Problem::invalid("Last-Event-ID is not the id of an event of ours"))
}

fn too_many() -> Problem {
    Problem::unavailable(format!("{STREAMS_MAX} streams are open, which is the limit: close a page"))
}

fn respond(receiver: mpsc::Receiver<Bytes>) -> Response {
    let frames = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|frame| (Ok::<_, Infallible>(frame), receiver))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Reverse proxies would hold events back otherwise.
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}
