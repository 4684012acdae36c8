//! Exchanges: requests of another protocol that a server answers in that protocol's own words, such as the HTTP API that
//! programs already speak to a language model.
//!
//! An entrance that carries HTTP puts each route of [`Exchanges::table`] where it says and knows nothing else of it. The
//! door treats a request as a call of the tool that its route names, so rules, keys and limits of that tool hold.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{BoxFuture, Context, ToolError};

/// The exchanges of a server.
pub trait Exchanges: Send + Sync + 'static {
    /// Its routes: the same for as long as the server lives.
    fn table(&self) -> &'static [ExchangeRoute];

    /// Answers a request that the door let through. The context is that of a call and ends with this future; a body that
    /// streams lives on, and its drop stops the work behind it.
    ///
    /// # Errors
    /// Only where the protocol has no words for it: what goes wrong is told in the reply.
    fn exchange<'a>(
        &'a self,
        request: &'a ExchangeRequest,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<ExchangeReply, ToolError>>;

    /// A refusal of the door, in the protocol's own shape; `None` leaves it as the entrance writes refusals.
    fn refusal(&self, _path: &str, _refused: &ExchangeRefusal<'_>) -> Option<Bytes> {
        None
    }
}

/// One route of another protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeRoute {
    /// Where it is, such as `/v1/chat/completions`; at its end may stand `{*rest}`, for everything that follows.
    pub path: &'static str,
    /// What it takes.
    pub method: ExchangeMethod,
    /// The tool of the same server as which a request is authorized.
    pub tool: &'static str,
    /// How large the body of a request may be, in bytes.
    pub body_bytes_max: usize,
    /// Headers of a request that the server wants to see, in lower case. No other reaches it.
    pub headers: &'static [&'static str],
    /// What it is for, in a few words for people.
    pub title: &'static str,
}

/// What a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeMethod {
    /// A request without a body.
    Get,
    /// A JSON body.
    Post,
}

/// One request of another protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExchangeRequest {
    /// The server's name.
    pub server: Box<str>,
    /// The route's path.
    pub path: Box<str>,
    /// What stands in the place of the path's `{*rest}`, decoded; empty where it has none.
    pub rest: Box<str>,
    /// The headers of [`ExchangeRoute::headers`] that came, each once and readable.
    pub headers: Vec<(&'static str, Box<str>)>,
    /// The body as it came; empty for [`ExchangeMethod::Get`].
    pub body: Bytes,
}

/// What is answered, in the protocol's own words.
pub struct ExchangeReply {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// When to come back, for one who was refused for now.
    pub retry_after: Option<Duration>,
    /// The answer.
    pub body: ExchangeBody,
}

/// The body of a reply.
pub enum ExchangeBody {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece: each goes out as it comes. Dropped, the work behind it stops.
    Stream(BoxStream<'static, Bytes>),
}

/// Why the door did not let a request through.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeRefusal<'a> {
    /// The HTTP status that the entrance answers with.
    pub status: u16,
    /// One word for programs, such as `rate-limited`.
    pub kind: &'a str,
    /// For people.
    pub message: &'a str,
}

impl ExchangeReply {
    /// A whole reply of JSON.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let body = ExchangeBody::Whole(body.into());
        Self { status, content_type: "application/json", retry_after: None, body }
    }

    /// A stream of this media type.
    pub fn stream(content_type: &'static str, body: BoxStream<'static, Bytes>) -> Self {
        Self { status: 200, content_type, retry_after: None, body: ExchangeBody::Stream(body) }
    }
}

/// A reply on its way from the server to the entrance: taken once.
#[derive(Clone)]
pub struct ExchangeHandle(Arc<Mutex<Option<ExchangeReply>>>);

impl ExchangeHandle {
    /// A handle that holds `reply` until it is taken.
    pub fn new(reply: ExchangeReply) -> Self {
        Self(Arc::new(Mutex::new(Some(reply))))
    }

    /// The reply; `None` the second time.
    pub fn take(&self) -> Option<ExchangeReply> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for ExchangeHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ExchangeHandle")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_taken_once() {
        let handle = ExchangeHandle::new(ExchangeReply::json(200, "{}"));
        assert_eq!(handle.clone().take().map(|reply| reply.status), Some(200));
        assert!(handle.take().is_none());
    }
}
