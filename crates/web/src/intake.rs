//! How much a connection takes in while nobody knows who sends: what is beyond waits with the sender, and costs us nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// No bound.
const FREE: usize = usize::MAX;

/// What one connection may still be sent: shared by the connection, which counts, and who serves it.
#[derive(Debug)]
pub(crate) struct Intake {
    /// In bytes.
    left: AtomicUsize,
    /// Waits for the bound to be lifted.
    reader: AtomicWaker,
}

impl Intake {
    /// One without a bound.
    pub(crate) fn free() -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(FREE), reader: AtomicWaker::new() })
    }

    /// From now on no more than `bytes` and what one read brings.
    pub(crate) fn bound(&self, bytes: usize) {
        self.left.store(bytes, Ordering::Release);
    }

    /// Everything may come, also what has waited.
    pub(crate) fn lift(&self) {
        self.left.store(FREE, Ordering::Release);
        self.reader.wake();
    }

    fn poll_open(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_open() {
            return Poll::Ready(());
        }
        self.reader.register(context.waker());
        // It may have been lifted before we were registered.
        if self.is_open() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn is_open(&self) -> bool {
        self.left.load(Ordering::Acquire) > 0
    }

    fn count(&self, bytes: usize) {
        let left = self.left.load(Ordering::Acquire);
        if left != FREE {
            // Fails only where the bound was lifted meanwhile, and then nothing is counted any more.
            let rest = left.saturating_sub(bytes);
            let _ = self.left.compare_exchange(left, rest, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

/// A connection that reads only what its intake allows.
#[derive(Debug)]
pub(crate) struct Taking<S> {
    stream: S,
    intake: Arc<Intake>,
}

impl<S> Taking<S> {
    pub(crate) fn new(stream: S, intake: Arc<Intake>) -> Self {
        Self { stream, intake }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taking<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.intake.poll_open(context));
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.intake.count(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taking<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn i2_what_is_beyond_the_bound_waits_until_that_is_lifted() {
        let (mut client, ours) = duplex(64);
        let intake = Intake::free();
        let mut taking = Taking::new(ours, intake.clone());
        let mut four = [0; 4];
        client.write_all(b"head0123456789").await.unwrap();
        taking.read_exact(&mut four).await.unwrap();
        intake.bound(8);
        for expected in [b"0123", b"4567"] {
            taking.read_exact(&mut four).await.unwrap();
            assert_eq!(&four, expected);
        }
        assert!(timeout(SOON, taking.read(&mut four)).await.is_err(), "the bound is reached");
        let waiting = tokio::spawn(async move { taking.read(&mut four).await.map(|read| (read, four)) });
        tokio::task::yield_now().await;
        intake.lift();
        let (read, four) = timeout(SOON * 1_000, waiting).await.unwrap().unwrap().unwrap();
        assert_eq!(&four[..read], b"89", "nothing was lost");
    }

    #[tokio::test]
    async fn writing_knows_no_bound() {
        let (mut client, ours) = duplex(64);
        let intake = Intake::free();
        intake.bound(0);
        let mut taking = Taking::new(ours, intake);
        taking.write_all(b"bye").await.unwrap();
        taking.shutdown().await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "bye");
    }
}
