//! Sessions over HTTP: unguessable, bound to their caller, bounded in number, and gone when nobody uses them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drawbridge_contract::{Caller, CancellationToken, Change, broadcast};
use uuid::Uuid;

use super::peer::{Peer, Voice};
use super::streams::{EventId, StreamLog};
use crate::error::WireError;
use crate::in_flight::InFlight;
use crate::limits::STREAMS_KEPT_MAX;

/// How many sessions there may be, and how long they stay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) total_max: usize,
    pub(crate) per_caller_max: usize,
    pub(crate) idle: Duration,
}

/// All sessions.
pub(crate) struct Sessions {
    bounds: Bounds,
    by_id: Mutex<ById>,
}

struct ById {
    sessions: HashMap<Box<str>, Arc<Session>>,
    /// When the idle ones were last looked for.
    swept: Instant,
}

/// One session.
pub(crate) struct Session {
    pub(crate) id: Box<str>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) in_flight: Arc<InFlight>,
    /// Cancelled when the session ends: by its client, by us, or by its age.
    pub(crate) ended: CancellationToken,
    /// Whose it is.
    pub(crate) owner: Arc<Caller>,
    state: Mutex<State>,
}

struct State {
    used: Instant,
    /// How many streams are read now: a session with one is not idle.
    readers: usize,
    streams: VecDeque<(u64, Arc<StreamLog>)>,
    next_stream: u64,
    /// Changes for the standalone stream; whoever reads that stream has it meanwhile.
    changes: Option<broadcast::Receiver<Change>>,
}

/// The number of the stream that a client opens with GET.
pub(crate) const STANDALONE: u64 = 0;

impl Sessions {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let by_id = ById { sessions: HashMap::new(), swept: Instant::now() };
        Self { bounds, by_id: Mutex::new(by_id) }
    }

    /// Opens a session. The caller's own session that was idle longest gives way when the caller has too many.
    pub(crate) fn open(
        &self,
        owner: &Arc<Caller>,
        peer: Peer,
        changes: broadcast::Receiver<Change>,
    ) -> Result<Arc<Session>, WireError> {
        let mut by_id = self.by_id();
        by_id.sweep(self.bounds.idle);
        let sessions = &mut by_id.sessions;
        let own = sessions.values().filter(|session| session.owner.id == owner.id).count();
        if (own >= self.bounds.per_caller_max || sessions.len() >= self.bounds.total_max)
            && !evict(sessions, owner)
        {
            return Err(WireError::internal(
                "too many sessions are open; end one with DELETE, or try again later",
            ));
        }
        let session = Arc::new(Session::new(owner.clone(), peer, changes));
        sessions.insert(session.id.clone(), session.clone());
        Ok(session)
    }

    /// The session with this id, if it is this caller's and still lives.
    pub(crate) fn find(&self, owner: &Caller, id: &str) -> Option<Arc<Session>> {
        let mut by_id = self.by_id();
        // Sessions that nobody asks for hold watches, too.
        if by_id.swept.elapsed() >= self.bounds.idle / 4 {
            by_id.sweep(self.bounds.idle);
        }
        let session = by_id.sessions.get(id).filter(|session| session.owner.id == owner.id)?.clone();
        if session.end_if_idle(Instant::now(), self.bounds.idle) {
            by_id.sessions.remove(id);
            return None;
        }
        session.touch();
        Some(session)
    }

    /// Ends a session of this caller.
    pub(crate) fn end(&self, owner: &Caller, id: &str) -> bool {
        let sessions = &mut self.by_id().sessions;
        let is_own = sessions.get(id).is_some_and(|session| session.owner.id == owner.id);
        if let Some(session) = is_own.then(|| sessions.remove(id)).flatten() {
            session.end();
        }
        is_own
    }

    fn by_id(&self) -> MutexGuard<'_, ById> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ById {
    /// Ends what is idle.
    fn sweep(&mut self, idle: Duration) {
        let now = Instant::now();
        self.sessions.retain(|_, session| !session.end_if_idle(now, idle));
        self.swept = now;
    }
}

/// Ends the caller's own session that was unused longest and has nothing running.
fn evict(sessions: &mut HashMap<Box<str>, Arc<Session>>, owner: &Caller) -> bool {
    let idle =
        sessions.values().filter(|session| session.owner.id == owner.id && session.in_flight.is_empty());
    let Some(oldest) = idle.min_by_key(|session| session.state().used).cloned() else { return false };
    oldest.end();
    sessions.remove(&oldest.id);
    true
}

impl Session {
    fn new(owner: Arc<Caller>, peer: Peer, changes: broadcast::Receiver<Change>) -> Self {
        let standalone = Arc::new(StreamLog::new());
        peer.hears_on(Voice::Stream(standalone.clone()));
        let state = State {
            used: Instant::now(),
            readers: 0,
            streams: VecDeque::from([(STANDALONE, standalone)]),
            next_stream: STANDALONE + 1,
            changes: Some(changes),
        };
        Self {
            // 122 random bits from the operating system.
            id: Uuid::new_v4().simple().to_string().into(),
            peer: Arc::new(peer),
            in_flight: Arc::default(),
            ended: CancellationToken::new(),
            owner,
            state: Mutex::new(state),
        }
    }

    /// A new stream for a request's events. The oldest is forgotten beyond the bound; the standalone one stays.
    pub(crate) fn open_stream(&self) -> (u64, Arc<StreamLog>) {
        let mut state = self.state();
        let opened = (state.next_stream, Arc::new(StreamLog::new()));
        state.next_stream += 1;
        state.streams.push_back(opened.clone());
        if state.streams.len() > STREAMS_KEPT_MAX + 1 {
            state.streams.remove(1);
        }
        opened
    }

    /// The stream that an event belonged to.
    pub(crate) fn stream(&self, event: EventId) -> Option<Arc<StreamLog>> {
        let state = self.state();
        state.streams.iter().find(|(number, _)| *number == event.stream).map(|(_, log)| log.clone())
    }

    /// Takes the changes to tell on the standalone stream; the reader gives them back.
    pub(crate) fn take_changes(&self) -> Option<broadcast::Receiver<Change>> {
        self.state().changes.take()
    }

    pub(crate) fn give_changes(&self, changes: broadcast::Receiver<Change>) {
        self.state().changes = Some(changes);
    }

    /// Notes that a stream is read; the session is not idle until the note is dropped.
    pub(crate) fn reading(self: &Arc<Self>) -> Reading {
        self.state().readers += 1;
        Reading(self.clone())
    }

    fn touch(&self) {
        self.state().used = Instant::now();
    }

    fn end(&self) {
        self.ended.cancel();
        self.in_flight.cancel_all();
        self.peer.hang_up();
    }

    fn end_if_idle(&self, now: Instant, idle: Duration) -> bool {
        let state = self.state();
        let is_idle =
            state.readers == 0 && self.in_flight.is_empty() && now.duration_since(state.used) >= idle;
        drop(state);
        if is_idle {
            self.end();
        }
        is_idle
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream of a session is read.
pub(crate) struct Reading(Arc<Session>);

impl Drop for Reading {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.readers -= 1;
        state.used = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use drawbridge_contract::CallerKind;

    use super::*;
    use crate::version::Version;

    fn caller(id: &str) -> Arc<Caller> {
        Arc::new(Caller::new(id, CallerKind::Key))
    }

    fn open(sessions: &Sessions, owner: &Arc<Caller>) -> Result<Arc<Session>, WireError> {
        let peer = Peer::new(Version::V2025_11_25, Arc::default());
        sessions.open(owner, peer, broadcast::channel(1).1)
    }

    fn bounds(total_max: usize, per_caller_max: usize, idle: Duration) -> Sessions {
        Sessions::new(Bounds { total_max, per_caller_max, idle })
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn c2_a_session_is_not_found_with_another_key() {
        let sessions = bounds(10, 10, LONG);
        let (anna, ben) = (caller("key:anna"), caller("key:ben"));
        let session = open(&sessions, &anna).unwrap();
        assert!(sessions.find(&anna, &session.id).is_some());
        assert!(sessions.find(&ben, &session.id).is_none());
        assert!(!sessions.end(&ben, &session.id));
        assert!(sessions.end(&anna, &session.id));
        assert!(session.ended.is_cancelled());
        assert!(sessions.find(&anna, &session.id).is_none());
    }

    #[test]
    fn the_callers_oldest_session_gives_way_and_nobody_elses() {
        let sessions = bounds(3, 2, LONG);
        let (anna, ben) = (caller("anna"), caller("ben"));
        let bens = open(&sessions, &ben).unwrap();
        let first = open(&sessions, &anna).unwrap();
        let second = open(&sessions, &anna).unwrap();
        let third = open(&sessions, &anna).unwrap();
        assert!(sessions.find(&anna, &first.id).is_none());
        assert!(sessions.find(&anna, &second.id).is_some() && sessions.find(&anna, &third.id).is_some());
        assert!(sessions.find(&ben, &bens.id).is_some());
        assert!(open(&sessions, &caller("carl")).is_err(), "the house is full and carl has nothing to give");
    }

    #[test]
    fn busy_sessions_do_not_give_way() {
        let sessions = bounds(1, 1, LONG);
        let anna = caller("anna");
        let session = open(&sessions, &anna).unwrap();
        let raw = drawbridge_contract::RawValue::from_string("1".to_owned()).unwrap();
        let running = session.in_flight.enter(&crate::envelope::Id::read(&raw).unwrap()).unwrap();
        assert!(open(&sessions, &anna).is_err());
        drop(running);
        assert!(open(&sessions, &anna).is_ok());
    }

    #[test]
    fn an_idle_session_ends_unless_it_is_read() {
        let sessions = bounds(10, 10, Duration::ZERO);
        let anna = caller("anna");
        let session = open(&sessions, &anna).unwrap();
        let reading = session.reading();
        assert!(sessions.find(&anna, &session.id).is_some());
        drop(reading);
        assert!(sessions.find(&anna, &session.id).is_none());
        assert!(session.ended.is_cancelled());
    }

    #[test]
    fn c1_session_ids_are_unique_and_long() {
        let sessions = bounds(usize::MAX, usize::MAX, LONG);
        let anna = caller("anna");
        let ids: HashSet<Box<str>> = (0..1000).map(|_| open(&sessions, &anna).unwrap().id.clone()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_graphic())));
    }

    #[test]
    fn streams_are_bounded_and_the_standalone_one_stays() {
        let sessions = bounds(10, 10, LONG);
        let session = open(&sessions, &caller("anna")).unwrap();
        let (first, _) = session.open_stream();
        for _ in 0..STREAMS_KEPT_MAX {
            session.open_stream();
        }
        assert!(session.stream(EventId { stream: first, place: 0 }).is_none());
        assert!(session.stream(EventId { stream: first + 1, place: 0 }).is_some());
        assert!(session.stream(EventId { stream: STANDALONE, place: 0 }).is_some());
    }
}
