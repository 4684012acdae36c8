//! HTTP answers.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::encode::{Reply, Verdict};
use crate::envelope::Malformed;
use crate::error::WireError;
use crate::limits::BODY_TIMEOUT;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A reply as JSON. In sessions an unknown method is an answer like any other; in the modern era it is a 404.
pub(super) fn json(reply: Reply, is_modern: bool) -> Response {
    let status = match reply.verdict {
        Verdict::NoSuchMethod if is_modern => StatusCode::NOT_FOUND,
        Verdict::Malformed => StatusCode::BAD_REQUEST,
        Verdict::Served | Verdict::NoSuchMethod => StatusCode::OK,
    };
    json_with(status, reply.message)
}

/// A JSON body with a status.
pub(super) fn json_with(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// An event stream of these frames.
pub(super) fn events(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let mut response = Response::new(Body::from_stream(frames.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, EVENTS);
    headers.insert(CACHE_CONTROL, NO_CACHE);
    // Reverse proxies would hold events back otherwise.
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// What a notification or a response is answered with.
pub(super) fn accepted() -> Response {
    StatusCode::ACCEPTED.into_response()
}

/// Why a request is not served.
#[derive(Debug)]
pub(super) enum Refused {
    /// Nobody said who asks: the layer in front is missing.
    NoCaller,
    /// The body is not JSON.
    NotJson,
    /// The client takes neither JSON nor event streams.
    NotAcceptable,
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// The body took longer than [`BODY_TIMEOUT`].
    TooSlow,
    /// The body ended early.
    Broken,
    /// No such session, for this caller.
    NoSession,
    /// Streams and their end exist only in sessions.
    NeedsSession,
    /// The message is at fault.
    Malformed(Malformed),
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        Self::Malformed(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let invalid = |why: &'static str| WireError::invalid_request(why);
        let (status, error) = match self {
            Self::NoCaller => (StatusCode::UNAUTHORIZED, invalid("nobody is known here without a key")),
            Self::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, invalid("send the message as application/json"))
            }
            Self::NotAcceptable => {
                let why = "accept application/json and text/event-stream: answers are one or the other";
                (StatusCode::NOT_ACCEPTABLE, invalid(why))
            }
            Self::TooLarge(bytes_max) => {
                let why = format!("the body is larger than {bytes_max} bytes");
                (StatusCode::PAYLOAD_TOO_LARGE, WireError::invalid_request(why))
            }
            Self::TooSlow => {
                let why = format!("the body did not come within {} seconds", BODY_TIMEOUT.as_secs());
                (StatusCode::REQUEST_TIMEOUT, WireError::invalid_request(why))
            }
            Self::Broken => (StatusCode::BAD_REQUEST, WireError::parse("the body ended early")),
            Self::NoSession => (
                StatusCode::NOT_FOUND,
                invalid("there is no such session, or it has ended; send `initialize` again"),
            ),
            Self::NeedsSession => return needs_session(),
            Self::Malformed(Malformed { id, error }) => return json(Reply::error(id.as_ref(), &error), true),
        };
        json_with(status, Reply::error(None, &error).message)
    }
}

fn needs_session() -> Response {
    let error = WireError::invalid_request(
        "only a session has such a stream; MCP 2026-07-28 uses subscriptions/listen",
    );
    let mut response = json_with(StatusCode::METHOD_NOT_ALLOWED, Reply::error(None, &error).message);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}
