//! What the writer's thread owns, and the one way in which a job changes.

use std::sync::Arc;

use rusqlite::Connection;

use super::callers::Callers;
use super::gates::Gates;
use super::history::{Entry, History};
use super::key::Key;
use super::lanes::Lanes;
use super::outbox::Outbox;
use super::outcome;
use super::row::Row;
use super::runs::{Run, Runs};
use super::settings::Settings;
use super::shared::{LiveJob, Shared};
use super::sweep::Timers;
use crate::machine::{Event, Job as Core, Now, step};
use crate::{EngineError, Happening, JobId, Lease, State, machine::Effects};

const DOING: &str = "write a job";

/// The writer's desk. Everything in memory here follows from the file, and is read anew after a failed commit.
pub(super) struct Desk {
    pub(super) connection: Connection,
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Settings,
    pub(super) lanes: Lanes,
    pub(super) gates: Gates,
    pub(super) callers: Callers,
    pub(super) runs: Runs,
    pub(super) history: History,
    pub(super) outbox: Outbox,
    pub(super) timers: Timers,
    /// The time of this turn.
    pub(super) now: Now,
    pub(super) next_id: i64,
    /// Whose workers are to be told to stop, once this is committed.
    pub(super) stops: Vec<Lease>,
    /// What other jobs still have to hear in this transaction.
    follow: Vec<(i64, Event)>,
    /// The worker that is claiming.
    pub(super) claimant: Option<Arc<str>>,
    /// Jobs whose worker ended with the process before this one.
    pub(super) orphans: Vec<i64>,
    /// Jobs that were handed to somebody who had gone away.
    pub(super) lost: Vec<(Key, u64)>,
}

impl Desk {
    pub(super) fn new(connection: Connection, shared: Arc<Shared>, settings: Settings) -> Self {
        let now = shared.clock.now();
        Self {
            connection,
            shared,
            settings,
            lanes: Lanes::default(),
            gates: Gates::default(),
            callers: Callers::default(),
            runs: Runs::default(),
            history: History::default(),
            outbox: Outbox::default(),
            timers: Timers::default(),
            now,
            next_id: 1,
            stops: Vec::new(),
            follow: Vec::new(),
            claimant: None,
            orphans: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// The row of an id that somebody named.
    pub(super) fn row(&self, key: Key) -> Result<Row, EngineError> {
        let found = self.row_of(key.id)?;
        found.filter(|row| row.key == key).ok_or_else(|| not_found(key))
    }

    /// The row of a number that we remembered ourselves.
    pub(super) fn row_of(&self, id: i64) -> Result<Option<Row>, EngineError> {
        let run = self.runs.get(id);
        let mut found = match run.and_then(|run| run.row.as_deref()) {
            Some(row) => Some(row.clone()),
            None => Row::find(&self.connection, id)?,
        };
        if let (Some(row), Some(run)) = (&mut found, run) {
            row.job.lease_until_ms = run.lease_until_ms;
        }
        Ok(found)
    }

    /// Lets something happen to a job, and everything that follows from it to others. The only way in which a job
    /// changes.
    ///
    /// # Errors
    /// [`EngineError::Misfit`], and then nothing was written; or one that spoils the transaction.
    pub(super) fn happen(&mut self, row: &mut Row, event: Event) -> Result<Effects, EngineError> {
        let effects = self.happen_to_one(row, event)?;
        while let Some((id, event)) = self.follow.pop() {
            let Some(mut row) = self.row_of(id)? else { continue };
            match self.happen_to_one(&mut row, event) {
                Ok(_) | Err(EngineError::Misfit { .. }) => {} // one that ended already hears nothing
                Err(error) => return Err(error),
            }
        }
        Ok(effects)
    }

    fn happen_to_one(&mut self, row: &mut Row, event: Event) -> Result<Effects, EngineError> {
        let before = row.clone();
        let effects = step(&mut row.job, event, self.now)
            .map_err(|misfit| EngineError::Misfit { id: row.key.job_id(), misfit })?;
        if row.job != before.job {
            self.follow_in_memory(&before, row);
            self.store(&before, row, effects).map_err(EngineError::sql(DOING))?;
        }
        self.do_effects(row, event, effects)?;
        Ok(effects)
    }

    fn follow_in_memory(&mut self, before: &Row, row: &mut Row) {
        let (old, new) = (before.job.state, row.job.state);
        if old == new {
            if let Some(run) = self.runs.get_mut(row.key.id) {
                (run.lease_until_ms, run.stop) = (row.job.lease_until_ms, row.job.stop);
            }
            return;
        }
        row.lane.hold = 0;
        self.lanes.leave(before.lane, old);
        self.lanes.enter(row.lane, new);
        self.callers.follow(row.caller, Some(old), new);
        if old == State::Running {
            self.leave_running(row);
        }
        match new {
            State::Running => self.enter_running(row),
            State::Scheduled => self.timers.scheduled(row.job.run_at_ms),
            _ => {}
        }
    }

    fn enter_running(&mut self, row: &mut Row) {
        row.started_ms = Some(self.now.wall_ms);
        self.gates.start(row.lane.queue, row.lane.tool, row.caller, self.now.steady_ms);
        self.remember_run(row, self.claimant.clone());
    }

    /// Enters a job that runs into everything that is only in memory.
    pub(super) fn remember_run(&mut self, row: &Row, worker: Option<Arc<str>>) {
        let is_heard = self.outbox.hears_of(row);
        let (token, worker_too) = (row.job.token, worker.clone());
        let live = LiveJob { token, worker: worker_too, progress: None, is_heard, told_ms: None };
        self.shared.live.lock().insert(row.key.id, live);
        self.runs.insert(Run {
            key: row.key,
            token: row.job.token,
            stop: row.job.stop,
            queue: row.lane.queue,
            tool: row.lane.tool,
            caller: row.caller,
            lease_until_ms: row.job.lease_until_ms,
            worker,
            row: None,
        });
    }

    fn leave_running(&mut self, row: &Row) {
        if let Some(run) = self.runs.remove(row.key.id) {
            self.gates.leave(run.queue, run.tool, run.caller);
        }
    }

    fn store(&mut self, before: &Row, row: &mut Row, effects: Effects) -> rusqlite::Result<()> {
        let happened = effects.happened;
        if happened.is_some_and(Happening::is_end) {
            row.ended_ms = Some(self.now.wall_ms);
            self.timers.ended(row.job.state, self.now.wall_ms, &self.settings.retention);
        } else if row.ended_ms.is_some() && !row.job.state.has_ended() {
            row.ended_ms = None;
        }
        if before.job.state == State::Running && row.job.state != State::Running {
            outcome::keep_progress(self, row)?;
        }
        match (before.job.state, happened) {
            (State::Queued, Some(Happening::Started)) => row.update_claimed(&self.connection)?,
            (State::Running, Some(what)) if what.is_end() => row.update_ended(&self.connection)?,
            _ if is_only_a_lease(&before.job, &row.job) => {}
            _ => row.update(&self.connection)?,
        }
        self.runs.written(row);
        let Some(what) = happened else { return Ok(()) };
        self.note(row, what);
        let entry = Entry { job: row.key, count: 1, what, attempt: row.job.attempt, token: row.job.token };
        self.history.write(&self.connection, entry, self.now)
    }

    fn do_effects(&mut self, row: &mut Row, event: Event, effects: Effects) -> Result<(), EngineError> {
        if effects.stop_worker {
            self.stops.push(Lease { id: row.key.job_id(), token: row.job.token });
        }
        if effects.happened.is_some_and(Happening::is_end) {
            outcome::clean_up(self, row).map_err(EngineError::sql(DOING))?;
        }
        outcome::explain(self, row, event, effects)?;
        if let (Some(well), Some(parent)) = (effects.tell_parent, row.parent) {
            self.follow.push((parent, Event::ChildEnded { well }));
        }
        if effects.end_children {
            let children = self.open_children(row.key.id).map_err(EngineError::sql("read children"))?;
            self.follow.extend(children.into_iter().map(|child| (child, Event::Cancel)));
        }
        Ok(())
    }

    fn open_children(&self, parent: i64) -> rusqlite::Result<Vec<i64>> {
        self.connection
            .prepare_cached("SELECT id FROM job WHERE parent = ?1 AND state < 4")?
            .query_map([parent], |row| row.get(0))?
            .collect()
    }

    /// Forgets what a transaction that failed had begun.
    pub(super) fn forget_follow_ups(&mut self) {
        self.follow.clear();
        self.stops.clear();
    }
}

/// Leases are not in the file.
fn is_only_a_lease(before: &Core, after: &Core) -> bool {
    Core { lease_until_ms: after.lease_until_ms, ..*before } == *after
}

pub(super) fn not_found(key: Key) -> EngineError {
    EngineError::NotFound { id: key.job_id() }
}

/// What is in an id that somebody named.
pub(super) fn key_of(id: &JobId) -> Result<Key, EngineError> {
    Key::of(id).ok_or_else(|| EngineError::NotFound { id: id.clone() })
}
