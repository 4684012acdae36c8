//! Event streams (WHATWG HTML, server-sent events).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};
use tokio::time::{Instant, Sleep};

use crate::encode::one_line;
use crate::legacy::streams::EventId;
use crate::limits::RETRY;

/// A message as an event that cannot be resumed.
pub(super) fn frame(message: Bytes) -> Bytes {
    let message = one_line(message);
    [b"data: ", &message[..], b"\n\n"].concat().into()
}

/// A message as an event that a client can come back after.
pub(super) fn frame_with_id(id: EventId, message: Bytes) -> Bytes {
    let message = one_line(message);
    [format!("id: {id}\ndata: ").as_bytes(), &message[..], b"\n\n"].concat().into()
}

/// The first event of a stream that may be polled: an id to come back after, and when (SEP-1699).
pub(super) fn priming(id: EventId) -> Bytes {
    format!("id: {id}\nretry: {}\ndata: \n\n", RETRY.as_millis()).into()
}

/// A comment: an event that says nothing.
const SILENCE: &[u8] = b":\n\n";

/// Fills the silence of a stream with comments, so that nobody on the way takes it for dead. Whenever it does, it looks
/// whether the stream may go on: who holds a key that was revoked must not hold a connection for ever.
pub(super) struct KeptAlive {
    frames: BoxStream<'static, Bytes>,
    may_go_on: Box<dyn Fn() -> bool + Send>,
    every: Duration,
    next: Pin<Box<Sleep>>,
}

impl KeptAlive {
    pub(super) fn new(
        frames: impl Stream<Item = Bytes> + Send + 'static,
        every: Duration,
        may_go_on: impl Fn() -> bool + Send + 'static,
    ) -> Self {
        let next = Box::pin(tokio::time::sleep(every));
        Self { frames: frames.boxed(), may_go_on: Box::new(may_go_on), every, next }
    }
}

impl Stream for KeptAlive {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let ready = match self.frames.poll_next_unpin(context) {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(frame)) => Some(frame),
            Poll::Pending => self.next.poll_unpin(context).is_ready().then(|| Bytes::from_static(SILENCE)),
        };
        let Some(frame) = ready else { return Poll::Pending };
        if frame[..] == *SILENCE && !(self.may_go_on)() {
            return Poll::Ready(None);
        }
        let due = Instant::now() + self.every;
        self.next.as_mut().reset(due);
        Poll::Ready(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_one_line_of_data_each() {
        assert_eq!(&frame(Bytes::from_static(b"{\n}"))[..], b"data: { }\n\n");
        let id = EventId { stream: 2, place: 5 };
        assert_eq!(&frame_with_id(id, Bytes::from_static(b"{}"))[..], b"id: 2-5\ndata: {}\n\n");
        assert_eq!(&priming(id)[..], b"id: 2-5\nretry: 500\ndata: \n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_filled_and_the_end_is_the_end() {
        let slow = futures::stream::once(async {
            tokio::time::sleep(Duration::from_secs(25)).await;
            Bytes::from_static(b"x")
        });
        let all: Vec<Bytes> = KeptAlive::new(slow, Duration::from_secs(10), || true).collect().await;
        assert_eq!(all, [&b":\n\n"[..], b":\n\n", b"x"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_ends_when_it_may_not_go_on() {
        let looks = std::sync::atomic::AtomicUsize::new(0);
        let twice = move || looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2;
        let all: Vec<Bytes> =
            KeptAlive::new(futures::stream::pending(), Duration::from_secs(10), twice).collect().await;
        assert_eq!(all, [SILENCE, SILENCE]);
    }
}
