//! The listener: bounded connections, no delay, and an end that comes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::header::UPGRADE;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::front::Front;
use crate::intake::{Intake, Taking};

/// How many connections may be open at once, over all addresses; more wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 1024;
/// How long a client may take to send the head of a request.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long open requests may go on after the hub was asked to end.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// How long to wait after `accept` failed, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}; choose another with --listen, or end what uses it", source)]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// Bound addresses that are not served yet.
pub struct Listener {
    sockets: Vec<TcpListener>,
    /// One permit per open connection: taken before `accept`, returned when its task ends.
    permits: Arc<Semaphore>,
}

impl Listener {
    /// Binds all of `addresses`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ListenError`] names the first that cannot be had.
    pub async fn bind(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        let mut sockets = Vec::new();
        for &address in addresses {
            sockets.push(TcpListener::bind(address).await.map_err(|source| ListenError { address, source })?);
        }
        Ok(Self { sockets, permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)) })
    }

    /// The addresses as bound.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Serves until `shutdown`, then lets open requests end for [`SHUTDOWN_GRACE`].
    pub async fn serve(self, front: impl Into<Front>, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        let service = front.into();
        for socket in self.sockets {
            let accept = accept_all(
                socket,
                self.permits.clone(),
                service.clone(),
                connections.clone(),
                shutdown.clone(),
            );
            connections.spawn(accept);
        }
        connections.close();
        shutdown.cancelled().await;
        if tokio::time::timeout(SHUTDOWN_GRACE, connections.wait()).await.is_err() {
            tracing::warn!("some requests were still open and were cut");
        }
    }
}

async fn accept_all(
    socket: TcpListener,
    permits: Arc<Semaphore>,
    service: Front,
    connections: TaskTracker,
    shutdown: CancellationToken,
) {
    while let Some((stream, permit)) = shutdown.run_until_cancelled(accept_one(&socket, &permits)).await {
        connections.spawn(converse(stream, service.clone(), shutdown.clone(), permit));
    }
}

/// Waits for a permit, then for a connection.
async fn accept_one(
    socket: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // A closed semaphore would give no permit; ours is never closed.
    let permit = permits.clone().acquire_owned().await.ok();
    loop {
        match socket.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, until it ends or the hub does.
async fn converse(
    stream: TcpStream,
    front: Front,
    shutdown: CancellationToken,
    _permit: Option<OwnedSemaphorePermit>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let intake = Intake::free();
    let stream = TokioIo::new(Taking::new(stream, intake.clone()));
    let service = service_fn(move |mut request: Request<Incoming>| {
        // What is no request any more is bounded by who serves it.
        if request.headers().contains_key(UPGRADE) {
            request.extensions_mut().insert(intake.clone());
        }
        front.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(stream, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
