//! The hub's ends of a child's streams.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::pipe::PipeFlags;
use rustix::pty::OpenptFlags;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe::{Receiver, Sender};

use super::kernel;
use crate::{Pipes, Signal, Size, Streams};

/// The most that the kernel's line discipline has at once.
const READ_BYTES_MAX: usize = 4096;

/// The hub's ends.
#[derive(Default)]
pub(super) struct Ours {
    pub(super) input: Option<Sender>,
    pub(super) output: Option<Receiver>,
    pub(super) errors: Option<Receiver>,
    pub(super) terminal: Option<Terminal>,
}

/// The child's ends: input, output, errors.
pub(super) type Theirs = [OwnedFd; 3];

/// Makes both ends.
pub(super) fn open(streams: Streams) -> io::Result<(Ours, Theirs)> {
    match streams {
        Streams::Pipes(pipes) => open_pipes(pipes),
        Streams::Terminal(size) => open_terminal(size),
    }
}

fn open_pipes(pipes: Pipes) -> io::Result<(Ours, Theirs)> {
    let mut ours = Ours::default();
    let input = if pipes.input {
        let (read, write) = pipe()?;
        ours.input = Some(Sender::from_owned_fd(write)?);
        read
    } else {
        std::fs::File::open("/dev/null")?.into()
    };
    let (read, output) = pipe()?;
    ours.output = Some(Receiver::from_owned_fd(read)?);
    let errors = if pipes.merge_errors {
        output.try_clone()?
    } else {
        let (read, errors) = pipe()?;
        ours.errors = Some(Receiver::from_owned_fd(read)?);
        errors
    };
    Ok((ours, [input, output, errors]))
}

/// A pipe that no other program inherits.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

fn open_terminal(size: Size) -> io::Result<(Ours, Theirs)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = rustix::pty::openpt(flags)?;
    rustix::pty::grantpt(&ours)?;
    rustix::pty::unlockpt(&ours)?;
    let theirs = rustix::pty::ioctl_tiocgptpeer(&ours, flags)?;
    let terminal = Terminal::new(ours)?;
    terminal.resize(size)?;
    let theirs = [theirs.try_clone()?, theirs.try_clone()?, theirs];
    Ok((Ours { terminal: Some(terminal), ..Ours::default() }, theirs))
}

/// Our side of a child's terminal: what is written here is typed, what is read here is shown.
#[derive(Debug)]
pub struct Terminal {
    file: AsyncFd<std::fs::File>,
}

impl Terminal {
    fn new(descriptor: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&descriptor, true)?;
        Ok(Self { file: kernel::watch(descriptor.into())? })
    }

    /// Gives it another size, of which the programs in it are told.
    ///
    /// # Errors
    /// When the kernel refuses, which it has no reason to.
    pub fn resize(&self, size: Size) -> io::Result<()> {
        let size =
            rustix::termios::Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(rustix::termios::tcsetwinsize(self.file.get_ref(), size)?)
    }

    /// Sends a signal to what runs in the terminal's foreground, as a key does.
    ///
    /// # Errors
    /// When nothing runs there, or it has become another user's.
    pub fn signal_foreground(&self, signal: Signal) -> io::Result<()> {
        let group = rustix::termios::tcgetpgrp(self.file.get_ref())?;
        Ok(rustix::process::kill_process_group(group, signal.to_kernel())?)
    }

    /// A second handle to the same terminal, so that one task reads and another writes.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { file: kernel::watch(self.file.get_ref().try_clone()?)? })
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.get_ref().as_fd()
    }
}

impl AsyncRead for Terminal {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.file.poll_read_ready(context))?;
            // The kernel never has more at once, and the rest of a large buffer need not be cleared for it.
            let space = buffer.initialize_unfilled_to(buffer.remaining().min(READ_BYTES_MAX));
            match ready.try_io(|file| file.get_ref().read(space)) {
                Ok(Ok(count)) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                // Nobody has the other side open any more: the end.
                Ok(Err(error)) if error.raw_os_error() == Some(libc::EIO) => return Poll::Ready(Ok(())),
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for Terminal {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.file.poll_write_ready(context))?;
            if let Ok(written) = ready.try_io(|file| file.get_ref().write(bytes)) {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
