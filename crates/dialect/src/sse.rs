//! Server-sent events of a chat completion, one JSON text each, however their bytes come.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::limits::EVENT_BYTES_MAX;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A JSON text.
    Data(Bytes),
    /// The answer is whole.
    Done,
    /// A line is longer than [`EVENT_BYTES_MAX`].
    TooLong,
}

/// Cuts a stream into events.
#[derive(Default)]
pub(crate) struct Events {
    buffer: BytesMut,
    /// How much of the buffer was searched for a line's end.
    searched: usize,
}

impl Events {
    /// Takes bytes as they come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event, if it is whole.
    pub(crate) fn next(&mut self) -> Option<Event> {
        while let Some(found) = memchr(b'\n', &self.buffer[self.searched..]) {
            let end = self.searched + found;
            self.searched = 0;
            let line = self.buffer.split_to(end + 1).freeze();
            if let Some(data) = line.strip_prefix(b"data:") {
                let data = line.slice_ref(data.trim_ascii());
                return Some(if &data[..] == b"[DONE]" { Event::Done } else { Event::Data(data) });
            }
        }
        self.searched = self.buffer.len();
        (self.buffer.len() > EVENT_BYTES_MAX).then_some(Event::TooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&str]) -> Vec<Event> {
        let (mut events, mut found) = (Events::default(), Vec::new());
        for piece in pieces {
            events.push(piece.as_bytes());
            found.extend(std::iter::from_fn(|| events.next()));
        }
        found
    }

    #[test]
    fn events_are_whole_however_they_come() {
        let whole = events(&[": hi\n\ndata: {\"a\":1}\r\n\r\nevent: x\ndata:{}\n\ndata: [DONE]\n\n"]);
        let pieces = events(&[
            ": h",
            "i\n\ndata: {\"a\"",
            ":1}\r",
            "\n\r\nevent: x\ndata:{}",
            "\n\ndata: [DO",
            "NE]\n\n",
        ]);
        assert_eq!(whole, [Event::Data("{\"a\":1}".into()), Event::Data("{}".into()), Event::Done]);
        assert_eq!(whole, pieces);
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut events = Events::default();
        events.push(&vec![b'x'; EVENT_BYTES_MAX]);
        assert_eq!(events.next(), None);
        events.push(b"x");
        assert_eq!(events.next(), Some(Event::TooLong));
    }
}
