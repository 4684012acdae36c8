//! Standard input and output as a host gives them to us: pipes or sockets, read and written without blocking.
//!
//! The runtime's own standard streams take every read and write to another thread and back, which costs more than
//! most calls. Where they are neither pipes nor sockets (a terminal, a file) we use those all the same.

use tokio::io::{AsyncRead, AsyncWrite};

/// Standard input.
pub(crate) type Input = Box<dyn AsyncRead + Send + Unpin>;
/// Standard output.
pub(crate) type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// Standard input. Nobody else may read it afterwards.
pub(crate) fn input() -> Input {
    #[cfg(unix)]
    if let Some(input) = unix::input() {
        return input;
    }
    Box::new(tokio::io::stdin())
}

/// Standard output. Nobody else may write to it afterwards.
pub(crate) fn output() -> Output {
    #[cfg(unix)]
    if let Some(output) = unix::output() {
        return output;
    }
    Box::new(tokio::io::stdout())
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream as StdStream;

    use rustix::fs::{FileType, fstat};
    use tokio::net::UnixStream;
    use tokio::net::unix::pipe::{Receiver, Sender};

    use super::{Input, Output};

    pub(super) fn input() -> Option<Input> {
        let (kind, stream) = kind_of(io::stdin()).ok()?;
        match kind {
            FileType::Fifo => Some(Box::new(Receiver::from_owned_fd(stream).ok()?)),
            FileType::Socket => Some(Box::new(socket(stream).ok()?)),
            _ => None,
        }
    }

    pub(super) fn output() -> Option<Output> {
        let (kind, stream) = kind_of(io::stdout()).ok()?;
        match kind {
            FileType::Fifo => Some(Box::new(Sender::from_owned_fd(stream).ok()?)),
            FileType::Socket => Some(Box::new(socket(stream).ok()?)),
            _ => None,
        }
    }

    /// What is at the other end, and a handle of our own to it.
    fn kind_of(stream: impl AsFd) -> io::Result<(FileType, OwnedFd)> {
        let owned = stream.as_fd().try_clone_to_owned()?;
        Ok((FileType::from_raw_mode(fstat(&owned)?.st_mode), owned))
    }

    fn socket(stream: OwnedFd) -> io::Result<UnixStream> {
        let stream = StdStream::from(stream);
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    }
}
