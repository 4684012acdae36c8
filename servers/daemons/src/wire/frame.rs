//! Messages end with a NUL byte.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The byte after each message.
pub(super) const END: u8 = 0;
/// How much is read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// What has arrived and is not yet a whole message.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    bytes: Vec<u8>,
    /// How much of it was looked through.
    seen: usize,
}

/// Why there is no next message.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("it sent more than {0} bytes without the end of a message")]
    TooLong(usize),
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

impl Arrived {
    /// Whether nothing is there that nobody asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next message, without its end; `None` when the other side closed. May be cancelled, and called again.
    pub(super) async fn next(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, FrameError> {
        loop {
            if let Some(message) = self.take(bytes_max)? {
                return Ok(Some(message));
            }
            self.bytes.reserve(CHUNK_BYTES);
            if from.read_buf(&mut self.bytes).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, FrameError> {
        let Some(at) = memchr::memchr(END, &self.bytes[self.seen..]) else {
            self.seen = self.bytes.len();
            return if self.seen > bytes_max { Err(FrameError::TooLong(bytes_max)) } else { Ok(None) };
        };
        let end = self.seen + at;
        if end > bytes_max {
            return Err(FrameError::TooLong(bytes_max));
        }
        let rest = self.bytes.split_off(end + 1);
        let mut message = std::mem::replace(&mut self.bytes, rest);
        message.truncate(end);
        self.seen = 0;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 8;

    async fn frames(bytes: &[u8], max: usize) -> (Vec<Vec<u8>>, bool) {
        let (mut from, mut arrived, mut frames) = (bytes, Arrived::default(), Vec::new());
        loop {
            match arrived.next(&mut from, max).await {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, true),
                Err(_) => return (frames, false),
            }
        }
    }

    #[tokio::test]
    async fn the_longest_message_passes_and_the_next_does_not() {
        assert_eq!(frames(b"12345678\0", MAX).await, (vec![b"12345678".to_vec()], true));
        assert_eq!(frames(b"123456789\0", MAX).await, (vec![], false));
        assert_eq!(frames(b"123456789", MAX).await, (vec![], false));
        assert_eq!(frames(b"half", MAX).await, (vec![], true));
    }

    proptest! {
        #[test]
        fn what_is_sent_arrives_however_it_is_cut(messages in prop::collection::vec("[a-z]{0,8}", 0..6)) {
            let bytes: Vec<u8> = messages.iter().flat_map(|text| text.bytes().chain([END])).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (found, whole) = runtime.block_on(frames(&bytes, MAX));
            prop_assert!(whole);
            prop_assert_eq!(found, messages.iter().map(|text| text.clone().into_bytes()).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(frames(&bytes, MAX));
        }
    }
}
