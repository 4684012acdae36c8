//! POST: one message in, one answer out.

use std::sync::Arc;

use axum::BoxError;
use axum::body::HttpBody;
use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use drawbridge_contract::{BoxFuture, Caller};
use futures::{Stream, StreamExt, stream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::Http;
use super::body::{KeptAlive, frame};
use super::headers::{self, Accepts, HeaderEra, SESSION_ID, only};
use super::legacy;
use super::respond::{Refused, accepted, events, json};
use crate::core::{Exchange, Outlet, Work, still_known};
use crate::encode::{Reply, Verdict};
use crate::envelope::{self, Frame, Malformed, Message, Request};
use crate::error::WireError;
use crate::limits::BODY_TIMEOUT;
use crate::listen::Listening;
use crate::meta::Meta;
use crate::modern;
use crate::params::Params;
use crate::running::{Running, Step};

/// Serves a POST that came through the router.
pub(super) async fn post(State(http): State<Arc<Http>>, mut request: HttpRequest) -> Response {
    match request.extensions_mut().remove::<Arc<Caller>>() {
        Some(caller) => answer(&http, caller, request).await,
        None => Refused::NoCaller.into_response(),
    }
}

/// Answers a POST.
pub(super) async fn answer<B>(http: &Arc<Http>, caller: Arc<Caller>, request: http::Request<B>) -> Response
where
    B: HttpBody<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    match receive(http, caller, request).await {
        Ok(response) => response,
        Err(refused) => refused.into_response(),
    }
}

/// Who asks, and how the answer may look.
pub(super) struct Asker {
    pub(super) caller: Arc<Caller>,
    pub(super) headers: HeaderMap,
    pub(super) accepts: Accepts,
}

async fn receive<B>(
    http: &Arc<Http>,
    caller: Arc<Caller>,
    request: http::Request<B>,
) -> Result<Response, Refused>
where
    B: HttpBody<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    if !headers::is_json(&parts.headers) {
        return Err(Refused::NotJson);
    }
    let accepts = Accepts::read(&parts.headers);
    if !accepts.json && !accepts.events {
        return Err(Refused::NotAcceptable);
    }
    let body = read_body(&parts.headers, body, http.settings.body_bytes_max).await?;
    let asker = Asker { caller, headers: parts.headers, accepts };
    match envelope::parse(&body).map_err(Refused::Malformed)? {
        Frame::One(message) => route(http, asker, message).await,
        Frame::Batch(messages) => legacy::batch(http, &asker, messages).await,
    }
}

async fn read_body<B>(headers: &HeaderMap, body: B, bytes_max: usize) -> Result<Bytes, Refused>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > bytes_max as u64) {
        return Err(Refused::TooLarge(bytes_max));
    }
    // A body that came with its head is there at the first look: then no timer is started.
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refused::TooLarge(bytes_max)),
        Ok(Err(_)) => Err(Refused::Broken),
        Err(_) => Err(Refused::TooSlow),
    }
}

/// Decides the era: a request that names its revision in `_meta`, or a modern one in the header, is modern.
async fn route(http: &Arc<Http>, asker: Asker, message: Message<'_>) -> Result<Response, Refused> {
    if let Message::Request(request) = &message {
        return request_of_any_era(http, asker, request).await;
    }
    let is_notification = matches!(message, Message::Notification(_));
    let has_session = only(&asker.headers, &SESSION_ID)?.is_some();
    match headers::era(&asker.headers)? {
        HeaderEra::Modern if is_notification => Ok(accepted()),
        HeaderEra::Unknown(version) => Err(WireError::unsupported_version(&version).into()),
        _ if has_session => legacy::message(http, &asker, &message),
        _ => {
            let why = "this message belongs to a session; name it in Mcp-Session-Id";
            Err(WireError::invalid_request(why).into())
        }
    }
}

async fn request_of_any_era(
    http: &Arc<Http>,
    asker: Asker,
    request: &Request<'_>,
) -> Result<Response, Refused> {
    let at_fault = |error: WireError| Refused::Malformed(Malformed { id: Some(request.id.clone()), error });
    let params = Params::read(request.params).map_err(at_fault)?;
    let meta = Meta::read(&params).map_err(at_fault)?;
    match headers::era(&asker.headers).map_err(at_fault)? {
        HeaderEra::Modern => {}
        _ if meta.names_version() => {}
        HeaderEra::Unknown(version) => return Err(at_fault(WireError::unsupported_version(&version))),
        HeaderEra::Legacy | HeaderEra::Silent => {
            return legacy::request(http, asker, request, &params, &meta).await;
        }
    }
    headers::check(&http.core, &asker.caller, &asker.headers, request, &params, &meta).map_err(at_fault)?;
    let Asker { caller, accepts, .. } = asker;
    let outlet = if accepts.events { Outlet::Own } else { Outlet::Nowhere };
    let (id, entered) = (request.id.clone(), None);
    let exchange = Exchange { caller: caller.clone(), entrance: "mcp.http", id, outlet, entered };
    match modern::serve(&http.core, exchange, request, &params, &meta) {
        // Only JSON answers have a status of their own.
        Work::Ready(reply) if accepts.json || reply.verdict != Verdict::Served => Ok(json(reply, true)),
        Work::Ready(reply) => Ok(stream_of(http, &caller, stream::once(async { reply.message }))),
        Work::Running(running) => Ok(drive(http, &caller, accepts, running).await),
        Work::Listening(_) if !accepts.events => Err(Refused::NotAcceptable),
        Work::Listening(opening) => Ok(listen(http, &caller, opening)),
    }
}

/// How a request begins to be answered.
pub(super) enum Beginning {
    /// Its answer came before anything else.
    Whole(Option<Reply>),
    /// An event came first, or nothing for a while.
    Stream(Option<Bytes>),
}

/// Waits for what comes first.
pub(super) async fn beginning(http: &Http, accepts: Accepts, running: &mut Running) -> Beginning {
    let step = tokio::select! {
        biased;
        step = running.step() => step,
        () = tokio::time::sleep(http.settings.quiet_max), if accepts.events => return Beginning::Stream(None),
    };
    match step {
        Step::Event(event) => Beginning::Stream(Some(event)),
        Step::Over(reply) => Beginning::Whole(reply),
    }
}

async fn drive(http: &Http, caller: &Arc<Caller>, accepts: Accepts, mut running: Running) -> Response {
    match beginning(http, accepts, &mut running).await {
        Beginning::Whole(Some(reply)) if accepts.json => json(reply, true),
        Beginning::Whole(reply) => stream_of(http, caller, stream::iter(reply.map(|reply| reply.message))),
        Beginning::Stream(first) => {
            stream_of(http, caller, stream::iter(first).chain(running.into_messages()))
        }
    }
}

fn stream_of(
    http: &Http,
    caller: &Arc<Caller>,
    messages: impl Stream<Item = Bytes> + Send + 'static,
) -> Response {
    let known = still_known(&http.core, caller);
    events(KeptAlive::new(messages.map(frame), http.settings.keep_alive, known))
}

fn listen(http: &Http, caller: &Arc<Caller>, opening: BoxFuture<'static, Listening>) -> Response {
    let shutdown = http.settings.shutdown.clone();
    let messages = stream::once(opening).flat_map(move |listening| {
        let state = Some((listening, shutdown.clone()));
        stream::unfold(state, |state| async move {
            let (mut listening, shutdown) = state?;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => Some((listening.farewell(), None)),
                message = listening.next() => match message {
                    Some(message) => Some((message, Some((listening, shutdown)))),
                    None => Some((listening.farewell(), None)),
                },
            }
        })
    });
    stream_of(http, caller, messages)
}
