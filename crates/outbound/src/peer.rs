//! One server that is asked again and again, such as the provider of a language model.
//!
//! In plain HTTP, to a host that the owner allowed, whoever waits for an answer drives its connection himself: the question
//! is written and the answer read in the task that asked, without a change of thread in between. Everything else goes the
//! way of all other requests.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use reqwest::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{Method, Response, StatusCode, Url};

use crate::line::{Flow, Place, Pool};
use crate::question::Question;
use crate::{Outbound, OutboundError, Settings};

/// A server below one address.
pub struct Peer {
    outbound: Outbound,
    base: String,
    plain: Option<Plain>,
}

/// The way without a client in between.
struct Plain {
    pool: Arc<Pool>,
    host: HeaderValue,
    user_agent: HeaderValue,
    /// What stands before every path.
    prefix: String,
}

/// An answer that has begun. Dropped before its end, its connection is closed.
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
}

enum Content {
    Plain(Box<Flow>),
    Other(Response),
}

impl Peer {
    /// A server at `base`, an address without a slash at its end. Nothing is sent yet.
    ///
    /// # Errors
    /// As [`Outbound::request`].
    pub fn new(settings: Settings, base: &str) -> Result<Self, OutboundError> {
        let outbound = Outbound::new(settings);
        let url = outbound.check(base)?;
        Ok(Self { plain: Plain::new(&outbound, &url), outbound, base: base.to_owned() })
    }

    /// Asks for a path below the server's address and waits until its answer begins: however long that takes, in plain HTTP.
    ///
    /// # Errors
    /// Every [`OutboundError`] but [`OutboundError::TooLarge`]. [`OutboundError::Connect`] says that nothing was sent.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, OutboundError> {
        match &self.plain {
            Some(plain) => plain.send(method, path, headers, body).await,
            None => {
                let request = self.outbound.request(method, &format!("{}{path}", self.base))?;
                Ok(self.outbound.send(request.headers(headers).body(body)).await?.into())
            }
        }
    }
}

impl Plain {
    /// The short way to `url`, where it is plain and the owner allowed its host.
    fn new(outbound: &Outbound, url: &Url) -> Option<Self> {
        let settings = outbound.settings();
        if url.scheme() != "http" || !settings.allowed.allow(url) {
            return None;
        }
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let place = Place { host: bare.to_owned(), port, within: settings.connect_timeout };
        Some(Self {
            pool: Arc::new(Pool::new(place)),
            host: HeaderValue::from_str(&authority).ok()?,
            user_agent: HeaderValue::from_str(&settings.user_agent).ok()?,
            prefix: url.path().trim_end_matches('/').to_owned(),
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, OutboundError> {
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, self.user_agent.clone());
        let bad = |_| OutboundError::BadUrl { problem: "the path has characters that no address has" };
        let target: PathAndQuery = format!("{}{path}", self.prefix).parse().map_err(bad)?;
        let question = Question::new(method, target.as_str(), &headers, body);
        let (head, flow) = self.pool.send(question).await?;
        Ok(Reply { status: head.status, headers: head.headers, content: Content::Plain(Box::new(flow)) })
    }
}

impl From<Response> for Reply {
    fn from(mut response: Response) -> Self {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Self { status, headers, content: Content::Other(response) }
    }
}

impl Reply {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The next bytes; `None` after the last. May be dropped and called again: nothing is lost.
    ///
    /// # Errors
    /// [`OutboundError`] when the answer breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        match &mut self.content {
            Content::Plain(flow) => flow.chunk().await,
            Content::Other(response) => Ok(response.chunk().await?),
        }
    }
}
