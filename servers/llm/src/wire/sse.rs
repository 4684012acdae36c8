//! Server-sent events, as the HTML standard tells to read them (§ 9.2.6), without reconnecting.

use std::fmt::Write as _;

use serde::Serialize;

use super::lines::{Ends, LINE_BYTES_MAX, LineTooLong, Lines};

/// Reads events from bytes, however they are cut.
#[derive(Debug)]
pub struct Events {
    lines: Lines,
    event: Pending,
}

#[derive(Debug, Default)]
struct Pending {
    /// Whether anything was read yet: a byte order mark may only come first.
    begun: bool,
    name: String,
    data: Vec<u8>,
    /// A data line was seen, be it empty.
    has_data: bool,
    too_long: bool,
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its name; empty if it has none.
    pub name: &'a str,
    /// Its data lines, with a line feed between two.
    pub data: &'a [u8],
}

impl Default for Events {
    fn default() -> Self {
        Self { lines: Lines::new(Ends::Any), event: Pending::default() }
    }
}

impl Events {
    /// Hands every event that `chunk` completes to `take`.
    ///
    /// # Errors
    /// [`LineTooLong`] when a line or the lines of an event are longer than any answer.
    pub fn push(&mut self, chunk: &[u8], mut take: impl FnMut(Event<'_>)) -> Result<(), LineTooLong> {
        let event = &mut self.event;
        self.lines.push(chunk, |line| event.line(line, &mut take))?;
        if event.too_long { Err(LineTooLong) } else { Ok(()) }
    }

    /// Hands over the last event, if the stream ended without the empty line that should end it.
    pub fn finish(&mut self, mut take: impl FnMut(Event<'_>)) {
        let event = &mut self.event;
        self.lines.finish(|line| event.line(line, &mut take));
        event.line(b"", &mut take);
    }
}

impl Pending {
    fn line(&mut self, line: &[u8], take: &mut impl FnMut(Event<'_>)) {
        let line = self.without_mark(line);
        if line.is_empty() {
            return self.dispatch(take);
        }
        match field(line) {
            (b"data", value) => self.data(value),
            (b"event", value) => self.name = String::from_utf8_lossy(value).into_owned(),
            // A comment, an id, a time to reconnect, or nothing that the standard knows.
            _ => {}
        }
    }

    fn without_mark<'a>(&mut self, line: &'a [u8]) -> &'a [u8] {
        if std::mem::replace(&mut self.begun, true) {
            return line;
        }
        line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
    }

    fn data(&mut self, value: &[u8]) {
        if self.data.len() + value.len() > LINE_BYTES_MAX {
            self.too_long = true;
            return;
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
    }

    fn dispatch(&mut self, take: &mut impl FnMut(Event<'_>)) {
        if self.has_data {
            take(Event { name: &self.name, data: &self.data });
        }
        self.name.clear();
        self.data.clear();
        self.has_data = false;
    }
}

/// Name and value of a line; one space after the colon belongs to neither.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', line) {
        Some(at) => (&line[..at], line[at + 1..].strip_prefix(b" ").unwrap_or(&line[at + 1..])),
        None => (line, b""),
    }
}

/// Writes an event of JSON, with a name unless that is empty.
pub(crate) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, name: &str, data: &T) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    super::json::write(out, data);
    out.extend_from_slice(b"\n\n");
}

/// A comment: what keeps a connection alive while there is nothing to say yet.
#[must_use]
pub fn comment(words: &str) -> String {
    let mut comment = String::new();
    for line in words.lines() {
        let _ = writeln!(comment, ": {line}");
    }
    comment + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut events = Events::default();
        let mut read = Vec::new();
        let mut take = |event: Event<'_>| {
            read.push((event.name.to_owned(), String::from_utf8_lossy(event.data).into_owned()));
        };
        for chunk in chunks {
            events.push(chunk, &mut take).unwrap();
        }
        events.finish(take);
        read
    }

    fn pair(name: &str, data: &str) -> (String, String) {
        (name.into(), data.into())
    }

    #[test]
    fn names_data_and_comments_are_told_apart() {
        let text = b": hello\n\nevent: ping\ndata: {}\n\nid: 1\nretry: 5\ndata:a\ndata:  b\n\n";
        assert_eq!(read(&[text]), [pair("ping", "{}"), pair("", "a\n b")]);
    }

    #[test]
    fn an_event_without_data_is_none_and_empty_data_is_some() {
        assert_eq!(read(&[b"event: x\n\ndata\n\ndata:\n\n"]), [pair("", ""), pair("", "")]);
    }

    #[test]
    fn a_mark_at_the_beginning_and_a_missing_end_do_not_matter() {
        assert_eq!(read(&[b"\xef\xbb\xbfdata: a\r\n\r\ndata: b"]), [pair("", "a"), pair("", "b")]);
    }

    #[test]
    fn the_lines_of_an_event_are_bounded_together() {
        let mut events = Events::default();
        let line = [b"data: ".as_slice(), &vec![b'a'; LINE_BYTES_MAX / 2 + 1], b"\n"].concat();
        assert_eq!(events.push(&line, |_| {}), Ok(()));
        assert_eq!(events.push(&line, |_| {}), Err(LineTooLong));
    }

    #[test]
    fn a_comment_is_no_event() {
        assert_eq!(read(&[comment("two\nlines").as_bytes()]), []);
    }

    proptest::proptest! {
        #[test]
        fn however_it_is_cut_the_events_are_the_same(
            text in "(data|event|id|:)?:? ?[a-cé{}]{0,4}(\r\n|\n|\r|\n\n|\r\r|\r\n\r\n)(data: [é]{1,3}(\n\n|\r\n\r\n)){0,3}",
            cuts in proptest::collection::vec(0usize..40, 0..8),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&bytes[from..cut]);
                from = cut;
            }
            chunks.push(&bytes[from..]);
            proptest::prop_assert_eq!(read(&chunks), read(&[bytes]));
        }
    }
}
