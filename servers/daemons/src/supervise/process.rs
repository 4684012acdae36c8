//! A daemon that the hub runs, as everybody sees it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::log::Log;
use super::settings::ProcessSettings;
use crate::settings::Bounds;

/// One of them.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) settings: ProcessSettings,
    /// Where its description and its socket are, which it may change.
    pub(super) folder: PathBuf,
    pub(super) log: Log,
    /// Somebody asked for a new start.
    pub(super) restart: Notify,
    /// A call was not answered in time: it may hang.
    pub(super) doubted: Notify,
    pub(super) bounds: Bounds,
    calls: AtomicUsize,
    /// The last call that was under way is over.
    idle: Notify,
    ready: watch::Sender<bool>,
    view: Mutex<View>,
}

/// How it is.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) state: State,
    /// How often it was started.
    pub(crate) starts: u32,
    /// Why it ended the last time.
    pub(crate) last_end: Option<String>,
    /// What was declared and this kernel cannot hold.
    pub(crate) gaps: Vec<String>,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// This process does not run it: another does, or nobody.
    Elsewhere,
    /// Those that it needs are not ready.
    Waiting,
    /// It runs and does not answer yet.
    Starting(u32),
    /// It answers.
    Ready {
        /// Its process.
        pid: u32,
        /// Since when.
        since: Instant,
    },
    /// It was asked to end.
    Ending(u32),
    /// It ended, and is started again then.
    Pausing(Instant),
    /// It ended too often.
    GaveUp,
    /// The hub ends.
    Stopped,
}

impl State {
    /// In one word, for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Elsewhere => "not run here",
            Self::Waiting => "waiting",
            Self::Starting(_) => "starting",
            Self::Ready { .. } => "ready",
            Self::Ending(_) => "ending",
            Self::Pausing(_) => "pausing",
            Self::GaveUp => "given up",
            Self::Stopped => "stopped",
        }
    }

    /// Its process, while it has one.
    pub(crate) fn pid(self) -> Option<u32> {
        match self {
            Self::Starting(pid) | Self::Ready { pid, .. } | Self::Ending(pid) => Some(pid),
            _ => None,
        }
    }
}

impl Process {
    pub(crate) fn new(settings: ProcessSettings, folders: &Path, logs: &Path, bounds: &Bounds) -> Arc<Self> {
        let view = View { state: State::Elsewhere, starts: 0, last_end: None, gaps: Vec::new() };
        Arc::new(Self {
            folder: folders.join(&settings.name),
            log: Log::new(logs.join(format!("daemon-{}.log", settings.name))),
            restart: Notify::new(),
            doubted: Notify::new(),
            bounds: *bounds,
            calls: AtomicUsize::new(0),
            idle: Notify::new(),
            ready: watch::channel(false).0,
            view: Mutex::new(view),
            settings,
        })
    }

    /// Makes its folder. Where that fails, its start tells.
    pub(crate) fn prepare(&self) {
        let _ = super::launch::prepare(self);
    }

    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(crate) fn view(&self) -> View {
        self.lock().clone()
    }

    /// The last of what it printed.
    pub(crate) fn log_tail(&self, bytes_max: usize) -> std::io::Result<String> {
        self.log.tail(bytes_max)
    }

    /// Asks for a new start.
    pub(crate) fn ask_restart(&self) {
        self.restart.notify_one();
    }

    /// Why it cannot be called now; `None` where it can, or where we do not know.
    pub(crate) fn why_not_ready(&self) -> Option<String> {
        let view = self.lock();
        let ended = || view.last_end.clone().unwrap_or_else(|| "it ended".to_owned());
        match view.state {
            State::Elsewhere | State::Ready { .. } => None,
            State::Waiting => Some(format!("it waits for {}", self.settings.after.join(", "))),
            State::Starting(_) => Some("it is just being started".to_owned()),
            State::Ending(_) => Some("it is being ended".to_owned()),
            State::Pausing(until) => {
                let left = until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
                Some(format!("it is not running: {}; it is started again in {} s", ended(), left.as_secs()))
            }
            State::GaveUp => Some(format!(
                "it ended too often and is not started any more ({}); `drawbridge daemon restart {}` tries again",
                ended(),
                self.name()
            )),
            State::Stopped => Some("it was ended with the hub".to_owned()),
        }
    }

    /// A call of it begins, and lasts as long as what this gives.
    pub(crate) fn begin_call(&self) -> CallUnderWay<'_> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        CallUnderWay(self)
    }

    /// A call was not answered in time: whether it hangs is looked at now, and not after a while.
    pub(crate) fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Waits until no call is under way.
    pub(super) async fn is_idle(&self) {
        while self.calls.load(Ordering::SeqCst) > 0 {
            self.idle.notified().await;
        }
    }

    pub(super) fn set(&self, state: State) {
        self.lock().state = state;
        self.ready.send_replace(matches!(state, State::Ready { .. }));
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.lock());
    }

    /// Waits until it answers.
    pub(super) async fn is_ready(&self) {
        // Its sender is ours, so it cannot be gone.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way.
pub(crate) struct CallUnderWay<'a>(&'a Process);

impl Drop for CallUnderWay<'_> {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_one();
        }
    }
}
