//! Waiting in the line in front of a local server.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::line::{Full, Line, Room, Ticket};

/// The line of one server, shared by all who wait in it.
pub(crate) struct Gate {
    state: Mutex<State>,
    /// Told whenever somebody may start or has moved up.
    moved: watch::Sender<()>,
}

struct State {
    line: Line,
    /// Who may start and does not know yet.
    started: HashSet<Ticket>,
}

/// A place in the line, and then the turn itself. Dropped, it is the next one's.
pub(crate) struct Turn {
    gate: Arc<Gate>,
    ticket: Ticket,
}

impl Gate {
    pub(crate) fn new(room: Room) -> Arc<Self> {
        let state = State { line: Line::new(room), started: HashSet::new() };
        Arc::new(Self { state: Mutex::new(state), moved: watch::channel(()).0 })
    }

    /// Waits for a turn; `on_place` hears the place in the line whenever it changes. Dropped, the place is given up.
    ///
    /// # Errors
    /// [`Full`], at once.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        caller: &Arc<str>,
        model: &Arc<str>,
        mut on_place: impl FnMut(usize),
    ) -> Result<Turn, Full> {
        let turn = Turn { gate: self.clone(), ticket: self.state().line.join(caller, model)? };
        self.start();
        // As a rule nobody waits, and then nobody listens.
        if self.state().started.remove(&turn.ticket) {
            return Ok(turn);
        }
        let mut moved = self.moved.subscribe();
        let mut told = None;
        loop {
            let place = {
                let mut state = self.state();
                if state.started.remove(&turn.ticket) {
                    return Ok(turn);
                }
                state.line.place(turn.ticket)
            };
            if place != told {
                told = place;
                on_place(place.unwrap_or(1));
            }
            // The sender lives as long as we do.
            let _ = moved.changed().await;
        }
    }

    /// How many run, and how many wait.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.state().line.counts()
    }

    /// Whether somebody is being answered by this model.
    pub(crate) fn is_in_use(&self, model: &str) -> bool {
        self.state().line.is_in_use(model)
    }

    /// A model is not in memory any more.
    pub(crate) fn forget(&self, model: &str) {
        self.state().line.forget(model);
    }

    fn start(&self) {
        let mut state = self.state();
        let started = state.line.start();
        state.started.extend(started);
        drop(state);
        // Who begins to listen later looks at the state first.
        if self.moved.receiver_count() > 0 {
            self.moved.send_replace(());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// The server began to answer: its model is loaded.
    pub(crate) fn answered(&self) {
        self.gate.state().line.answered(self.ticket);
        self.gate.start();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.line.leave(self.ticket);
        state.started.remove(&self.ticket);
        drop(state);
        self.gate.start();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn gate() -> Arc<Gate> {
        Gate::new(Room { parallel: 1, models_at_once: 1, waiting_max: 2 })
    }

    #[tokio::test]
    async fn one_waits_hears_its_place_and_gets_its_turn() {
        let (gate, caller, model): (_, Arc<str>, Arc<str>) = (gate(), "a".into(), "m".into());
        let first = gate.enter(&caller, &model, |_| ()).await.unwrap();
        let mut places = Vec::new();
        let waiting = gate.enter(&caller, &model, |place| places.push(place));
        let (second, ()) = tokio::join!(timeout(Duration::from_secs(60), waiting), async {
            tokio::task::yield_now().await;
            first.answered();
            drop(first);
        });
        assert!(second.unwrap().is_ok());
        assert_eq!(places, [1]);
    }

    #[tokio::test]
    async fn who_gives_up_leaves_no_place_behind() {
        let (gate, caller, model): (_, Arc<str>, Arc<str>) = (gate(), "a".into(), "m".into());
        let first = gate.enter(&caller, &model, |_| ()).await.unwrap();
        assert!(timeout(Duration::from_millis(5), gate.enter(&caller, &model, |_| ())).await.is_err());
        assert_eq!(gate.counts(), (1, 0));
        drop(first);
        assert_eq!(gate.counts(), (0, 0));
    }
}
