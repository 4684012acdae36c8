//! The requests that run, by id, so that a host can cancel one (stdio, and legacy sessions).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_contract::CancellationToken;

use crate::envelope::Id;
use crate::error::WireError;
use crate::limits::RUNNING_MAX;

/// The requests of one connection or session that run now.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<HashMap<Id, CancellationToken>>);

/// Keeps one request in the list; dropped, it is gone from there.
pub(crate) struct Entered {
    list: Arc<InFlight>,
    id: Id,
    /// Cancelled when the host no longer wants the answer.
    pub(crate) cancellation: CancellationToken,
}

impl InFlight {
    /// Enters a request.
    pub(crate) fn enter(self: &Arc<Self>, id: &Id) -> Result<Entered, WireError> {
        let mut list = self.list();
        if list.len() >= RUNNING_MAX {
            return Err(WireError::internal(format!(
                "{RUNNING_MAX} requests run already; wait for one to end"
            )));
        }
        let Entry::Vacant(place) = list.entry(id.clone()) else {
            return Err(WireError::invalid_request("a request with this id is still running"));
        };
        let cancellation = place.insert(CancellationToken::new()).clone();
        Ok(Entered { list: self.clone(), id: id.clone(), cancellation })
    }

    /// Cancels one, if it still runs.
    pub(crate) fn cancel(&self, id: &Id) {
        if let Some(cancellation) = self.list().get(id) {
            cancellation.cancel();
        }
    }

    /// Cancels all.
    pub(crate) fn cancel_all(&self) {
        for cancellation in self.list().values() {
            cancellation.cancel();
        }
    }

    /// Whether nothing runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    fn list(&self) -> MutexGuard<'_, HashMap<Id, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.list.list().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::RawValue;

    use super::*;

    fn id(text: &str) -> Id {
        Id::read(&RawValue::from_string(text.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn an_id_in_use_is_refused_until_it_is_free() {
        let list = Arc::new(InFlight::default());
        let first = list.enter(&id("1")).unwrap();
        assert!(list.enter(&id("1")).is_err());
        assert!(list.enter(&id(r#""1""#)).is_ok(), "a string is another id");
        list.cancel(&id("1"));
        assert!(first.cancellation.is_cancelled());
        drop(first);
        assert!(list.enter(&id("1")).is_ok());
        assert!(list.is_empty());
    }

    #[test]
    fn the_number_of_running_requests_is_bounded() {
        let list = Arc::new(InFlight::default());
        let all: Vec<_> =
            (0..RUNNING_MAX).map(|number| list.enter(&id(&number.to_string())).unwrap()).collect();
        assert!(list.enter(&id("-1")).is_err());
        drop(all);
        assert!(list.enter(&id("-1")).is_ok());
    }
}
