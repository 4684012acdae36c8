//! One host that said `initialize`.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_contract::{Change, Host, Watch};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::convert::read_response;
use crate::envelope::Response;
use crate::error::WireError;
use crate::events::SessionLevel;
use crate::limits::WATCHES_MAX;
use crate::version::Version;

/// One host that said `initialize`: what was agreed, what it watches, and what we asked it.
pub(crate) struct Peer {
    pub(crate) version: Version,
    pub(crate) host: Arc<Host>,
    pub(crate) level: Arc<SessionLevel>,
    watches: Mutex<BTreeMap<String, Watch>>,
    asked: Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>,
    next_number: AtomicU64,
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
        }
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

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.peer.asked().remove(&self.number);
    }
}
