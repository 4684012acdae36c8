//! One request to a provider. It is tried again only where nothing of it was sent; a redirect is followed nowhere, because
//! it would carry prompt and key elsewhere.

use std::time::{Duration, Instant};

use bytes::Bytes;
use drawbridge_outbound::header::{HeaderMap, HeaderName, HeaderValue};
use drawbridge_outbound::{Method, OutboundError, Reply, StatusCode, header};

use super::Provider;
use crate::chat::{Failure, FailureKind};
use crate::settings::Secret;
use crate::wire::{ProviderDialect, failure_of, retry_after};

/// How often a connection is tried.
const ATTEMPTS: u32 = 3;
/// How long the first pause between two attempts is at least; each is twice the one before, and up to twice as long by
/// chance, so that many who failed together do not come back together.
const PAUSE: Duration = Duration::from_millis(40);
/// The most that is read of an answer that says what went wrong.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// What a request carries.
#[derive(Debug, Clone)]
pub(crate) enum Body<'a> {
    /// Nothing: it asks.
    None,
    /// JSON, and headers of the client's that go along.
    Json { body: Bytes, headers: &'a [(&'static str, Box<str>)] },
}

impl From<Vec<u8>> for Body<'_> {
    fn from(json: Vec<u8>) -> Self {
        Self::Json { body: json.into(), headers: &[] }
    }
}

/// An answer that has begun well.
pub(crate) struct Sent {
    reply: Reply,
    /// How long to wait for the next bytes: at first as long as for the answer, because some begin before they have
    /// read the prompt.
    patience: Duration,
    idle: Duration,
}

/// Why nothing came back.
pub(crate) struct Unsent {
    pub(crate) failure: Failure,
    /// Whether the provider cannot have seen the request.
    pub(crate) nothing_was_sent: bool,
}

impl Provider {
    /// Sends a request to a path of the provider's dialect and waits until its answer begins.
    ///
    /// # Errors
    /// [`Unsent`]: no connection, an error of the provider's, or a redirect.
    pub(crate) async fn send(&self, method: Method, path: &str, content: Body<'_>) -> Result<Sent, Unsent> {
        self.send_as(self.version, method, path, content).await
    }

    /// The same, below another part of its address.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn send_as(
        &self,
        version: &str,
        method: Method,
        path: &str,
        content: Body<'_>,
    ) -> Result<Sent, Unsent> {
        if let Err(rest) = self.breaker().admit(Instant::now()) {
            return Err(Unsent { failure: self.resting(rest), nothing_was_sent: true });
        }
        let path = format!("{version}{path}");
        let mut pause = PAUSE;
        // Who only looks, such as for a server that may not be there, does not wait.
        let attempts = if matches!(content, Body::None) { 1 } else { ATTEMPTS };
        for attempt in 1.. {
            let answer = self.once(method.clone(), &path, &content).await;
            let Err(Unsent { nothing_was_sent: true, failure }) = answer else {
                return self.judged(answer);
            };
            if attempt == attempts || failure.kind == FailureKind::Invalid {
                return self.judged(Err(Unsent { failure, nothing_was_sent: true }));
            }
            tokio::time::sleep(pause.mul_f64(rand::random_range(1.0..2.0))).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// Asks once, also a provider that is left alone.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(super) async fn send_regardless(&self, version: &str, path: &str) -> Result<Sent, Unsent> {
        let answer = self.once(Method::GET, &format!("{version}{path}"), &Body::None).await;
        self.judged(answer)
    }

    /// Notes whether the provider works. One who says no, works.
    fn judged(&self, answer: Result<Sent, Unsent>) -> Result<Sent, Unsent> {
        use FailureKind::{Broken, Malformed, Overloaded, TimedOut};
        let is_broken = matches!(&answer, Err(unsent) if matches!(unsent.failure.kind, Broken | Malformed | Overloaded | TimedOut));
        match is_broken {
            true => self.breaker().failed(Instant::now()),
            false => self.breaker().worked(),
        }
        answer
    }

    async fn once(&self, method: Method, path: &str, content: &Body<'_>) -> Result<Sent, Unsent> {
        let (headers, body) = match content {
            Body::None => (self.headers.asking.clone(), Bytes::new()),
            Body::Json { body, headers } => (self.headers.telling_also(headers), body.clone()),
        };
        let sending = self.peer.send(method, path, headers, body);
        let reply = match tokio::time::timeout(self.waits.first_byte, sending).await {
            Ok(sent) => sent.map_err(|error| self.unsent(&error))?,
            Err(_) => return Err(Unsent { failure: self.silent(), nothing_was_sent: false }),
        };
        self.accept(reply).await
    }

    async fn accept(&self, reply: Reply) -> Result<Sent, Unsent> {
        let status = reply.status();
        let sent = Sent { reply, patience: self.waits.first_byte, idle: self.waits.idle };
        if status.is_success() {
            return Ok(sent);
        }
        if status.is_redirection() {
            return Err(Unsent { failure: self.redirected(status), nothing_was_sent: false });
        }
        let wait = sent.reply.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|value| retry_after(value, drawbridge_store::now_us() / 1_000_000));
        let said = tokio::time::timeout(self.waits.idle, sent.whole(ERROR_BYTES_MAX)).await;
        let said = said.ok().and_then(Result::ok).unwrap_or_default();
        let failure = failure_of(status.as_u16(), &said);
        let wait = wait.or(failure.retry_after);
        let failure = self.named(failure.with_retry_after(wait));
        Err(Unsent { failure, nothing_was_sent: false })
    }

    /// The failure, with the provider's name in front and its key nowhere.
    pub(crate) fn named(&self, mut failure: Failure) -> Failure {
        failure.message = format!("{}: {}", self.name, failure.message);
        match &self.key {
            Some(key) => failure.without(key.reveal()),
            None => failure,
        }
    }

    fn resting(&self, rest: Duration) -> Failure {
        let seconds = rest.as_secs().max(1);
        let words = format!("{} failed several times and is left alone for {seconds} s", self.name);
        Failure::new(FailureKind::Overloaded, words).with_retry_after(Some(rest))
    }

    fn silent(&self) -> Failure {
        let seconds = self.waits.first_byte.as_secs();
        Failure::new(
            FailureKind::TimedOut,
            format!("{} did not begin to answer within {seconds} s", self.name),
        )
    }

    fn redirected(&self, status: StatusCode) -> Failure {
        let words = format!(
            "{} answers {status}, a redirect, which is not followed: it would take the prompt and the key elsewhere. Set its address to where it leads, if that is meant",
            self.name
        );
        Failure::new(FailureKind::Malformed, words).with_status(status.as_u16())
    }

    fn unsent(&self, error: &OutboundError) -> Unsent {
        let at = format!("{} at {}", self.name, self.base);
        let (kind, words, nothing_was_sent) = match error {
            OutboundError::Connect(_) => {
                (FailureKind::Broken, format!("{at}: {error}; is it running?"), true)
            }
            OutboundError::Timeout(_) => (FailureKind::TimedOut, format!("{at}: {error}"), false),
            OutboundError::BadUrl { .. } | OutboundError::Refused { .. } => {
                (FailureKind::Invalid, format!("{at}: {error}"), true)
            }
            OutboundError::Failed(_) | OutboundError::TooLarge { .. } => {
                (FailureKind::Broken, format!("{at}: {error}"), false)
            }
        };
        let failure = Failure::new(kind, words);
        Unsent {
            failure: self.key.iter().fold(failure, |failure, key| failure.without(key.reveal())),
            nothing_was_sent,
        }
    }
}

/// What every request to a provider says, made once.
pub(super) struct Headers {
    /// Of a request without a body.
    asking: HeaderMap,
    /// Of one with JSON.
    telling: HeaderMap,
}

impl Headers {
    /// Every dialect takes its key its own way.
    pub(super) fn of(dialect: ProviderDialect, key: Option<&Secret>) -> Self {
        let mut asking = HeaderMap::new();
        for (name, value) in dialect.headers() {
            asking.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Some(key) = key {
            let (name, prefix) = dialect.key_header();
            asking.insert(HeaderName::from_static(name), secret(&format!("{prefix}{}", key.reveal())));
        }
        let mut telling = asking.clone();
        telling.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { asking, telling }
    }

    /// Of a request with JSON, and with headers of the client's that are none of ours.
    fn telling_also(&self, more: &[(&'static str, Box<str>)]) -> HeaderMap {
        let mut all = self.telling.clone();
        for (name, value) in more.iter().filter(|(name, _)| !self.telling.contains_key(*name)) {
            if let Ok(value) = HeaderValue::from_str(value) {
                all.insert(HeaderName::from_static(name), value);
            }
        }
        all
    }
}

/// A header that nothing prints.
fn secret(value: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

impl Sent {
    /// Whether it comes as server-sent events.
    pub(crate) fn is_events(&self) -> bool {
        self.has_type("text/event-stream")
    }

    /// Whether its media type is this.
    pub(crate) fn has_type(&self, essence: &str) -> bool {
        let value = self.reply.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let found = value.unwrap_or_default().split(';').next().unwrap_or_default();
        found.trim().eq_ignore_ascii_case(essence)
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// A [`Failure`] when the answer breaks off, or nothing comes for too long.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        match tokio::time::timeout(self.patience, self.reply.chunk()).await {
            Ok(Ok(chunk)) => {
                self.patience = self.idle;
                Ok(chunk)
            }
            Ok(Err(_)) => Err(Failure::cut()),
            Err(_) => {
                let words = format!("nothing more came for {} s", self.patience.as_secs());
                Err(Failure::new(FailureKind::TimedOut, words))
            }
        }
    }

    /// All of it, up to a bound.
    ///
    /// # Errors
    /// As [`Self::chunk`], and when it is larger.
    pub(crate) async fn whole(mut self, bytes_max: usize) -> Result<Bytes, Failure> {
        let mut all = bytes::BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > bytes_max {
                let words = format!("the answer has more than {bytes_max} bytes");
                return Err(Failure::new(FailureKind::Malformed, words));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}
