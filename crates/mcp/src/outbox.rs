//! Messages on their way to the host: bounded, in order, with one reader.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::task::AtomicWaker;
use tokio::sync::Notify;

use crate::limits::EVENTS_QUEUED_BYTES_MAX;

/// A queue of messages. What must arrive is pushed; what may be lost is offered.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    reader: AtomicWaker,
    taken: Notify,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Bytes>,
    bytes: usize,
}

impl Outbox {
    /// Adds a message that must arrive.
    pub(crate) fn push(&self, message: Bytes) {
        self.queue().add(message);
        self.reader.wake();
    }

    /// Adds a message unless too much is waiting already: progress and logs must not fill the memory because the
    /// reader is slow.
    pub(crate) fn offer(&self, message: Bytes) {
        let mut queue = self.queue();
        if queue.bytes + message.len() > EVENTS_QUEUED_BYTES_MAX {
            return;
        }
        queue.add(message);
        drop(queue);
        self.reader.wake();
    }

    /// The oldest message, if there is one.
    pub(crate) fn take(&self) -> Option<Bytes> {
        let mut queue = self.queue();
        let message = queue.messages.pop_front()?;
        queue.bytes -= message.len();
        drop(queue);
        self.taken.notify_waiters();
        Some(message)
    }

    /// The oldest message, as soon as there is one. For one reader at a time.
    pub(crate) fn poll_take(&self, context: &mut Context<'_>) -> Poll<Bytes> {
        if let Some(message) = self.take() {
            return Poll::Ready(message);
        }
        self.reader.register(context.waker());
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Waits until less than `bytes_max` is queued. Any number may wait, each for an amount of its own.
    pub(crate) async fn below(&self, bytes_max: usize) {
        while self.queue().bytes >= bytes_max {
            let mut taken = std::pin::pin!(self.taken.notified());
            // From here on nothing is missed, so what was taken since the look above is seen by another one.
            taken.as_mut().enable();
            if self.queue().bytes >= bytes_max {
                taken.await;
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn add(&mut self, message: Bytes) {
        self.bytes += message.len();
        self.messages.push_back(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_who_waits_for_room_gets_it() {
        let outbox = Outbox::default();
        outbox.push(Bytes::from(vec![b'x'; 100]));
        let takes = async {
            tokio::task::yield_now().await;
            outbox.take();
        };
        let all = async { tokio::join!(outbox.below(1), outbox.below(50), outbox.below(100), takes) };
        tokio::time::timeout(std::time::Duration::from_secs(5), all).await.unwrap();
    }

    #[test]
    fn events_are_dropped_at_the_bound_and_answers_never() {
        let outbox = Outbox::default();
        outbox.offer(Bytes::from(vec![b'x'; EVENTS_QUEUED_BYTES_MAX]));
        outbox.offer(Bytes::from_static(b"lost"));
        outbox.push(Bytes::from_static(b"kept"));
        assert_eq!(outbox.take().map(|message| message.len()), Some(EVENTS_QUEUED_BYTES_MAX));
        assert_eq!(outbox.take().as_deref(), Some(&b"kept"[..]));
        assert_eq!(outbox.take(), None);
    }
}
