//! Typing in a terminal: one at a time, and never for longer than its program reads.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use drawbridge_sandbox::Terminal;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

/// How long typing waits for a program that reads no input.
pub(super) const TYPING_MAX: Duration = Duration::from_secs(5);

/// A terminal's keyboard.
pub(super) struct Keyboard<T = Terminal>(Mutex<T>);

impl<T: AsyncWrite + Unpin> Keyboard<T> {
    pub(super) fn new(terminal: T) -> Self {
        Self(Mutex::new(terminal))
    }

    /// Types all of this, behind what others are typing. What was typed before an error stays typed.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when nothing of it was read for [`TYPING_MAX`]; others when the terminal is gone.
    pub(super) async fn type_in(&self, mut bytes: &[u8]) -> io::Result<()> {
        let mut terminal = timeout(TYPING_MAX, self.0.lock()).await?;
        while !bytes.is_empty() {
            match timeout(TYPING_MAX, terminal.write(bytes)).await?? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => bytes = &bytes[count..],
            }
        }
        Ok(())
    }
}

/// Types what comes, until nothing comes any more or the terminal is gone.
pub(super) async fn type_all(keyboard: Arc<Keyboard>, mut answers: mpsc::Receiver<Bytes>) {
    while let Some(answer) = answers.recv().await {
        match keyboard.type_in(&answer).await {
            // A program that asks and does not read gets no answer.
            Err(error) if error.kind() != io::ErrorKind::TimedOut => break,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_types_much_is_not_mixed_with_others_and_slow_readers_get_all_of_it() {
        let (ours, mut program) = tokio::io::duplex(16);
        let keyboard = Arc::new(Keyboard::new(ours));
        let typing = |text: String| {
            let keyboard = keyboard.clone();
            tokio::spawn(async move { keyboard.type_in(text.as_bytes()).await })
        };
        let (first, second) = (typing("a".repeat(100)), typing("b".to_owned()));
        let mut read = Vec::new();
        while read.len() < 100 {
            // Slower in sum than the bound, but never silent for so long.
            tokio::time::sleep(TYPING_MAX / 4).await;
            let mut part = [0; 16];
            let count = program.read(&mut part).await.unwrap();
            read.extend_from_slice(&part[..count]);
        }
        first.await.unwrap().unwrap();
        assert_eq!(read, [b'a'; 100]);
        // The second waited for its turn no longer than the bound.
        assert_eq!(second.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_reads_nothing_holds_nobody_for_longer_than_the_bound() {
        let (ours, program) = tokio::io::duplex(16);
        let keyboard = Keyboard::new(ours);
        keyboard.type_in(&[b'x'; 16]).await.unwrap();
        let error = keyboard.type_in(b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(program);
        assert_ne!(keyboard.type_in(b"x").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
