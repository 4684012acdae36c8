//! Streamable HTTP at `/mcp`, in both eras.
//!
//! A request is read, checked and decoded in `post.rs`; the answer is JSON when the call ends without events, and an
//! event stream as soon as there is one. No task is started for a modern call: it lives in the response, and ends with
//! it. Only a legacy call that already streams moves to a task, because its client may come back for the rest.

mod body;
mod headers;
mod legacy;
mod post;
mod respond;
mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::response::Response;
use axum::routing::{self, get};
use axum::{BoxError, Router};
use bytes::Bytes;
use drawbridge_contract::{Caller, CancellationToken, Handler};
use http::Request;

use crate::core::Core;
use crate::legacy::sessions::{Bounds, Sessions};
use crate::limits::{
    BODY_BYTES_MAX, KEEP_ALIVE, PAGE_SIZE, QUIET_MAX, SESSION_IDLE, SESSIONS_MAX, SESSIONS_PER_CALLER_MAX,
};

/// How MCP is served over HTTP.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// How large a request's body may be, in bytes.
    pub body_bytes_max: usize,
    /// How many entries one page of a list holds.
    pub page_size: usize,
    /// How often a silent event stream carries a comment.
    pub keep_alive: Duration,
    /// How long a call may be silent before its answer becomes an event stream.
    pub quiet_max: Duration,
    /// How long a legacy session lives unused.
    pub session_idle: Duration,
    /// How many legacy sessions there may be.
    pub sessions_max: usize,
    /// How many of them one caller may have.
    pub sessions_per_caller_max: usize,
    /// After how long we close the stream of a legacy call that is still running, for its client to come back and poll
    /// (SEP-1699; 2025-11-25 only). `None`: never.
    pub poll_after: Option<Duration>,
    /// Cancelled when we end: subscriptions and standalone streams then say goodbye.
    pub shutdown: CancellationToken,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_MAX,
            page_size: PAGE_SIZE,
            keep_alive: KEEP_ALIVE,
            quiet_max: QUIET_MAX,
            session_idle: SESSION_IDLE,
            sessions_max: SESSIONS_MAX,
            sessions_per_caller_max: SESSIONS_PER_CALLER_MAX,
            poll_after: None,
            shutdown: CancellationToken::new(),
        }
    }
}

/// What all requests share.
struct Http {
    core: Arc<Core>,
    sessions: Sessions,
    settings: HttpSettings,
}

/// Where MCP is, over HTTP.
pub const PATH: &str = "/mcp";

/// MCP over HTTP: a router for every method, and the way of a POST by itself.
#[derive(Clone)]
pub struct Endpoint(Arc<Http>);

impl Endpoint {
    /// Serves what `handler` has.
    pub fn new(handler: Arc<dyn Handler>, settings: HttpSettings) -> Self {
        let bounds = Bounds {
            total_max: settings.sessions_max,
            per_caller_max: settings.sessions_per_caller_max,
            idle: settings.session_idle,
        };
        let core = Core::new(handler, settings.page_size);
        Self(Arc::new(Http { core, sessions: Sessions::new(bounds), settings }))
    }

    /// The route [`PATH`]. A layer in front must check Host, Origin and the key, and put the `Arc<Caller>` into the
    /// request's extensions: a request without one is answered 401.
    pub fn router(&self) -> Router {
        let route = get(session::listen).merge(routing::post(post::post)).delete(session::end);
        Router::new().route(PATH, route).with_state(self.0.clone())
    }

    /// Answers one POST of `caller`, whose Host, Origin and key were checked. As the router does it, without what a
    /// router costs.
    pub async fn post<B>(self, caller: Arc<Caller>, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        post::answer(&self.0, caller, request).await
    }
}

/// The router of an [`Endpoint`].
pub fn router(handler: Arc<dyn Handler>, settings: HttpSettings) -> Router {
    Endpoint::new(handler, settings).router()
}
