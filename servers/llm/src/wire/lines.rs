//! Bytes cut into lines, however they arrive.

use memchr::{memchr, memchr2};

/// The longest line: an event that holds a whole answer, as some dialects send at their end, with room to spare.
pub const LINE_BYTES_MAX: usize = 24 << 20;

/// A line longer than any that makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line of the answer has more than {LINE_BYTES_MAX} bytes")]
pub struct LineTooLong;

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// A line feed, a carriage return, or both: server-sent events.
    Any,
    /// A line feed, and a carriage return before it is dropped: lines of JSON.
    LineFeed,
}

/// Cuts bytes into lines. Lines within one chunk are not copied; each byte is looked at once and copied at most once.
#[derive(Debug)]
pub(crate) struct Lines {
    ends: Ends,
    /// The line that has not ended yet.
    rest: Vec<u8>,
    /// The last chunk ended in a carriage return: a line feed that comes next ends the same line.
    after_return: bool,
}

impl Lines {
    pub(crate) fn new(ends: Ends) -> Self {
        Self { ends, rest: Vec::new(), after_return: false }
    }

    /// Hands every line that `chunk` completes to `take`, without its end.
    pub(crate) fn push(&mut self, mut chunk: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        chunk = self.skip_line_feed(chunk);
        while let Some(at) = self.find_end(chunk) {
            let line = &chunk[..at];
            if self.rest.is_empty() {
                take(self.trimmed(line));
            } else {
                self.keep(line)?;
                take(self.trimmed(&self.rest));
                self.rest.clear();
            }
            self.after_return = chunk[at] == b'\r';
            chunk = self.skip_line_feed(&chunk[at + 1..]);
        }
        self.keep(chunk)
    }

    /// Hands over the last line, if bytes came after the last line's end.
    pub(crate) fn finish(&mut self, mut take: impl FnMut(&[u8])) {
        if !self.rest.is_empty() {
            take(self.trimmed(&self.rest));
            self.rest.clear();
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        if self.rest.len() + bytes.len() > LINE_BYTES_MAX {
            return Err(LineTooLong);
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    fn find_end(&self, chunk: &[u8]) -> Option<usize> {
        match self.ends {
            Ends::Any => memchr2(b'\n', b'\r', chunk),
            Ends::LineFeed => memchr(b'\n', chunk),
        }
    }

    /// What comes after the carriage return that ended the last line, if a line feed comes first.
    fn skip_line_feed<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        if !self.after_return || chunk.is_empty() {
            return chunk;
        }
        self.after_return = false;
        chunk.strip_prefix(b"\n").unwrap_or(chunk)
    }

    fn trimmed<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        match self.ends {
            Ends::Any => line,
            Ends::LineFeed => line.strip_suffix(b"\r").unwrap_or(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(ends: Ends, chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new(ends);
        let mut cut = Vec::new();
        for chunk in chunks {
            lines.push(chunk, |line| cut.push(String::from_utf8_lossy(line).into_owned())).unwrap();
        }
        lines.finish(|line| cut.push(String::from_utf8_lossy(line).into_owned()));
        cut
    }

    #[test]
    fn every_way_to_end_a_line_is_one_end() {
        assert_eq!(cut(Ends::Any, &[b"a\nb\rc\r\nd"]), ["a", "b", "c", "d"]);
        assert_eq!(cut(Ends::Any, &[b"a\r", b"\nb"]), ["a", "b"]);
        assert_eq!(cut(Ends::Any, &[b"a\r", b"", b"\n\nb"]), ["a", "", "b"]);
        assert_eq!(cut(Ends::Any, &[b"a\r\r\nb"]), ["a", "", "b"]);
        assert_eq!(cut(Ends::LineFeed, &[b"a\r\nb\rc\n"]), ["a", "b\rc"]);
    }

    #[test]
    fn lines_grow_over_chunks() {
        assert_eq!(cut(Ends::Any, &[b"a", b"b", b"c\nd", b"\n"]), ["abc", "d"]);
        assert_eq!(cut(Ends::LineFeed, &["é".as_bytes().split_at(1).0, &"é\n".as_bytes()[1..]]), ["é"]);
    }

    #[test]
    fn a_line_is_bounded_wherever_it_is_cut() {
        let long = vec![b'a'; LINE_BYTES_MAX];
        let mut lines = Lines::new(Ends::LineFeed);
        assert_eq!(lines.push(&long, |_| {}), Ok(()));
        assert_eq!(lines.push(b"\n", |line| assert_eq!(line.len(), LINE_BYTES_MAX)), Ok(()));
        assert_eq!(lines.push(&long, |_| {}), Ok(()));
        assert_eq!(lines.push(b"a", |_| {}), Err(LineTooLong));
    }
}
