//! What the hub holds of a launch.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::net::Shutdown;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::{Receiver, Sender};

use super::message::{Order, decode_ended};
use super::sandbox::Keeper;
use super::streams::{Ours, Terminal};
use super::wire::{LENGTH_BYTES, Malformed, length};
use crate::{Ended, Report, Signal, WaitError};

/// A running program. Dropping it ends the program and everything that it started.
#[derive(Debug)]
pub struct Child {
    /// Writes to its input, if that was asked for. Dropping it is the end of the input.
    pub input: Option<Sender>,
    /// Reads its output, if it has pipes.
    pub output: Option<Receiver>,
    /// Reads its error output, if it has pipes and they are apart.
    pub errors: Option<Receiver>,
    /// Its terminal, if it has one.
    pub terminal: Option<Terminal>,
    pid: u32,
    report: Report,
    link: Link,
    ended: Option<Ended>,
    _slot: Slot,
}

/// Sends signals to a child and ends it, from any task. It keeps nothing alive.
#[derive(Debug, Clone)]
pub struct Handle {
    stream: Arc<UnixStream>,
}

impl Child {
    pub(super) fn new(pid: u32, report: Report, ours: Ours, link: Link, slot: Slot) -> Self {
        Self {
            input: ours.input,
            output: ours.output,
            errors: ours.errors,
            terminal: ours.terminal,
            pid,
            report,
            link,
            ended: None,
            _slot: slot,
        }
    }

    /// The number of the program's process. It may be another's as soon as this one has ended.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What holds it, and what was declared and could not be held.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Something to signal and end it with, while another task waits.
    pub fn handle(&self) -> Handle {
        Handle { stream: Arc::clone(&self.link.stream) }
    }

    /// Waits for the end of the program and of everything that it started. May be cancelled and called again, also
    /// after the end.
    ///
    /// # Errors
    /// When its guard was killed: then its processes are ended, but nobody knows how the program did.
    pub async fn wait(&mut self) -> Result<Ended, WaitError> {
        if let Some(ended) = &self.ended {
            return Ok(ended.clone());
        }
        let message = match self.link.message().await {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => return Err(error.into()),
            message => message.ok().flatten().ok_or(WaitError::GuardLost)?,
        };
        let ended = decode_ended(&message).map_err(|Malformed| WaitError::GuardLost)?;
        Ok(self.ended.insert(ended).clone())
    }

    /// Sends a signal to the program and what is in its group.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.handle().signal(signal)
    }

    /// Sends a signal, and ends everything when `grace` has passed. `wait` says when that is done.
    ///
    /// # Errors
    /// When it has ended.
    pub fn stop(&self, signal: Signal, grace: Duration) -> io::Result<()> {
        self.handle().stop(signal, grace)
    }

    /// Ends everything now. `wait` says when that is done.
    ///
    /// # Errors
    /// When it has ended.
    pub fn kill(&self) -> io::Result<()> {
        self.stop(Signal::Kill, Duration::ZERO)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The guard sees the end of the connection, though handles may still hold it. It fails if the guard is gone.
        let _ = rustix::net::shutdown(&*self.link.stream, Shutdown::Both);
    }
}

impl Handle {
    /// As [`Child::signal`].
    ///
    /// # Errors
    /// When the child has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.order(Order::Signal(signal))
    }

    /// As [`Child::stop`].
    ///
    /// # Errors
    /// When the child has ended.
    pub fn stop(&self, signal: Signal, grace: Duration) -> io::Result<()> {
        self.order(Order::Stop(signal, grace))
    }

    /// Orders are so short that the connection takes them whole, or is full because its guard does not run.
    fn order(&self, order: Order) -> io::Result<()> {
        let bytes = order.encode();
        match self.stream.try_write(&bytes)? {
            count if count == bytes.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }
}

/// The connection to a guard.
#[derive(Debug)]
pub(super) struct Link {
    stream: Arc<UnixStream>,
    /// What arrived of the next message: kept here, so that waiting can be cancelled at any point.
    arrived: Vec<u8>,
    /// What started the guard, and what ends the child should the guard be killed.
    _keeper: Arc<Keeper>,
}

impl Link {
    pub(super) fn new(stream: UnixStream, keeper: Arc<Keeper>) -> Self {
        Self { stream: Arc::new(stream), arrived: Vec::new(), _keeper: keeper }
    }

    /// Sends a request, however long.
    pub(super) async fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next message, or `None` when the guard is gone. `ConnectionReset` says that it is gone and never read all that
    /// we sent: so the kernel has it for Unix sockets.
    pub(super) async fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(message) = self.complete()? {
                return Ok(Some(message));
            }
            self.stream.readable().await?;
            match self.stream.try_read_buf(&mut self.arrived) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn complete(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some((before, rest)) = self.arrived.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = length(*before).map_err(|Malformed| io::ErrorKind::InvalidData)?;
        if rest.len() < length {
            return Ok(None);
        }
        let message = rest[..length].to_vec();
        self.arrived.drain(..LENGTH_BYTES + length);
        Ok(Some(message))
    }
}

/// One of the places for running children.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicUsize>);

impl Slot {
    /// Takes a place, if fewer than `max` are taken.
    pub(super) fn take(taken: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let more = |count| (count < max).then_some(count + 1);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(Arc::clone(taken)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_can_be_taken_and_is_free_again() {
        let taken = Arc::default();
        let first = Slot::take(&taken, 2).unwrap();
        let _second = Slot::take(&taken, 2).unwrap();
        assert!(Slot::take(&taken, 2).is_none());
        drop(first);
        assert!(Slot::take(&taken, 2).is_some());
    }
}
