//! What all routes share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_contract::{CancellationToken, Handler};
use drawbridge_store::Store;
use tokio::sync::Semaphore;

use crate::kept::Kept;
use crate::limits::{ATTEMPTS_MAX, STREAMS_MAX};
use crate::now::Charts;
use crate::program::Program;
use crate::session::Sessions;

/// What the console stands on.
pub struct Console {
    /// What the hub remembers.
    pub store: Store,
    /// The one door, for what goes through it.
    pub handler: Arc<dyn Handler>,
    /// Who is signed in; the guard asks the same one.
    pub sessions: Arc<Sessions>,
    /// What only the program can tell or do.
    pub program: Arc<dyn Program>,
    /// The folder in which conversations and preferences are kept.
    pub folder: PathBuf,
    /// Cancelled when we end.
    pub shutdown: CancellationToken,
}

/// The state of every route.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) program: Arc<dyn Program>,
    pub(crate) shutdown: CancellationToken,
    /// One permit for each attempt to sign in.
    pub(crate) attempts: Semaphore,
    /// One permit for each open stream of events.
    pub(crate) streams: Arc<Semaphore>,
    /// Held while the configuration is changed.
    pub(crate) config: tokio::sync::Mutex<()>,
    pub(crate) kept: Kept,
    charts: Mutex<Charts>,
}

impl Shared {
    /// The last hour. Held while it is read: who comes meanwhile has less to read.
    pub(crate) fn charts(&self) -> MutexGuard<'_, Charts> {
        self.charts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Console> for Arc<Shared> {
    fn from(console: Console) -> Self {
        let Console { store, handler, sessions, program, folder, shutdown } = console;
        let (attempts, streams) = (Semaphore::new(ATTEMPTS_MAX), Arc::new(Semaphore::new(STREAMS_MAX)));
        let (charts, config, kept) = (Mutex::default(), tokio::sync::Mutex::default(), Kept::at(folder));
        Arc::new(Shared {
            store,
            handler,
            sessions,
            program,
            shutdown,
            attempts,
            streams,
            config,
            kept,
            charts,
        })
    }
}
