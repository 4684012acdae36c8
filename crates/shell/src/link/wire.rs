//! What carries messages: a WebSocket, or a stream of bytes with a mark between messages.

use std::time::Duration;

use drawbridge_contract::BoxFuture;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    BufReader,
};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{Address, tls};

/// How many messages may be on their way in one direction before who sends them waits.
const QUEUED_MAX: usize = 64;
/// How long one message of the hub may be, in bytes: results have up to 16 MiB, and JSON in JSON doubles what it escapes.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long opening a way may take.
const OPENING_MAX: Duration = Duration::from_secs(30);

/// An open way to a hub: whole JSON-RPC messages in both directions. Dropped, it is closed.
#[derive(Debug)]
pub struct Wire {
    pub(crate) outgoing: mpsc::Sender<String>,
    pub(crate) incoming: mpsc::Receiver<String>,
}

/// Opens ways to a hub, the first time and again.
pub trait Dial: Send + Sync + 'static {
    /// Opens one.
    fn dial(&self) -> BoxFuture<'_, Result<Wire, DialError>>;

    /// Where the hub is, for people: `127.0.0.1:4747`.
    fn place(&self) -> String;
}

/// Why no way could be opened.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct DialError {
    /// What happened, and what to do.
    pub message: String,
    /// Whether trying again is of no use, such as with a wrong key.
    pub is_final: bool,
}

impl DialError {
    /// One that may be over in a moment.
    pub fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_final: false }
    }

    /// One that stays.
    pub fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_final: true }
    }
}

impl Wire {
    /// Opens the WebSocket of the hub at `address`, with a key in its header.
    ///
    /// # Errors
    /// When nobody answers there, the hub's certificate is not trusted, or it takes neither the key nor the connection.
    pub async fn websocket(address: &Address, key: &str) -> Result<Self, DialError> {
        let opening = async {
            let upgrade = upgrade(address, key)?;
            let stream = TcpStream::connect((&*address.host, address.port)).await.map_err(|error| {
                DialError::passing(format!("the hub at {address} does not answer: {error}"))
            })?;
            let _ = stream.set_nodelay(true);
            if address.is_secure {
                Self::upgraded(address, upgrade, tls::encrypt(address, stream).await?).await
            } else {
                Self::upgraded(address, upgrade, stream).await
            }
        };
        tokio::time::timeout(OPENING_MAX, opening).await.unwrap_or_else(|_| {
            let seconds = OPENING_MAX.as_secs();
            Err(DialError::passing(format!("the hub at {address} does not answer within {seconds} s")))
        })
    }

    async fn upgraded<S>(address: &Address, upgrade: Request, stream: S) -> Result<Self, DialError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        match client_async_with_config(upgrade, stream, Some(config)).await {
            Ok((socket, _)) => Ok(Self::of_websocket(socket)),
            Err(error) => Err(refusal(address, error)),
        }
    }

    fn of_websocket<S>(socket: WebSocketStream<S>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (wire, mut to_hub, from_hub) = Self::pair();
        let (mut sink, mut stream) = socket.split();
        tokio::spawn(async move {
            while let Some(text) = to_hub.recv().await {
                if sink.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            let _ = sink.close().await;
        });
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                let text = match message {
                    Message::Text(text) => text.to_string(),
                    Message::Close(_) => return,
                    _ => continue,
                };
                if from_hub.send(text).await.is_err() {
                    return;
                }
            }
        });
        wire
    }

    /// A way over a stream of bytes, with `mark` after each message: a line's end, or NUL.
    pub fn marked<R, W>(reader: R, mut writer: W, mark: u8) -> Self
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (wire, mut to_hub, from_hub) = Self::pair();
        tokio::spawn(async move {
            while let Some(text) = to_hub.recv().await {
                let mut bytes = text.into_bytes();
                bytes.push(mark);
                if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                    return;
                }
            }
            let _ = writer.shutdown().await;
        });
        tokio::spawn(async move {
            let mut reader = BufReader::new(reader);
            while let Some(text) = next_marked(&mut reader, mark).await {
                if from_hub.send(text).await.is_err() {
                    return;
                }
            }
        });
        wire
    }

    /// A wire, and its ends at the hub.
    pub(crate) fn pair() -> (Self, mpsc::Receiver<String>, mpsc::Sender<String>) {
        let (outgoing, to_hub) = mpsc::channel(QUEUED_MAX);
        let (from_hub, incoming) = mpsc::channel(QUEUED_MAX);
        (Self { outgoing, incoming }, to_hub, from_hub)
    }
}

/// The next message; `None` at the end, and when one is too long or no text.
async fn next_marked(reader: &mut (impl AsyncBufRead + Unpin), mark: u8) -> Option<String> {
    loop {
        let mut bytes = Vec::new();
        let mut bounded = (&mut *reader).take(MESSAGE_BYTES_MAX as u64);
        bounded.read_until(mark, &mut bytes).await.ok()?;
        // What ends without its mark was cut off.
        (bytes.pop() == Some(mark)).then_some(())?;
        if !bytes.is_empty() {
            return String::from_utf8(bytes).ok();
        }
    }
}

fn upgrade(address: &Address, key: &str) -> Result<Request, DialError> {
    let wrong = || {
        DialError::lasting(format!("{address} is no address of a hub, or the key has signs that no key has"))
    };
    let scheme = if address.is_secure { "wss" } else { "ws" };
    let place = format!("{scheme}://{address}{}", address.path);
    let mut request = place.into_client_request().map_err(|_| wrong())?;
    let value = format!("Bearer {key}").parse().map_err(|_| wrong())?;
    request.headers_mut().insert("Authorization", value);
    Ok(request)
}

/// What the hub says instead (RFC 9457), or at least its status.
fn refusal(address: &Address, error: Error) -> DialError {
    let Error::Http(response) = error else {
        return DialError::passing(format!("the hub at {address} does not let us in: {error}"));
    };
    let body: serde_json::Value =
        serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap_or_default();
    let said = body["detail"].as_str().unwrap_or("it says no more");
    let message = format!("the hub at {address} refused with {}: {said}", response.status());
    DialError { message, is_final: response.status().is_client_error() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_with_marks_are_whole_however_they_come() {
        for mark in [b'\n', 0] {
            let (near, mut far) = tokio::io::duplex(16);
            let (reader, writer) = tokio::io::split(near);
            let mut wire = Wire::marked(reader, writer, mark);
            wire.outgoing.send("{\"a\":1}".to_owned()).await.unwrap();
            let mut seen = [0; 8];
            far.read_exact(&mut seen).await.unwrap();
            assert_eq!(&seen, &[b"{\"a\":1}", &[mark][..]].concat()[..]);
            for piece in [b"{\"b\"".to_vec(), vec![b':', b'2', b'}', mark, mark], vec![b'x', mark, b'y']] {
                far.write_all(&piece).await.unwrap();
            }
            assert_eq!(wire.incoming.recv().await.unwrap(), "{\"b\":2}");
            assert_eq!(wire.incoming.recv().await.unwrap(), "x");
            drop(far);
            assert_eq!(wire.incoming.recv().await, None, "what has no mark is no message");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_passing_and_a_bad_key_is_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::of(listener.local_addr().unwrap());
        assert!(Wire::websocket(&address, "a\nb").await.unwrap_err().is_final);
        drop(listener);
        assert!(!Wire::websocket(&address, "key").await.unwrap_err().is_final);
    }
}
