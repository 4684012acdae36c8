//! Moves bytes between a WebSocket and a stream. Three futures of one task, and the first that ends, ends it all: what is
//! shown, what is said, and the right to be here. None waits for another, so a viewer whose network is slow can still
//! type, and one who does not read stops nobody else.

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use drawbridge_contract::{Attachment, CancellationToken, StreamInput, StreamOutput};
use futures::stream::{BoxStream, SplitSink, SplitStream};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{End, Right, message};
use crate::limits::{CLOSE_GRACE, FRAME_BYTES_MAX, PING_EVERY, SILENCE_MAX, WRITE_BUFFER_BYTES};

/// What is sent to a viewer.
pub(crate) type Viewer = SplitSink<WebSocket, Message>;
/// What a viewer sends.
pub(crate) type Frames = SplitStream<WebSocket>;

/// Runs until the stream or its viewer ends, or the viewer may not look any more.
pub(super) async fn run(
    socket: WebSocket,
    attachment: Attachment,
    right: Right,
    shutdown: CancellationToken,
) {
    let (mut viewer, mut frames) = socket.split();
    let Attachment { output, input } = attachment;
    let end = tokio::select! {
        biased;
        () = shutdown.cancelled() => End::GoingAway,
        end = right.ended() => end,
        end = listen(&mut frames, input) => end,
        end = show(&mut viewer, output) => end,
    };
    tracing::debug!(target = %right.target, caller = %right.credential.caller.id, ?end, "a stream was left");
    say_goodbye(viewer, frames, &end).await;
}

/// Sends what there is to see. What is ready goes out together: one write for many small pieces.
async fn show(viewer: &mut Viewer, mut output: BoxStream<'static, StreamOutput>) -> End {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let sent = tokio::select! {
            piece = output.next() => match piece {
                Some(piece) => feed_ready(viewer, piece, &mut output).await,
                None => return End::Over,
            },
            _ = ping.tick() => viewer.send(Message::Ping(Bytes::new())).await.map(|()| Next::More),
        };
        match sent {
            Ok(Next::More) => {}
            Ok(Next::Nothing) => return End::Over,
            Err(_) => return End::Left,
        }
    }
}

/// Whether there is more to come.
enum Next {
    More,
    Nothing,
}

/// Sends a piece and those that are ready behind it, up to a full buffer.
async fn feed_ready(
    viewer: &mut Viewer,
    first: StreamOutput,
    output: &mut BoxStream<'static, StreamOutput>,
) -> Result<Next, axum::Error> {
    let mut fed_bytes = feed(viewer, first).await?;
    while fed_bytes < WRITE_BUFFER_BYTES {
        match output.next().now_or_never() {
            Some(Some(piece)) => fed_bytes += feed(viewer, piece).await?,
            Some(None) => return viewer.flush().await.map(|()| Next::Nothing),
            None => break,
        }
    }
    viewer.flush().await.map(|()| Next::More)
}

/// Hands over one piece, without waiting for the network unless the buffer is full.
async fn feed(viewer: &mut Viewer, piece: StreamOutput) -> Result<usize, axum::Error> {
    match piece {
        StreamOutput::Bytes(mut bytes) => {
            let size = bytes.len();
            while !bytes.is_empty() {
                let frame = bytes.split_to(bytes.len().min(FRAME_BYTES_MAX));
                viewer.feed(Message::Binary(frame)).await?;
            }
            Ok(size)
        }
        StreamOutput::Notice(notice) => {
            let size = notice.get().len();
            viewer.feed(Message::Text(notice.get().into())).await?;
            Ok(size)
        }
    }
}

/// Passes on what the viewer says. While the stream takes no input the viewer waits, and is not taken for silent.
async fn listen(frames: &mut Frames, input: Option<mpsc::Sender<StreamInput>>) -> End {
    loop {
        let said = match timeout(SILENCE_MAX, frames.next()).await {
            Ok(Some(Ok(frame))) => message::read(frame),
            Ok(Some(Err(_)) | None) => return End::Left,
            Err(_) => return End::Silent,
        };
        match (said, &input) {
            (Ok(None), _) => {}
            (Ok(Some(_)), None) => return End::OnlyWatches,
            // A stream that takes no more input is about to end; its last output decides when.
            (Ok(Some(said)), Some(input)) => drop(input.send(said).await),
            (Err(end), _) => return end,
        }
    }
}

/// Tells the viewer why, and waits a little for its own goodbye, so that what was sent before arrives.
pub(crate) async fn say_goodbye(mut viewer: Viewer, mut frames: Frames, end: &End) {
    let goodbye = async {
        let told = match end.frame() {
            Some(frame) => viewer.send(Message::Close(Some(frame))).await,
            None => viewer.close().await,
        };
        if told.is_ok() {
            while let Some(Ok(_)) = frames.next().await {}
        }
    };
    // A viewer who neither reads nor leaves is left.
    let _ = timeout(CLOSE_GRACE, goodbye).await;
}
