//! The upgrade: from a request to a bounded WebSocket.

use std::sync::Arc;

use axum::extract::FromRequestParts as _;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;

use crate::credential::Credential;
use crate::limits::{STREAMS_MAX, VIEWER_MESSAGE_BYTES_MAX, WRITE_BUFFER_BYTES, WRITE_BUFFER_BYTES_MAX};
use crate::problem::{Kind, Problem};
use crate::web::Shared;

/// A request that may become a WebSocket.
pub(crate) struct Opening {
    pub(crate) credential: Credential,
    upgrade: WebSocketUpgrade,
    /// Held for as long as the stream is open.
    permit: OwnedSemaphorePermit,
}

impl Opening {
    /// # Errors
    /// When it is no WebSocket, or too many are open.
    pub(super) async fn prepare(parts: &mut Parts, web: &Arc<Shared>) -> Result<Self, Problem> {
        let upgrade = WebSocketUpgrade::from_request_parts(parts, web).await.map_err(|why| {
            Problem::new(
                Kind::InvalidRequest,
                format!("open this as a WebSocket (RFC 6455): {}", why.body_text()),
            )
        })?;
        let credential = parts.extensions.get::<Credential>().cloned();
        let credential = credential.ok_or_else(|| Problem::new(Kind::Internal, "nobody was recognised"))?;
        let permit = web.streams.clone().try_acquire_owned().map_err(|_| too_many())?;
        Ok(Self { credential, upgrade, permit })
    }

    /// Answers the request; `serve` then runs until the WebSocket ends.
    pub(crate) fn upgrade<F>(
        self,
        protocol: &'static str,
        serve: impl FnOnce(WebSocket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let permit = self.permit;
        self.upgrade
            .protocols([protocol])
            // Twice the bound, so that the viewer of a message that is too large can still be told so.
            .max_message_size(2 * VIEWER_MESSAGE_BYTES_MAX)
            .max_frame_size(2 * VIEWER_MESSAGE_BYTES_MAX)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .on_failed_upgrade(|error| tracing::debug!(%error, "a WebSocket did not open"))
            .on_upgrade(|socket| async move {
                serve(socket).await;
                drop(permit);
            })
    }
}

fn too_many() -> Problem {
    Problem::new(
        Kind::Unavailable,
        format!("{STREAMS_MAX} streams are open, which is the limit: close one and try again"),
    )
}
