//! stdio: one JSON-RPC message a line, in both eras.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use drawbridge_contract::{Caller, CancellationToken, Handler};
use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::connection::Connection;
use crate::core::Core;
use crate::encode::one_line;
use crate::error::WireError;
use crate::limits::{FINISH_GRACE, LINE_BYTES_MAX, OUTPUT_QUEUED_BYTES_MAX, PAGE_SIZE};
use crate::outbox::Outbox;

/// Serves one host over a pair of byte streams until its input ends or `shutdown` is cancelled. Every request is made
/// as `caller`. What runs then may finish within [`FINISH_GRACE`], and is cancelled after it; this returns when
/// everything that was to be said has been written.
///
/// # Errors
/// When reading or writing fails, such as when the host closed its end.
pub async fn serve<R, W>(
    handler: Arc<dyn Handler>,
    caller: Arc<Caller>,
    reader: R,
    writer: W,
    shutdown: CancellationToken,
) -> io::Result<()>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let connection = Connection::new(Core::new(handler, PAGE_SIZE), caller, "mcp.stdio", None);
    let mut writer = LineWriter { writer, rest: Bytes::new() };
    let read = async {
        let ended = tokio::select! {
            ended = read_lines(reader, &connection) => ended,
            () = shutdown.cancelled() => Ok(()),
        };
        connection.finish(FINISH_GRACE).await;
        ended
    };
    let ended = tokio::select! {
        ended = read => ended,
        failed = writer.write_all_from(&connection.outbox) => return failed,
    };
    writer.drain(&connection.outbox).await?;
    ended
}

async fn read_lines(mut reader: impl AsyncRead + Unpin, connection: &Arc<Connection>) -> io::Result<()> {
    let mut lines = Lines::default();
    loop {
        connection.outbox.below(OUTPUT_QUEUED_BYTES_MAX).await;
        match lines.next() {
            Some(Line::Whole(line)) => connection.receive(&line),
            Some(Line::TooLong) => {
                let why = format!("a line is longer than {LINE_BYTES_MAX} bytes and was skipped");
                connection.refuse(&WireError::parse(why).into());
            }
            None => match lines.read_from(&mut reader).await? {
                0 => {
                    if let Some(last) = lines.last() {
                        connection.receive(&last);
                    }
                    return Ok(());
                }
                _ => continue,
            },
        }
    }
}

/// Cuts what was read into lines.
#[derive(Default)]
struct Lines {
    buffer: BytesMut,
    /// How much of the buffer was searched for a line's end.
    searched: usize,
    /// A line that is too long is thrown away until its end.
    is_skipping: bool,
}

enum Line {
    Whole(Bytes),
    TooLong,
}

impl Lines {
    /// Reads what is there; 0 bytes at the end.
    async fn read_from(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        /// How much is asked for at once, in bytes.
        const CHUNK_BYTES: usize = 64 * 1024;
        self.buffer.reserve(CHUNK_BYTES);
        reader.read_buf(&mut self.buffer).await
    }

    /// The next whole line that is not empty, if it is there.
    fn next(&mut self) -> Option<Line> {
        while let Some(found) = memchr(b'\n', &self.buffer[self.searched..]) {
            let end = self.searched + found;
            self.searched = 0;
            let line = self.buffer.split_to(end + 1).freeze().slice(..end);
            let is_too_long = std::mem::take(&mut self.is_skipping) || line.len() > LINE_BYTES_MAX;
            if is_too_long {
                return Some(Line::TooLong);
            }
            if !line.trim_ascii().is_empty() {
                return Some(Line::Whole(line));
            }
        }
        if self.buffer.len() > LINE_BYTES_MAX || self.is_skipping {
            self.is_skipping = true;
            self.buffer.clear();
        }
        self.searched = self.buffer.len();
        None
    }

    /// What came after the last line's end.
    fn last(&mut self) -> Option<Bytes> {
        let rest = self.buffer.split().freeze();
        (!rest.trim_ascii().is_empty() && !self.is_skipping).then_some(rest)
    }
}

/// Writes whole messages, also when it is interrupted in between.
struct LineWriter<W> {
    writer: W,
    /// What is still to be written of a message that was begun.
    rest: Bytes,
}

impl<W: AsyncWrite + Unpin> LineWriter<W> {
    /// Writes messages as they come, for ever. Can be dropped at any time and continued with [`Self::drain`].
    async fn write_all_from(&mut self, outbox: &Outbox) -> io::Result<()> {
        loop {
            self.drain(outbox).await?;
            let message = std::future::poll_fn(|context| outbox.poll_take(context)).await;
            self.begin(message);
        }
    }

    /// Writes what is there now.
    async fn drain(&mut self, outbox: &Outbox) -> io::Result<()> {
        loop {
            while self.rest.has_remaining() {
                self.writer.write_buf(&mut self.rest).await?;
            }
            match outbox.take() {
                Some(message) => self.begin(message),
                None => return self.writer.flush().await,
            }
        }
    }

    /// One message and its line end in one buffer, so that it goes out in one write.
    fn begin(&mut self, message: Bytes) {
        let message = one_line(message);
        self.rest = match message.try_into_mut() {
            Ok(mut owned) => {
                owned.extend_from_slice(b"\n");
                owned.freeze()
            }
            Err(shared) => Bytes::from([&shared, &b"\n"[..]].concat()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for chunk in chunks {
            lines.buffer.extend_from_slice(chunk);
            while let Some(line) = lines.next() {
                found.push(match line {
                    Line::Whole(line) => String::from_utf8(line.into()).unwrap(),
                    Line::TooLong => "too long".to_owned(),
                });
            }
        }
        found.extend(lines.last().map(|line| String::from_utf8(line.into()).unwrap()));
        found
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        assert_eq!(lines(&[b"{\"a\"", b":1}\n{}", b"\r\n\n  \n[1]"]), ["{\"a\":1}", "{}\r", "[1]"]);
    }

    #[test]
    fn a_line_beyond_the_bound_is_skipped_and_the_next_one_served() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        assert_eq!(lines(&[&long, b"yz", b"\n{}\n"]), ["too long", "{}"]);
        let fits = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(lines(&[&fits, b"\n"])[0].len(), LINE_BYTES_MAX);
        assert_eq!(lines(&[&long]), Vec::<String>::new());
    }
}
