//! Lines from a WebSocket, with pings in between.

use std::time::Duration;

use axum::extract::ws::Message;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::time::{Instant, Interval, interval, timeout_at};

use crate::limits::{PING_EVERY, SILENCE_MAX, VIEWER_MESSAGE_BYTES_MAX};
use crate::stream::{End, Frames, Viewer};

/// How long one answer may take to be handed to the network.
const SEND_MAX: Duration = Duration::from_secs(30);

/// Both ends of a WebSocket that carries lines one way and JSON the other.
pub(super) struct Lines {
    pub(super) viewer: Viewer,
    pub(super) frames: Frames,
    ping: Interval,
    heard: Instant,
}

impl Lines {
    pub(super) fn new(viewer: Viewer, frames: Frames) -> Self {
        Self { viewer, frames, ping: interval(PING_EVERY), heard: Instant::now() }
    }

    /// The next line. May be dropped and called again: nothing is lost.
    pub(super) async fn next(&mut self) -> Result<String, End> {
        loop {
            let frame = tokio::select! {
                frame = timeout_at(self.heard + SILENCE_MAX, self.frames.next()) => frame,
                _ = self.ping.tick() => {
                    self.viewer.send(Message::Ping(Bytes::new())).await.map_err(|_| End::Left)?;
                    continue;
                }
            };
            self.heard = Instant::now();
            match frame {
                Ok(Some(Ok(Message::Text(text)))) if text.len() > VIEWER_MESSAGE_BYTES_MAX => {
                    return Err(End::TooLarge);
                }
                Ok(Some(Ok(Message::Text(text)))) => return Ok(text.as_str().to_owned()),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                Ok(Some(Ok(Message::Binary(_)))) => {
                    return Err(End::BadMessage("send command lines as text".to_owned()));
                }
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return Err(End::Left),
                Err(_) => return Err(End::Silent),
            }
        }
    }

    pub(super) async fn tell(&mut self, value: &Value) -> Result<(), End> {
        let sent = tokio::time::timeout(SEND_MAX, self.viewer.send(Message::Text(value.to_string().into())));
        self.heard = Instant::now();
        sent.await.map_err(|_| End::Silent)?.map_err(|_| End::Left)
    }
}
