//! The socket file: private, ours alone for as long as we live, and replaced safely when an earlier hub left it behind.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{Caller, CancellationToken};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::peer::{self, Peer};
use crate::channel::{Channels, Who};
use crate::frames::{FrameReader, FrameWriter};
use crate::limits::{FINISH_GRACE, SOCKETS_MAX};

/// Its name in the audit.
const ENTRANCE: &str = "mcp.socket";
/// How long to wait after `accept` failed, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another hub has it.
    #[error("another hub serves {} already; this one goes without", .0.display())]
    Taken(PathBuf),
    /// The folder cannot be trusted.
    #[error("{} {why}, so no socket is put there", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something else stands at its place.
    #[error("{} is there and is no socket: move it away, or choose another place", .0.display())]
    NoSocket(PathBuf),
    /// The system does not let us.
    #[error("cannot make the socket {}: {source}", path.display())]
    Io {
        /// What could not be made.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A socket that is not served yet. Dropped, its file goes.
pub struct SocketListener {
    listener: UnixListener,
    path: PathBuf,
    /// The kernel gives it back however we end.
    _lock: File,
}

impl SocketListener {
    /// Makes the socket, and its folder if that is not there: the folder for nobody else, the socket too.
    ///
    /// # Errors
    /// [`SocketError`]; another hub's socket is left alone.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        make_private(folder)?;
        let lock = take(path)?;
        refuse_what_is_no_socket(path)?;
        let io = |source| SocketError::Io { path: path.to_owned(), source };
        // Made beside and put in its place at once, so that nobody finds half of it.
        let fresh = path.with_extension("new");
        remove(&fresh).map_err(io)?;
        let listener = UnixListener::bind(&fresh).map_err(io)?;
        std::fs::set_permissions(&fresh, Permissions::from_mode(0o600)).map_err(io)?;
        std::fs::rename(&fresh, path).map_err(io)?;
        Ok(Self { listener, path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Serves until `shutdown`. Those at the other end that are the owner of this process are `owner`; commands that this
    /// process started have to send a key; other users are turned away.
    pub async fn serve(self, channels: Arc<Channels>, owner: Arc<Caller>, shutdown: CancellationToken) {
        let (open, permits) = (TaskTracker::new(), Arc::new(Semaphore::new(SOCKETS_MAX)));
        while let Some((stream, permit)) = shutdown.run_until_cancelled(self.accept(&permits)).await {
            let (channels, owner, shutdown) = (channels.clone(), owner.clone(), shutdown.clone());
            open.spawn(async move {
                converse(&channels, owner, stream, &shutdown).await;
                drop(permit);
            });
        }
        open.close();
        let _ended = tokio::time::timeout(FINISH_GRACE, open.wait()).await;
    }

    async fn accept(&self, permits: &Arc<Semaphore>) -> (UnixStream, Option<OwnedSemaphorePermit>) {
        // A closed semaphore would give no permit; ours is never closed.
        let permit = permits.clone().acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return (stream, permit),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl Drop for SocketListener {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::debug!(%error, "the socket's file stays");
        }
    }
}

async fn converse(channels: &Channels, owner: Arc<Caller>, stream: UnixStream, shutdown: &CancellationToken) {
    let who = match peer::of(&stream) {
        Ok(Peer::Owner) => Who::Known(owner),
        Ok(Peer::Descendant) => Who::Stranger,
        Ok(Peer::Other { uid }) => {
            return tracing::warn!(uid, "another user was turned away from the socket");
        }
        Err(error) => return tracing::warn!(%error, "nobody knows who came to the socket"),
    };
    let (read, write) = stream.into_split();
    channels.serve(who, ENTRANCE, FrameReader::new(read), FrameWriter::new(write), shutdown).await;
}

/// Makes the folder for nobody else, or sees that it is: whoever may write there could put a socket of its own in our place.
fn make_private(folder: &Path) -> Result<(), SocketError> {
    let io = |source| SocketError::Io { path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    let meta = std::fs::symlink_metadata(folder).map_err(io)?;
    let wrong = |why| Err(SocketError::Folder { folder: folder.to_owned(), why });
    if !meta.is_dir() {
        return wrong("is no folder");
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return wrong("belongs to another user");
    }
    if meta.mode() & 0o077 != 0 {
        std::fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io)?;
    }
    Ok(())
}

/// Takes the place for this process. A socket whose hub is gone is told from a living one by this lock.
fn take(path: &Path) -> Result<File, SocketError> {
    let lock = path.with_extension("lock");
    let io = |source| SocketError::Io { path: lock.clone(), source };
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SocketError::Taken(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

fn refuse_what_is_no_socket(path: &Path) -> Result<(), SocketError> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => Err(SocketError::NoSocket(path.to_owned())),
        _ => Ok(()),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
