//! Platforms without a sandbox: every launch says so. Nothing is started unconfined in its place.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{Ended, Launch, LaunchError, Report, Signal, Size, Support, WaitError};

/// No child runs here.
pub const CHILDREN_MAX: usize = 0;

/// Refuses to start anything.
#[derive(Debug, Default)]
pub struct Sandbox;

/// Cannot be had.
#[derive(Debug)]
pub struct Child {
    /// Never there.
    pub input: Option<Stream>,
    /// Never there.
    pub output: Option<Stream>,
    /// Never there.
    pub errors: Option<Stream>,
    /// Never there.
    pub terminal: Option<Terminal>,
    never: Infallible,
}

/// Cannot be had.
#[derive(Debug, Clone)]
pub struct Handle(Infallible);

/// Cannot be had.
#[derive(Debug)]
pub struct Stream(Infallible);

/// Cannot be had.
pub type Terminal = Stream;

/// There is no helper.
pub fn helper_main() {}

/// Does nothing yet.
///
/// # Errors
/// Never.
pub fn protect() -> io::Result<()> {
    Ok(())
}

impl Sandbox {
    /// One that refuses.
    pub fn new() -> Self {
        Self
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub async fn launch(&self, _: Launch) -> Result<Child, LaunchError> {
        Err(LaunchError::Unsupported)
    }

    /// Nothing is supported.
    ///
    /// # Errors
    /// Always.
    pub async fn support(&self) -> Result<Support, LaunchError> {
        Err(LaunchError::Unsupported)
    }

    /// Nothing would be held.
    ///
    /// # Errors
    /// Always.
    pub async fn would_hold(&self, _: &Launch) -> Result<Report, LaunchError> {
        Err(LaunchError::Unsupported)
    }
}

#[expect(missing_docs, clippy::missing_errors_doc, reason = "there is never one to call them on")]
impl Child {
    pub fn pid(&self) -> u32 {
        match self.never {}
    }

    pub fn report(&self) -> &Report {
        match self.never {}
    }

    pub fn handle(&self) -> Handle {
        match self.never {}
    }

    pub async fn wait(&mut self) -> Result<Ended, WaitError> {
        match self.never {}
    }

    pub fn signal(&self, _: Signal) -> io::Result<()> {
        match self.never {}
    }

    pub fn stop(&self, _: Signal, _: Duration) -> io::Result<()> {
        match self.never {}
    }

    pub fn kill(&self) -> io::Result<()> {
        match self.never {}
    }
}

#[expect(missing_docs, clippy::missing_errors_doc, reason = "there is never one to call them on")]
impl Handle {
    pub fn signal(&self, _: Signal) -> io::Result<()> {
        match self.0 {}
    }

    pub fn stop(&self, _: Signal, _: Duration) -> io::Result<()> {
        match self.0 {}
    }
}

#[expect(missing_docs, clippy::missing_errors_doc, reason = "there is never one to call them on")]
impl Stream {
    pub fn resize(&self, _: Size) -> io::Result<()> {
        match self.0 {}
    }

    pub fn signal_foreground(&self, _: Signal) -> io::Result<()> {
        match self.0 {}
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        match self.0 {}
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}
