//! One host that said `initialize`.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use drawbridge_contract::{CancellationToken, Change, Host, Watch};
use serde_json::Value;
use tokio::sync::oneshot;

use super::streams::StreamLog;
use crate::convert::read_response;
use crate::envelope::Response;
use crate::error::WireError;
use crate::events::SessionLevel;
use crate::limits::{TASK_RESULTS_MAX, TASKS_WATCHED_MAX, WATCHES_MAX};
use crate::outbox::Outbox;
use crate::seats::{Seat, Seats};
use crate::version::Version;

/// One host that said `initialize`: what was agreed, what it watches, and what we asked it.
pub(crate) struct Peer {
    pub(crate) version: Version,
    pub(crate) host: Arc<Host>,
    pub(crate) level: Arc<SessionLevel>,
    watches: Mutex<BTreeMap<String, Watch>>,
    asked: Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>,
    next_number: AtomicU64,
    /// Where it hears what belongs to no request.
    voice: OnceLock<Voice>,
    /// For the tasks that it is told of.
    told: Arc<Seats>,
    /// For the results of tasks that it waits for.
    awaited: Arc<Seats>,
    /// Cancelled when it is gone.
    gone: CancellationToken,
}

/// Where a host hears what belongs to no request.
pub(crate) enum Voice {
    /// On its only channel.
    Channel(Arc<Outbox>),
    /// On the stream of its session that it opens for this, if it does.
    Stream(Arc<StreamLog>),
}

/// A task that a host is told of; dropped, another one may be.
pub(crate) struct Telling {
    peer: Arc<Peer>,
    _seat: Seat,
}

/// A request of ours that waits for its response; dropped, nobody waits any more.
pub(crate) struct Waiting<'a> {
    peer: &'a Peer,
    pub(crate) number: u64,
    pub(crate) response: oneshot::Receiver<Result<Value, String>>,
}

impl Peer {
    pub(crate) fn new(version: Version, host: Arc<Host>) -> Self {
        Self {
            version,
            host,
            level: Arc::default(),
            watches: Mutex::default(),
            asked: Mutex::default(),
            next_number: AtomicU64::new(1),
            voice: OnceLock::new(),
            told: Seats::new(TASKS_WATCHED_MAX),
            awaited: Seats::new(TASK_RESULTS_MAX),
            gone: CancellationToken::new(),
        }
    }

    /// Says where it hears what belongs to no request. Once: a second voice changes nothing.
    pub(crate) fn hears_on(&self, voice: Voice) {
        let _known = self.voice.set(voice);
    }

    /// Tells it something that may be lost when it does not listen.
    pub(crate) fn tell(&self, message: Bytes) {
        match self.voice.get() {
            Some(Voice::Channel(outbox)) => outbox.offer(message),
            Some(Voice::Stream(log)) => log.append(message),
            None => {}
        }
    }

    /// A place among the tasks that it is told of, if there is one.
    pub(crate) fn begin_telling(self: &Arc<Self>) -> Option<Telling> {
        self.told.take().map(|seat| Telling { peer: self.clone(), _seat: seat })
    }

    /// A place among those who wait for the result of a task, if there is one.
    pub(crate) fn begin_awaiting(&self) -> Option<Seat> {
        self.awaited.take()
    }

    /// A number for a request of ours, and the place where its response will be.
    pub(crate) fn expect(&self) -> Waiting<'_> {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let (sender, response) = oneshot::channel();
        self.asked().insert(number, sender);
        Waiting { peer: self, number, response }
    }

    /// Takes a response of the host. One that answers nothing we asked is ignored.
    pub(crate) fn answered(&self, response: &Response<'_>) {
        let number = response.id.as_json().parse::<u64>().ok();
        if let Some(sender) = number.and_then(|number| self.asked().remove(&number)) {
            let _nobody_waits = sender.send(read_response(response.outcome));
        }
    }

    /// No response will come any more.
    pub(crate) fn hang_up(&self) {
        self.gone.cancel();
        self.asked().clear();
    }

    /// Keeps a watch for as long as the host wants it.
    pub(crate) fn keep_watch(&self, uri: &str, watch: Watch) -> Result<(), WireError> {
        let mut watches = self.watches();
        if watches.len() >= WATCHES_MAX && !watches.contains_key(uri) {
            let message =
                format!("one session watches at most {WATCHES_MAX} resources; unsubscribe from some first");
            return Err(WireError::invalid_params(message));
        }
        watches.insert(uri.to_owned(), watch);
        Ok(())
    }

    pub(crate) fn end_watch(&self, uri: &str) {
        self.watches().remove(uri);
    }

    /// Whether to tell this host of a change.
    pub(crate) fn wants(&self, change: &Change) -> bool {
        match change {
            Change::Resource(uri) => self.watches().contains_key(uri),
            Change::Tools | Change::Resources | Change::Prompts => true,
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Result<Value, String>>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watches(&self) -> MutexGuard<'_, BTreeMap<String, Watch>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Telling {
    pub(crate) fn tell(&self, message: Bytes) {
        self.peer.tell(message);
    }

    /// Waits until the host is gone.
    pub(crate) async fn gone(&self) {
        self.peer.gone.cancelled().await;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.peer.asked().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_tasks_that_are_told_of_is_bounded() {
        let peer = Arc::new(Peer::new(Version::V2025_11_25, Arc::default()));
        let all: Vec<Telling> = std::iter::from_fn(|| peer.begin_telling()).collect();
        assert_eq!(all.len(), TASKS_WATCHED_MAX);
        drop(all);
        assert!(peer.begin_telling().is_some());
        assert_eq!(std::iter::from_fn(|| peer.begin_awaiting()).collect::<Vec<_>>().len(), TASK_RESULTS_MAX);
    }

    #[test]
    fn what_is_told_goes_where_the_host_listens() {
        let (peer, outbox) = (Peer::new(Version::V2025_11_25, Arc::default()), Arc::<Outbox>::default());
        peer.tell(Bytes::from_static(b"nobody listens"));
        peer.hears_on(Voice::Channel(outbox.clone()));
        peer.tell(Bytes::from_static(b"a"));
        assert_eq!((outbox.take().as_deref(), outbox.take()), (Some(&b"a"[..]), None));
    }
}
