//! Messages on a stream of bytes, each ended by a NUL byte, which JSON never contains.

use std::io;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use crate::channel::{Incoming, Reader, Writer};
use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_TIMEOUT};

/// What ends a message.
const END: u8 = 0;
/// How much is asked for at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;
/// How much is collected before it is handed to the kernel, in bytes.
const COLLECTED_BYTES: usize = 64 * 1024;
/// The name of the bound, to be read where it is used.
const BYTES_MAX: usize = MESSAGE_BYTES_MAX;
/// A message that has begun is there within this time.
const TIMEOUT: Duration = MESSAGE_TIMEOUT;

/// Reads messages.
pub struct FrameReader<R> {
    reader: R,
    frames: Frames,
    /// When the message that is not whole yet began to come.
    began: Option<Instant>,
}

impl<R> FrameReader<R> {
    /// Reads from this stream.
    pub fn new(reader: R) -> Self {
        Self { reader, frames: Frames::default(), began: None }
    }
}

impl<R: AsyncRead + Unpin + Send> Reader for FrameReader<R> {
    const ENDS_BOTH_WAYS: bool = false;

    async fn next(&mut self) -> Incoming {
        loop {
            if let Some(frame) = self.frames.next() {
                self.began = None;
                return frame;
            }
            let waits = self.frames.has_begun();
            let began = waits.then(|| *self.began.get_or_insert_with(Instant::now));
            match self.read(began).await {
                Some(Ok(1..)) => {}
                // What came without its end is no message: it may be half of one.
                Some(Ok(0) | Err(_)) => return Incoming::End,
                None => return Incoming::Stalled,
            }
        }
    }
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads what is there; nothing when a message that began takes too long.
    async fn read(&mut self, began: Option<Instant>) -> Option<io::Result<usize>> {
        self.frames.buffer.reserve(CHUNK_BYTES);
        let read = self.reader.read_buf(&mut self.frames.buffer);
        match began {
            Some(began) => timeout_at(began + TIMEOUT, read).await.ok(),
            None => Some(read.await),
        }
    }
}

/// Cuts what was read into messages.
#[derive(Default)]
pub(crate) struct Frames {
    pub(crate) buffer: BytesMut,
    /// How much of the buffer was searched for an end.
    searched: usize,
    /// A message that is too long is thrown away until its end.
    is_skipping: bool,
}

impl Frames {
    /// The next whole message that is not empty, if it is there.
    pub(crate) fn next(&mut self) -> Option<Incoming> {
        while let Some(found) = memchr(END, &self.buffer[self.searched..]) {
            let end = self.searched + found;
            self.searched = 0;
            let message = self.buffer.split_to(end).freeze();
            self.buffer.advance(1);
            if std::mem::take(&mut self.is_skipping) || message.len() > BYTES_MAX {
                return Some(Incoming::TooLong { bytes_max: BYTES_MAX });
            }
            if !message.trim_ascii().is_empty() {
                return Some(Incoming::Message(message));
            }
        }
        if self.buffer.len() > BYTES_MAX || self.is_skipping {
            self.is_skipping = true;
            self.buffer.clear();
        }
        self.searched = self.buffer.len();
        None
    }

    fn has_begun(&self) -> bool {
        !self.buffer.is_empty() || self.is_skipping
    }
}

/// Writes messages.
pub struct FrameWriter<W> {
    writer: W,
    /// What was taken and not written yet.
    rest: BytesMut,
}

impl<W> FrameWriter<W> {
    /// Writes to this stream.
    pub fn new(writer: W) -> Self {
        Self { writer, rest: BytesMut::new() }
    }
}

impl<W: AsyncWrite + Unpin + Send> Writer for FrameWriter<W> {
    async fn ready(&mut self) -> io::Result<()> {
        while self.rest.len() >= COLLECTED_BYTES {
            self.writer.write_buf(&mut self.rest).await?;
        }
        Ok(())
    }

    fn put(&mut self, message: Bytes) -> io::Result<()> {
        if message.is_empty() {
            return Ok(());
        }
        self.rest.reserve(message.len() + 1);
        self.rest.extend_from_slice(&message);
        self.rest.extend_from_slice(&[END]);
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        while self.rest.has_remaining() {
            self.writer.write_buf(&mut self.rest).await?;
        }
        self.writer.flush().await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for chunk in chunks {
            frames.buffer.extend_from_slice(chunk);
            while let Some(frame) = frames.next() {
                found.push(match frame {
                    Incoming::Message(message) => message.to_vec(),
                    other => format!("{other:?}").into_bytes(),
                });
            }
        }
        found
    }

    #[test]
    fn messages_are_whole_however_they_come() {
        assert_eq!(frames(&[b"{\"a\"", b":1}\0{}", b"\0\0\0 \n\0[1]"]), [&b"{\"a\":1}"[..], b"{}"]);
        assert_eq!(frames(&[b"[1]", b"\0"]), [b"[1]"]);
    }

    #[test]
    fn a_message_beyond_the_bound_is_skipped_and_the_next_one_served() {
        let long = vec![b'x'; MESSAGE_BYTES_MAX + 1];
        let refused = format!("{:?}", Incoming::TooLong { bytes_max: MESSAGE_BYTES_MAX }).into_bytes();
        assert_eq!(frames(&[&long, b"yz", b"\0{}\0"]), [&refused[..], b"{}"]);
        assert_eq!(frames(&[&long[1..], b"\0"])[0].len(), MESSAGE_BYTES_MAX);
        assert_eq!(frames(&[&long]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn what_is_skipped_is_not_kept() {
        let mut frames = Frames::default();
        for _ in 0..3 {
            frames.buffer.extend_from_slice(&vec![b'x'; MESSAGE_BYTES_MAX]);
            assert!(frames.next().is_none());
        }
        assert!(frames.buffer.is_empty() && frames.has_begun());
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_message_is_waited_for_so_long_and_no_longer() {
        let (mut there, here) = tokio::io::duplex(64);
        let mut reader = FrameReader::new(here);
        let drips = async {
            loop {
                there.write_all(b"x").await.unwrap();
                tokio::time::sleep(TIMEOUT / 3).await;
            }
        };
        let next = async { reader.next().await };
        let outcome = tokio::select! {
            outcome = next => outcome,
            () = drips => unreachable!(),
        };
        assert!(matches!(outcome, Incoming::Stalled), "{outcome:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_says_nothing_is_not_hurried() {
        let (_there, here) = tokio::io::duplex(64);
        let mut reader = FrameReader::new(here);
        assert!(tokio::time::timeout(TIMEOUT * 100, reader.next()).await.is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_in_any_pieces(
            messages in prop::collection::vec("[ -~]{0,40}[a-z]", 0..20), cuts in prop::collection::vec(1usize..30, 1..50),
        ) {
            let mut bytes: Vec<u8> = Vec::new();
            for message in &messages {
                bytes.extend_from_slice(message.as_bytes());
                bytes.push(END);
            }
            let (mut rest, mut pieces, mut cuts) = (&bytes[..], Vec::new(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, more) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            let expected: Vec<Vec<u8>> = messages.iter().map(|message| message.clone().into_bytes()).collect();
            prop_assert_eq!(frames(&pieces), expected);
        }

        #[test]
        fn any_bytes_are_cut_without_a_panic_and_without_nul(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            for frame in frames(&[&bytes]) {
                prop_assert!(!frame.contains(&END));
            }
        }
    }
}
