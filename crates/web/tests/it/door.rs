//! A door in front of the kit's own: it can be told to refuse, and its keys can be revoked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use drawbridge_contract::{
    Answer, Authenticator, BoxFuture, Call, Caller, CallerKind, Change, Completion, Exchanges, Handler, Live,
    Outcome, Refusal, Suggestions, Target, Unauthenticated, View, Watch, broadcast,
};

/// The owner's key here.
pub(crate) const KEY: &str = "the-owners-key";

/// The keys that are known.
pub(crate) struct Keys(Mutex<HashMap<String, Arc<Caller>>>);

impl Keys {
    pub(crate) fn new() -> Self {
        let owner = Arc::new(Caller::new("owner", CallerKind::Owner));
        Self(Mutex::new([(KEY.to_owned(), owner)].into()))
    }

    pub(crate) fn revoke(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Authenticator for Keys {
    fn authenticate(&self, secret: &str) -> Result<Arc<Caller>, Unauthenticated> {
        self.0.lock().unwrap().get(secret).cloned().ok_or(Unauthenticated::Unknown)
    }
}

/// Refuses everything while it is told to, and remembers what came.
pub(crate) struct Door {
    pub(crate) inner: Arc<dyn Handler>,
    pub(crate) refusal: Mutex<Option<Refusal>>,
    pub(crate) calls: Mutex<Vec<Call>>,
}

impl Door {
    pub(crate) fn refuse(&self, with: Refusal) {
        *self.refusal.lock().unwrap() = Some(with);
    }

    fn refusal(&self) -> Result<(), Refusal> {
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl Handler for Door {
    fn call(self: Arc<Self>, call: Call, live: Live) -> BoxFuture<'static, Result<Outcome<Answer>, Refusal>> {
        self.calls.lock().unwrap().push(call.clone());
        match self.refusal() {
            Ok(()) => self.inner.clone().call(call, live),
            Err(refusal) => Box::pin(async { Err(refusal) }),
        }
    }

    fn still_allows(&self, _: &Caller, _: &Target) -> Result<(), Refusal> {
        self.refusal()
    }

    fn exchanges(&self) -> Vec<(Box<str>, Arc<dyn Exchanges>)> {
        self.inner.exchanges()
    }

    fn view(&self, caller: &Caller) -> Arc<View> {
        self.inner.view(caller)
    }

    fn complete<'a>(
        &'a self,
        caller: &'a Caller,
        request: Completion,
    ) -> BoxFuture<'a, Result<Suggestions, Refusal>> {
        self.inner.complete(caller, request)
    }

    fn watch<'a>(&'a self, caller: &'a Arc<Caller>, uri: &'a str) -> BoxFuture<'a, Result<Watch, Refusal>> {
        self.inner.watch(caller, uri)
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.changes()
    }
}
