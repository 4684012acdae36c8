//! Requests of other protocols, which servers answer in their own words: their routes come from the servers, and this
//! module knows nothing of what they mean.
//!
//! The door is asked once, before anything is answered. What then streams is asked for again every second, and ends when
//! its caller may not read it any more.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{BoxError, Router};
use bytes::Bytes;
use drawbridge_contract::{
    Answer, Arguments, Call, Caller, CancellationToken, ExchangeBody, ExchangeMethod, ExchangeRefusal,
    ExchangeReply, ExchangeRequest, ExchangeRoute, Exchanges, Handler, Live, Outcome, Refusal, Target,
};
use futures::Stream;
use futures::stream::BoxStream;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::guard::only;
use crate::limits::RECHECK_EVERY;
use crate::problem::{Kind, Problem};
use crate::rest::{body_up_to, origin};
use crate::web::Shared;

/// What stands at the end of a path for everything that follows.
const REST: &str = "{*rest}";
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One route of a server, and who answers there.
pub(crate) struct Mount {
    server: Box<str>,
    exchanges: Arc<dyn Exchanges>,
    route: ExchangeRoute,
}

/// The routes of every server that answers in other protocols.
pub(crate) fn router(handler: &Arc<dyn Handler>) -> Router<Arc<Shared>> {
    mounts(handler).fold(Router::new(), |router, mount| {
        let (path, method) = (mount.route.path, mount.route.method);
        let mount = Arc::new(mount);
        let serve = move |State(web): State<Arc<Shared>>,
                          Extension(caller): Extension<Arc<Caller>>,
                          request: Request| async move {
            let entrance = Entrance { handler: web.handler.clone(), shutdown: web.shutdown.clone() };
            mount.answer(&entrance, caller, request).await
        };
        let methods = match method {
            ExchangeMethod::Get => get(serve),
            ExchangeMethod::Post => post(serve),
        };
        router.route(path, methods)
    })
}

/// The routes that take what is posted to one path and no other, by their paths.
pub(crate) fn posts(handler: &Arc<dyn Handler>) -> impl Iterator<Item = (&'static str, Arc<Mount>)> {
    let takes =
        |route: &ExchangeRoute| route.method == ExchangeMethod::Post && before_rest(route.path).is_none();
    let posts = mounts(handler).filter(move |mount| takes(&mount.route));
    posts.map(|mount| (mount.route.path, Arc::new(mount)))
}

/// What requests go to.
#[derive(Clone)]
pub(crate) struct Entrance {
    /// The one door.
    pub(crate) handler: Arc<dyn Handler>,
    /// Cancelled when the hub ends.
    pub(crate) shutdown: CancellationToken,
}

/// Where a key may also come as `x-api-key`, which is how programs of these protocols send it.
#[derive(Default)]
pub(crate) struct Paths {
    whole: HashSet<&'static str>,
    /// With what those begin that have a `{*rest}`.
    beginnings: Vec<&'static str>,
}

impl Paths {
    /// The paths of these routes.
    pub(crate) fn of(handler: &Arc<dyn Handler>) -> Self {
        let mut paths = Self::default();
        for path in mounts(handler).map(|mount| mount.route.path) {
            match before_rest(path) {
                Some(before) => paths.beginnings.push(before),
                None => drop(paths.whole.insert(path)),
            }
        }
        paths
    }

    /// These, and one more.
    pub(crate) fn and(mut self, path: &'static str) -> Self {
        self.whole.insert(path);
        self
    }

    /// Whether a path is one of them.
    pub(crate) fn contain(&self, path: &str) -> bool {
        self.whole.contains(path) || self.beginnings.iter().any(|before| path.starts_with(before))
    }
}

/// One of these routes, for the OpenAPI document.
pub(crate) struct Described {
    pub(crate) method: &'static str,
    /// In the words of OpenAPI.
    pub(crate) path: String,
    pub(crate) title: &'static str,
    pub(crate) tool: &'static str,
}

/// All of them.
pub(crate) fn described(handler: &Arc<dyn Handler>) -> Vec<Described> {
    let each = mounts(handler).map(|mount| {
        let ExchangeRoute { path, method, title, tool, .. } = mount.route;
        let method = if method == ExchangeMethod::Get { "get" } else { "post" };
        Described { method, path: path.replace(REST, "{rest}"), title, tool }
    });
    each.collect()
}

fn mounts(handler: &Arc<dyn Handler>) -> impl Iterator<Item = Mount> {
    handler.exchanges().into_iter().flat_map(|(server, exchanges)| {
        let table = exchanges.table();
        table.iter().map(move |route| {
            let (server, exchanges) = (server.clone(), exchanges.clone());
            Mount { server, exchanges, route: *route }
        })
    })
}

async fn serve<B>(
    mount: &Mount,
    entrance: &Entrance,
    caller: Arc<Caller>,
    request: Request<B>,
) -> Result<Response, Problem>
where
    B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let rest = mount.rest_of(request.uri().path())?;
    let (body, headers) = match mount.route.method {
        ExchangeMethod::Get => (Bytes::new(), request.headers().clone()),
        ExchangeMethod::Post => {
            let received = body_up_to(request, mount.route.body_bytes_max).await?;
            (received.body, received.headers)
        }
    };
    let origin = origin(&headers)?;
    let arguments = Arguments::from_map(fingerprint(&body));
    let request = ExchangeRequest { rest, headers: mount.wanted(&headers), body, ..mount.request() };
    let call = Call::new(caller.clone(), Target::Exchange(Box::new(request)), arguments, origin);
    let handle = match entrance.handler.clone().call(call, Live::default()).await? {
        Outcome::Complete(Answer::Exchange(handle)) => handle,
        Outcome::InputRequired(_) => return Err(needs_approval(&mount.route)),
        _ => return Err(Refusal::Internal("exchange".into()).into()),
    };
    let reply = handle.take().ok_or_else(|| Problem::from(Refusal::Internal("exchange".into())))?;
    Ok(respond(reply, || Watched::right(mount, entrance, caller)))
}

impl Mount {
    /// Answers one request, or says in the protocol's own words why not.
    pub(crate) async fn answer<B>(
        &self,
        entrance: &Entrance,
        caller: Arc<Caller>,
        request: Request<B>,
    ) -> Response
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let served = serve(self, entrance, caller, request).await;
        served.unwrap_or_else(|problem| refuse(self, problem))
    }

    fn request(&self) -> ExchangeRequest {
        let (server, path) = (self.server.clone(), self.route.path.into());
        ExchangeRequest { server, path, ..ExchangeRequest::default() }
    }

    /// What stands in the place of the route's `{*rest}`.
    fn rest_of(&self, path: &str) -> Result<Box<str>, Problem> {
        let Some(rest) = before_rest(self.route.path).and_then(|before| path.strip_prefix(before)) else {
            return Ok("".into());
        };
        let decoded = percent_decode_str(rest).decode_utf8();
        let decoded = decoded.map_err(|_| Problem::new(Kind::InvalidRequest, "the path is no UTF-8"))?;
        Ok(decoded.into())
    }

    /// The headers that the server wants to see. One that comes twice, or is no text, is left out.
    fn wanted(&self, headers: &HeaderMap) -> Vec<(&'static str, Box<str>)> {
        let wanted = self.route.headers.iter().filter_map(|name| {
            let value = only(headers, &HeaderName::from_static(name)).ok()??;
            Some((*name, value.into()))
        });
        wanted.collect()
    }
}

/// What stands before a path's `{*rest}`, where it has one.
fn before_rest(path: &'static str) -> Option<&'static str> {
    path.strip_suffix(REST)
}

/// What the door binds an approval to, and what the audit keeps: not the body itself, which may be long and private.
fn fingerprint(body: &Bytes) -> Map<String, Value> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|half| char::from(DIGITS[usize::from(half)]));
    let digest: String = Sha256::digest(body).into_iter().flat_map(digits).collect();
    [("bytes".to_owned(), body.len().into()), ("sha256".to_owned(), digest.into())].into_iter().collect()
}

/// These protocols have no way to ask back.
fn needs_approval(route: &ExchangeRoute) -> Problem {
    let why = format!(
        "the owner must approve {} first: `drawbridge approvals list` shows the question; then send it again",
        route.tool
    );
    Problem::new(Kind::NeedsApproval, why)
}

fn respond(reply: ExchangeReply, right: impl FnOnce() -> Right) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = match reply.body {
        ExchangeBody::Whole(bytes) => Response::new(Body::from(bytes)),
        ExchangeBody::Stream(body) => stream(Watched { body, right: right() }),
    };
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    if let Some(wait) = reply.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}

fn stream(body: Watched) -> Response {
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Reverse proxies would hold pieces back otherwise.
    response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// A refusal in the protocol's own shape, where its server has one.
fn refuse(mount: &Mount, problem: Problem) -> Response {
    let (kind, status) = problem.kind.facts();
    let refused = ExchangeRefusal { status: status.as_u16(), kind, message: &problem.detail };
    let Some(body) = mount.exchanges.refusal(mount.route.path, &refused) else {
        return problem.into_response();
    };
    let mut response = problem.into_response();
    *response.body_mut() = Body::from(body);
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A body whose caller is asked for again while it streams. Dropped, the work behind it stops.
struct Watched {
    body: BoxStream<'static, Bytes>,
    right: Right,
}

/// The right to a body, as long as it holds.
struct Right {
    handler: Arc<dyn Handler>,
    caller: Arc<Caller>,
    /// Without the request's body, which nobody needs any more.
    target: Target,
    again: Interval,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Why a body ends early: the connection is cut, so that no reader takes what came for all of it.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("the hub ends")]
    GoingAway,
}

impl Watched {
    fn right(mount: &Mount, entrance: &Entrance, caller: Arc<Caller>) -> Right {
        let mut again = interval(RECHECK_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shutdown = Box::pin(entrance.shutdown.clone().cancelled_owned());
        let target = Target::Exchange(Box::new(mount.request()));
        Right { handler: entrance.handler.clone(), caller, target, again, shutdown }
    }
}

impl Right {
    fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<Cut> {
        if self.shutdown.as_mut().poll(context).is_ready() {
            return Poll::Ready(Cut::GoingAway);
        }
        while self.again.poll_tick(context).is_ready() {
            if let Err(refusal) = self.handler.still_allows(&self.caller, &self.target) {
                return Poll::Ready(refusal.into());
            }
        }
        Poll::Pending
    }
}

impl Stream for Watched {
    type Item = Result<Bytes, Cut>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(cut) = self.right.poll_ended(context) {
            tracing::info!(target = %self.right.target, caller = %self.right.caller.id, why = %cut, "a reply was cut");
            return Poll::Ready(Some(Err(cut)));
        }
        self.body.as_mut().poll_next(context).map(|piece| piece.map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_gets_a_fingerprint_and_no_body() {
        let print = fingerprint(&Bytes::from_static(b"abc"));
        assert_eq!(print["bytes"], 3);
        assert!(print["sha256"].as_str().unwrap().starts_with("ba7816bf8f01cfea"));
    }
}
