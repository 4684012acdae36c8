//! Event streams that can be resumed: what was sent is kept for a while, under ids that a client can come back with.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::task::AtomicWaker;

use crate::limits::REPLAY_BYTES_MAX;

/// The id of one event: the stream, and its place in there. Unique in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventId {
    pub(crate) stream: u64,
    pub(crate) place: u64,
}

impl EventId {
    /// Reads a `Last-Event-ID`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (stream, place) = text.split_once('-')?;
        Some(Self { stream: stream.parse().ok()?, place: place.parse().ok()? })
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}-{}", self.stream, self.place)
    }
}

/// What one stream carried lately. Written by the request it belongs to, read by whoever the client connects.
#[derive(Default)]
pub(crate) struct StreamLog {
    log: Mutex<Log>,
    reader: AtomicWaker,
}

#[derive(Default)]
struct Log {
    events: VecDeque<Bytes>,
    /// The place of the oldest event that is kept; places begin at 1, and 0 is before all of them.
    first: u64,
    bytes: usize,
    has_ended: bool,
    /// Counts the readers: only the newest one reads on.
    readers: u64,
}

impl StreamLog {
    pub(crate) fn new() -> Self {
        Self { log: Mutex::new(Log { first: 1, ..Log::default() }), reader: AtomicWaker::new() }
    }

    /// Adds an event. Beyond the bound the oldest are forgotten.
    pub(crate) fn append(&self, event: Bytes) {
        let mut log = self.log();
        log.bytes += event.len();
        log.events.push_back(event);
        while log.bytes > REPLAY_BYTES_MAX && log.events.len() > 1 {
            let Some(oldest) = log.events.pop_front() else { break };
            log.bytes -= oldest.len();
            log.first += 1;
        }
        drop(log);
        self.reader.wake();
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        self.log().has_ended = true;
        self.reader.wake();
    }

    /// The place of the newest event.
    pub(crate) fn newest(&self) -> u64 {
        let log = self.log();
        log.first + log.events.len() as u64 - 1
    }

    /// A number for a new reader; the one before it ends.
    pub(crate) fn attach(&self) -> u64 {
        let mut log = self.log();
        log.readers += 1;
        let reader = log.readers;
        drop(log);
        self.reader.wake();
        reader
    }

    /// The next event after `place`, with its own place; `None` at the end, or when another reader took over.
    pub(crate) fn poll_after(
        &self,
        place: u64,
        reader: u64,
        context: &mut Context<'_>,
    ) -> Poll<Option<(u64, Bytes)>> {
        let found = self.after(place, reader);
        if found.is_pending() {
            self.reader.register(context.waker());
            return self.after(place, reader);
        }
        found
    }

    fn after(&self, place: u64, reader: u64) -> Poll<Option<(u64, Bytes)>> {
        let log = self.log();
        if log.readers != reader {
            return Poll::Ready(None);
        }
        let next = log.first.max(place + 1);
        let index = usize::try_from(next - log.first).unwrap_or(usize::MAX);
        match log.events.get(index) {
            Some(event) => Poll::Ready(Some((next, event.clone()))),
            None if log.has_ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn after(log: &StreamLog, place: u64, reader: u64) -> Poll<Option<(u64, Bytes)>> {
        log.poll_after(place, reader, &mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_client_comes_back_where_it_was() {
        let log = StreamLog::new();
        let reader = log.attach();
        assert_eq!(after(&log, 0, reader), Poll::Pending);
        log.append(Bytes::from_static(b"a"));
        log.append(Bytes::from_static(b"b"));
        assert_eq!(after(&log, 0, reader), Poll::Ready(Some((1, Bytes::from_static(b"a")))));
        assert_eq!(after(&log, 1, reader), Poll::Ready(Some((2, Bytes::from_static(b"b")))));
        assert_eq!(after(&log, 2, reader), Poll::Pending);
        let second = log.attach();
        assert_eq!(after(&log, 1, reader), Poll::Ready(None), "the first reader ends");
        log.end();
        assert_eq!(after(&log, 1, second), Poll::Ready(Some((2, Bytes::from_static(b"b")))));
        assert_eq!(after(&log, 2, second), Poll::Ready(None));
        assert_eq!(after(&log, u64::MAX - 1, second), Poll::Ready(None));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest_stays() {
        let log = StreamLog::new();
        let reader = log.attach();
        log.append(Bytes::from_static(b"old"));
        log.append(Bytes::from(vec![b'x'; REPLAY_BYTES_MAX]));
        let Poll::Ready(Some((place, event))) = after(&log, 0, reader) else { panic!() };
        assert_eq!((place, event.len()), (2, REPLAY_BYTES_MAX));
        log.append(Bytes::from(vec![b'y'; REPLAY_BYTES_MAX + 1]));
        assert_eq!(after(&log, 2, reader).map(|next| next.map(|(place, _)| place)), Poll::Ready(Some(3)));
    }

    #[test]
    fn event_ids_are_read_back_and_nonsense_is_not() {
        let id = EventId { stream: 3, place: 7 };
        assert_eq!(EventId::parse(&id.to_string()), Some(id));
        for bad in ["", "3", "3-", "-7", "a-b", "3-7-1", "3--7", "99999999999999999999-1"] {
            assert_eq!(EventId::parse(bad), None, "{bad}");
        }
    }
}
