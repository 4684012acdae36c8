//! The connections to one daemon.
//!
//! Each call has a connection to itself, so that one that hangs or talks nonsense keeps no other waiting, and no
//! answer can be taken for another's. Connections are used again while calls come quickly; one that is not used is soon
//! closed, because daemons that serve one connection after the other would not get to the next.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::circuit::Circuit;
use super::frame::{Arrived, FrameError};
use super::message::{self, Answer};
use crate::folder::{Folder, Refused};
use crate::settings::Bounds;

/// How long a daemon may take to take a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a connection is kept that nobody uses.
const IDLE_KEPT: Duration = Duration::from_millis(500);
/// How many notifications may come before the answer: they are not passed on.
const NOTIFICATIONS_MAX: usize = 1_000;

/// The way to one daemon.
#[derive(Debug)]
pub(crate) struct Link {
    folder: Arc<Folder>,
    socket: String,
    bounds: Bounds,
    permits: Semaphore,
    waiting: AtomicUsize,
    ids: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    circuit: Circuit,
    idle: Vec<(Instant, Connection)>,
    is_reaped: bool,
    last_problem: Option<String>,
}

#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    arrived: Arrived,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("it has {0} calls waiting, the most it may have; try again later")]
    Busy(usize),
    #[error("it failed several times ({why}); it is tried again in {} s", .left.as_secs().max(1))]
    Paused { why: String, left: Duration },
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] Refused),
    #[error("it did not answer within {} s", .0.as_secs_f32().ceil())]
    TimedOut(Duration),
    #[error("it closed the connection without an answer; whether it did what was asked is not known")]
    Closed,
    #[error("{0}; the connection was closed")]
    Nonsense(String),
}

impl Link {
    pub(crate) fn new(folder: Arc<Folder>, socket: String, bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            permits: Semaphore::new(bounds.parallel_max),
            folder,
            socket,
            bounds,
            waiting: AtomicUsize::new(0),
            ids: AtomicU64::new(1),
            state: Mutex::default(),
        })
    }

    /// Asks the daemon. `may_repeat` says that asking twice does no harm. Dropping it closes the connection.
    pub(crate) async fn call(
        self: &Arc<Self>,
        method: &str,
        params: &str,
        time: Duration,
        may_repeat: bool,
    ) -> Result<Answer, CallError> {
        let _waits = Waiting::enter(self)?;
        let asked = tokio::time::timeout(time, async {
            // It is never closed, so this cannot fail.
            let _permit = self.permits.acquire().await;
            self.enter()?;
            self.ask(method, params, may_repeat).await
        });
        let answered = asked.await.unwrap_or(Err(CallError::TimedOut(time)));
        self.note(answered.as_ref().err());
        answered
    }

    /// The daemon was started anew: what it did before does not count.
    pub(crate) fn forgive(&self) {
        let mut state = self.state();
        state.circuit.succeeded();
        state.idle.clear();
    }

    /// Why it fails, if the last call did.
    pub(crate) fn problem(&self) -> Option<String> {
        let state = self.state();
        if state.circuit.is_well() { None } else { state.last_problem.clone() }
    }

    fn enter(&self) -> Result<(), CallError> {
        let mut state = self.state();
        let entered = state.circuit.enter(Instant::now());
        entered
            .map_err(|left| CallError::Paused { why: state.last_problem.clone().unwrap_or_default(), left })
    }

    fn note(&self, error: Option<&CallError>) {
        let mut state = self.state();
        match error {
            None => state.circuit.succeeded(),
            Some(CallError::Busy(_) | CallError::Paused { .. }) => {}
            Some(error) => {
                state.circuit.failed(Instant::now());
                state.last_problem = Some(error.to_string());
            }
        }
    }

    async fn ask(
        self: &Arc<Self>,
        method: &str,
        params: &str,
        may_repeat: bool,
    ) -> Result<Answer, CallError> {
        if let Some(connection) = self.take_idle() {
            match self.ask_on(connection, method, params).await {
                // It was being closed while we wrote.
                Err(CallError::Closed) if may_repeat => {}
                answered => return answered,
            }
        }
        let connecting = self.folder.connect(&self.socket);
        let stream = tokio::time::timeout(CONNECT_TIME_MAX, connecting)
            .await
            .map_err(|_| CallError::TimedOut(CONNECT_TIME_MAX))??;
        self.ask_on(Connection { stream, arrived: Arrived::default() }, method, params).await
    }

    async fn ask_on(
        self: &Arc<Self>,
        mut connection: Connection,
        method: &str,
        params: &str,
    ) -> Result<Answer, CallError> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let answer = connection.ask(id, method, params, self.bounds.answer_bytes_max).await?;
        if connection.arrived.is_empty() {
            self.keep(connection);
        }
        Ok(answer)
    }

    /// A connection that is still open and on which nothing came unasked.
    fn take_idle(&self) -> Option<Connection> {
        loop {
            let (_, connection) = self.state().idle.pop()?;
            if connection.is_quiet() {
                return Some(connection);
            }
        }
    }

    fn keep(self: &Arc<Self>, connection: Connection) {
        let mut state = self.state();
        state.idle.push((Instant::now(), connection));
        if !std::mem::replace(&mut state.is_reaped, true) {
            tokio::spawn(reap(Arc::downgrade(self)));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that nobody uses, until there are none.
async fn reap(link: Weak<Link>) {
    loop {
        tokio::time::sleep(IDLE_KEPT).await;
        let Some(link) = link.upgrade() else { return };
        let mut state = link.state();
        state.idle.retain(|(since, _)| since.elapsed() < IDLE_KEPT);
        if state.idle.is_empty() {
            state.is_reaped = false;
            return;
        }
    }
}

impl Connection {
    async fn ask(
        &mut self,
        id: u64,
        method: &str,
        params: &str,
        bytes_max: usize,
    ) -> Result<Answer, CallError> {
        self.stream.write_all(&message::request(id, method, params)).await.map_err(|_| CallError::Closed)?;
        for _ in 0..=NOTIFICATIONS_MAX {
            let frame =
                self.arrived.next(&mut self.stream, bytes_max).await.map_err(|error| match error {
                    FrameError::Io(_) => CallError::Closed,
                    FrameError::TooLong(_) => CallError::Nonsense(error.to_string()),
                })?;
            let frame = frame.ok_or(CallError::Closed)?;
            if let Some(answer) = message::read(&frame, id).map_err(CallError::Nonsense)? {
                return Ok(answer);
            }
        }
        Err(CallError::Nonsense(format!(
            "it sent more than {NOTIFICATIONS_MAX} notifications instead of an answer"
        )))
    }

    fn is_quiet(&self) -> bool {
        let came = self.stream.try_read(&mut [0]);
        matches!(came, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// A place among those who wait or are served.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(link: &'a Link) -> Result<Self, CallError> {
        let max = link.bounds.parallel_max + link.bounds.waiting_max;
        let more = |count| (count < max).then_some(count + 1);
        let entered = link.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        entered.map(|_| Self(&link.waiting)).map_err(|_| CallError::Busy(link.bounds.waiting_max))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether somebody answers on a socket: anything, also that there is no such method.
pub(crate) async fn is_answering(folder: &Folder, socket: &str, bytes_max: usize) -> Result<(), CallError> {
    let mut connection = Connection { stream: folder.connect(socket).await?, arrived: Arrived::default() };
    connection.ask(0, "ping", "[]", bytes_max).await.map(drop)
}
