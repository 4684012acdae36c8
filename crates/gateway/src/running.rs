//! Calls that take their time, by name, while they run: the record of one that only reads is written when it ends, and until
//! then nothing else says what it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_contract::{Call, CallId};

/// A call that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ongoing {
    /// What is called.
    pub tool: Box<str>,
    /// Who calls.
    pub caller: Arc<str>,
    /// The call above it.
    pub parent: Option<CallId>,
}

/// All of them in this process. There are never more than calls that run.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<CallId, Ongoing>>);

impl Running {
    /// Notes a call, for as long as what is returned lives.
    pub(crate) fn note(&self, call: &Call) -> Noted<'_> {
        let ongoing = Ongoing {
            tool: call.target.to_string().into(),
            caller: call.caller.id.clone(),
            parent: call.origin.parent,
        };
        self.all().insert(call.id, ongoing);
        Noted { running: self, id: call.id }
    }

    pub(crate) fn get(&self, id: CallId) -> Option<Ongoing> {
        self.all().get(&id).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<CallId, Ongoing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is noted.
pub(crate) struct Noted<'a> {
    running: &'a Running,
    id: CallId,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.running.all().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::{Arguments, Caller, CallerKind, Origin, Target};

    use super::*;

    #[test]
    fn a_call_is_known_for_as_long_as_it_is_noted() {
        let running = Running::default();
        let caller = Arc::new(Caller::new("key:a", CallerKind::Key));
        let parent = Some(CallId::new());
        let origin = Origin { parent, ..Origin::default() };
        let call = Call::new(caller, Target::Tool("llm_agent".into()), Arguments::none(), origin);
        assert_eq!(running.get(call.id), None);
        let noted = running.note(&call);
        let ongoing = running.get(call.id).unwrap();
        assert_eq!((&*ongoing.tool, &*ongoing.caller, ongoing.parent), ("llm_agent", "key:a", parent));
        assert_eq!(running.get(CallId::new()), None);
        drop(noted);
        assert_eq!(running.get(call.id), None);
    }
}
