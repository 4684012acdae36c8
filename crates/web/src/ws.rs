//! `GET /ws`: a WebSocket (RFC 6455) that carries JSON-RPC messages, one in each text frame.
//!
//! What is spoken is not known here. A key that comes with the request is checked by the guard, and again every second for
//! as long as the WebSocket is open. One that opens it without a key is a stranger: who serves it lets it in or not.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use drawbridge_contract::{Caller, CancellationToken};
use futures::future::Either;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::credential::Credential;
use crate::intake::Intake;
use crate::limits::{
    CLOSE_GRACE, RECHECK_EVERY, SILENCE_MAX, STRANGER_BYTES_MAX, WEBSOCKETS_MAX, WRITE_BUFFER_BYTES,
    WS_MESSAGE_BYTES_MAX,
};
use crate::problem::{Kind, Problem};

/// Where it is opened.
pub const WS_PATH: &str = "/ws";

/// Who opened a WebSocket.
pub enum Visitor {
    /// One who brought a good key. The token is cancelled when that is good no more.
    Known(Arc<Caller>, CancellationToken),
    /// One who brought none.
    Stranger,
}

/// The messages that come.
pub struct MessageReader {
    frames: SplitStream<WebSocket>,
    /// Of a stranger, whose first message is all that is read until it is let in.
    intake: Option<Arc<Intake>>,
    has_heard: bool,
}

/// Where messages go.
pub struct MessageWriter(SplitSink<WebSocket, Message>);

/// The last word (RFC 6455, section 7.4; codes from 4000 on are ours).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// Why, for programs.
    pub code: u16,
    /// Why, for people: at most 123 bytes.
    pub reason: String,
}

impl MessageReader {
    /// The next message; `None` when the other end left, or was silent for too long, answers to pings included.
    ///
    /// Who asks for a second message of a stranger has let it in: from then on messages may be long.
    pub async fn next(&mut self) -> Option<Bytes> {
        if self.has_heard
            && let Some(intake) = self.intake.take()
        {
            intake.lift();
        }
        let message = self.read().await;
        self.has_heard = true;
        message
    }

    async fn read(&mut self) -> Option<Bytes> {
        loop {
            match timeout(SILENCE_MAX, self.frames.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => return Some(text.into()),
                Ok(Some(Ok(Message::Binary(bytes)))) => return Some(bytes),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return None,
            }
        }
    }
}

impl MessageWriter {
    /// Waits until a message fits.
    ///
    /// # Errors
    /// When nobody is there any more.
    pub async fn ready(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.0.poll_ready_unpin(context)).await.map_err(io::Error::other)
    }

    /// Takes one message of JSON text.
    ///
    /// # Errors
    /// When nobody is there any more.
    pub fn put(&mut self, message: Bytes) -> io::Result<()> {
        let text = message.try_into().map_err(io::Error::other)?;
        self.0.start_send_unpin(Message::Text(text)).map_err(io::Error::other)
    }

    /// Asks the other end for a sign of life.
    ///
    /// # Errors
    /// When nobody is there any more.
    pub fn ping(&mut self) -> io::Result<()> {
        self.0.start_send_unpin(Message::Ping(Bytes::new())).map_err(io::Error::other)
    }

    /// Sends what was taken.
    ///
    /// # Errors
    /// When nobody is there any more.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.0.flush().await.map_err(io::Error::other)
    }
}

/// The route, to be put among the entrances of [`routes()`](crate::routes()). `serve` serves whoever is at the other end,
/// and says how to part; it gets both ends back to do so.
pub fn ws<S, F>(serve: S) -> Router
where
    S: Fn(Visitor, MessageReader, MessageWriter) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<(MessageReader, MessageWriter, Farewell)>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(WEBSOCKETS_MAX));
    let open = move |request: Request| {
        let (permits, serve) = (permits.clone(), serve.clone());
        async move {
            match Opening::of(request, &permits).await {
                Ok(opening) => opening.upgrade(serve),
                Err(problem) => problem.into_response(),
            }
        }
    };
    Router::new().route(WS_PATH, get(open))
}

/// A request that becomes a WebSocket.
struct Opening {
    upgrade: WebSocketUpgrade,
    credential: Option<Credential>,
    /// What bounds the connection; nothing where it did not come over our listener.
    intake: Option<Arc<Intake>>,
    /// Held for as long as it is open.
    permit: OwnedSemaphorePermit,
}

impl Opening {
    async fn of(request: Request, permits: &Arc<Semaphore>) -> Result<Self, Problem> {
        // A key in the URL would end up in logs and histories, and there is nothing else to say there.
        if request.uri().query().is_some() {
            return Err(Problem::new(Kind::InvalidRequest, IN_THE_URL));
        }
        let (mut parts, _) = request.into_parts();
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|why| {
            let why = format!("open this as a WebSocket (RFC 6455): {}", why.body_text());
            Problem::new(Kind::InvalidRequest, why)
        })?;
        let permit = permits.clone().try_acquire_owned().map_err(|_| too_many())?;
        let (credential, intake) = (parts.extensions.remove(), parts.extensions.remove());
        Ok(Self { upgrade, credential, intake, permit })
    }

    fn upgrade<S, F>(self, serve: S) -> Response
    where
        S: Fn(Visitor, MessageReader, MessageWriter) -> F + Send + 'static,
        F: Future<Output = Option<(MessageReader, MessageWriter, Farewell)>> + Send + 'static,
    {
        let Self { upgrade, credential, intake, permit } = self;
        let intake = intake.filter(|_| credential.is_none());
        if let Some(intake) = &intake {
            intake.bound(STRANGER_BYTES_MAX);
        }
        upgrade
            .protocols(["mcp"])
            .max_message_size(WS_MESSAGE_BYTES_MAX)
            .max_frame_size(WS_MESSAGE_BYTES_MAX)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .on_failed_upgrade(|error| tracing::debug!(%error, "a WebSocket did not open"))
            .on_upgrade(|socket| async move {
                converse(socket, credential, intake, serve).await;
                drop(permit);
            })
    }
}

async fn converse<S, F>(
    socket: WebSocket,
    credential: Option<Credential>,
    intake: Option<Arc<Intake>>,
    serve: S,
) where
    S: Fn(Visitor, MessageReader, MessageWriter) -> F,
    F: Future<Output = Option<(MessageReader, MessageWriter, Farewell)>>,
{
    let (writer, frames) = socket.split();
    let (reader, writer) = (MessageReader { frames, intake, has_heard: false }, MessageWriter(writer));
    let parted = match credential {
        None => serve(Visitor::Stranger, reader, writer).await,
        Some(credential) => {
            let gone = CancellationToken::new();
            let visitor = Visitor::Known(credential.caller.clone(), gone.clone());
            let serving = std::pin::pin!(serve(visitor, reader, writer));
            match futures::future::select(serving, std::pin::pin!(lost(&credential))).await {
                Either::Left((parted, _)) => parted,
                Either::Right(((), serving)) => {
                    gone.cancel();
                    serving.await
                }
            }
        }
    };
    if let Some((reader, writer, farewell)) = parted {
        part(reader, writer, farewell).await;
    }
}

/// Waits until what let it in is good no more.
async fn lost(credential: &Credential) {
    let mut again = tokio::time::interval(RECHECK_EVERY);
    loop {
        again.tick().await;
        if credential.still_holds().is_err() {
            return;
        }
    }
}

/// Says goodbye, and waits a little for the other end to do so, so that what was sent before arrives.
async fn part(mut reader: MessageReader, mut writer: MessageWriter, farewell: Farewell) {
    let goodbye = async {
        let frame = CloseFrame { code: farewell.code, reason: crate::stream::cut(farewell.reason).into() };
        if writer.0.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = reader.frames.next().await {}
        }
    };
    // One who neither reads nor leaves is left.
    let _ = timeout(CLOSE_GRACE, goodbye).await;
}

const IN_THE_URL: &str = "this takes nothing in its URL, a key least of all: send that as `Authorization: Bearer KEY`, as \
                          `X-API-Key`, or in the first message";

fn too_many() -> Problem {
    let why = format!("{WEBSOCKETS_MAX} WebSockets are open, which is the limit: close one and try again");
    Problem::new(Kind::Unavailable, why)
}
