//! WebSockets and the unix socket, put together: what carries messages is known to one crate, what is in them to another.

use std::io;
use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use drawbridge_dialect::Older;
use drawbridge_mcp::channel::{Channels, End, Incoming, Reader, Who, Writer};
use drawbridge_web::{Farewell, MessageReader, MessageWriter, Visitor};
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;

/// The name of WebSockets in the audit.
const ENTRANCE: &str = "mcp.ws";

/// What all of them share.
pub(crate) fn open(hub: &Hub) -> Arc<Channels> {
    Channels::new(hub.gateway.clone(), hub.gateway.clone(), Older::new(hub.gateway.clone()))
}

/// The route of WebSockets.
pub(crate) fn ws(channels: Arc<Channels>, shutdown: &CancellationToken) -> Router {
    let shutdown = shutdown.clone();
    drawbridge_web::ws(move |visitor, reader, writer| {
        let (channels, shutdown) = (channels.clone(), shutdown.clone());
        async move {
            let who = match visitor {
                Visitor::Known(caller, end) => Who::Until(caller, end),
                Visitor::Stranger => Who::Stranger,
            };
            let (mut reader, mut writer) = (FromSocket(reader), ToSocket(writer));
            let end = channels.serve(who, ENTRANCE, &mut reader, &mut writer, &shutdown).await;
            farewell(end).map(|farewell| (reader.0, writer.0, farewell))
        }
    })
}

struct FromSocket(MessageReader);
struct ToSocket(MessageWriter);

impl Reader for &mut FromSocket {
    const ENDS_BOTH_WAYS: bool = true;

    async fn next(&mut self) -> Incoming {
        self.0.next().await.map_or(Incoming::End, Incoming::Message)
    }
}

impl Writer for &mut ToSocket {
    async fn ready(&mut self) -> io::Result<()> {
        self.0.ready().await
    }

    fn put(&mut self, message: Bytes) -> io::Result<()> {
        if message.is_empty() { Ok(()) } else { self.0.put(message) }
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.0.flush().await
    }

    fn ping(&mut self) -> io::Result<()> {
        self.0.ping()
    }
}

/// How to part (RFC 6455, section 7.4.1; codes from 4000 on are ours). Older clients know 1008 for a bad key. One that left,
/// or does not read, needs no word.
fn farewell(end: End) -> Option<Farewell> {
    let (code, reason) = match end {
        End::Left | End::Stalled | End::DoesNotRead => return None,
        End::GoingAway => (1001, "the hub ends".to_owned()),
        End::NotAuthenticated(why) => (1008, why),
        End::KeyGone => (1008, "the key was revoked or has expired".to_owned()),
        End::Crowded => (1013, "too many are here that have sent no key yet; try again".to_owned()),
    };
    Some(Farewell { code, reason })
}

#[cfg(unix)]
pub(crate) use unix::{bind, serve};

#[cfg(unix)]
mod unix {
    use std::path::PathBuf;

    use drawbridge_mcp::unix::SocketListener;

    use super::{Arc, CancellationToken, Channels, Hub};
    use crate::home;

    /// The socket's name in the runtime folder.
    const SOCKET: &str = "gateway.sock";

    /// Makes the socket. The hub goes without when that cannot be had: there are other entrances.
    pub(crate) fn bind(hub: &Hub) -> Option<SocketListener> {
        match SocketListener::bind(&place(hub)) {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::warn!(%error, "there is no unix socket");
                None
            }
        }
    }

    fn place(hub: &Hub) -> PathBuf {
        home::runtime(&hub.state).join(SOCKET)
    }

    /// Serves the socket until `shutdown`.
    pub(crate) async fn serve(
        listener: Option<SocketListener>,
        hub: &Hub,
        channels: Arc<Channels>,
        shutdown: CancellationToken,
    ) {
        if let Some(listener) = listener {
            listener.serve(channels, hub.gateway.owner(), shutdown).await;
        }
    }
}
