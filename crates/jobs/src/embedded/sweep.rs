//! What time does: leases end, jobs become due, deadlines pass, what has ended is forgotten.

use std::time::Duration;

use super::desk::Desk;
use super::outcome;
use super::row::{Row, at_most_rows};
use super::settings::Retention;
use crate::machine::{Event, Now};
use crate::{EngineError, State};

/// How many jobs one turn looks at for one reason; the rest follows in the next turn, after others had theirs.
const AT_ONCE: usize = 500;

/// How many jobs one turn forgets.
const FORGOTTEN_AT_ONCE: usize = 200;

/// While something waits for a time of day, we look at the clock at least so often, in milliseconds: somebody may
/// set it.
const LOOK_AT_CLOCK_MS: i64 = 60_000;

/// Counts are cut back when they are over by this part of themselves, so that not every end has to forget a job.
const SLACK: u64 = 16;

const ENDED: [State; 4] = [State::Completed, State::Failed, State::Cancelled, State::Dead];

/// We were away when we woke up so much later than we wanted, in milliseconds: the machine slept, or was very busy.
const OVERSLEPT_MS: i64 = 2_000;

/// The earliest moment of each kind, or earlier. `None`: there is none.
#[derive(Default)]
pub(super) struct Timers {
    due_ms: Option<i64>,
    deadline_ms: Option<i64>,
    forget_ms: Option<i64>,
    /// On the steady clock: when a rate leaves room again.
    pub(super) rate_ms: Option<i64>,
    /// On the steady clock: when the first waiting message of a worker must be answered.
    pub(super) wait_ms: Option<i64>,
    /// Something was left for the next turn.
    pub(super) unfinished: bool,
    /// On the steady clock: until when we wanted to sleep.
    wanted_ms: Option<i64>,
}

fn sooner(known: &mut Option<i64>, at_ms: i64) {
    *known = Some(known.map_or(at_ms, |known| known.min(at_ms)));
}

fn later(at_ms: i64, by_ms: u64) -> i64 {
    at_ms.saturating_add_unsigned(by_ms)
}

impl Timers {
    pub(super) fn scheduled(&mut self, run_at_ms: i64) {
        sooner(&mut self.due_ms, run_at_ms);
    }

    pub(super) fn deadline(&mut self, deadline_ms: i64) {
        sooner(&mut self.deadline_ms, deadline_ms);
    }

    pub(super) fn ended(&mut self, state: State, now_ms: i64, retention: &Retention) {
        sooner(&mut self.forget_ms, later(now_ms, retention.of(state).age_ms));
    }

    /// Everything may be due.
    pub(super) fn look_at_everything(&mut self) {
        (self.due_ms, self.deadline_ms, self.forget_ms) = (Some(i64::MIN), Some(i64::MIN), Some(i64::MIN));
    }

    fn is_wall_due(&self, now: Now) -> bool {
        [self.due_ms, self.deadline_ms, self.forget_ms].into_iter().flatten().any(|at| at <= now.wall_ms)
    }
}

impl Desk {
    /// Whether time alone has something to do.
    pub(super) fn is_due(&self) -> bool {
        let steady = [self.runs.earliest_ms(), self.timers.rate_ms, self.timers.wait_ms];
        self.timers.unfinished
            || self.timers.is_wall_due(self.now)
            || self.has_too_much()
            || steady.into_iter().flatten().any(|at| at <= self.now.steady_ms)
    }

    /// How long there is nothing to do; `None` for as long as nobody asks.
    pub(super) fn idle_time(&mut self) -> Option<Duration> {
        let now = self.now;
        let wall =
            [self.timers.due_ms, self.timers.deadline_ms, self.timers.forget_ms].into_iter().flatten().min();
        let wall = wall.map(|at| at.saturating_sub(now.wall_ms).min(LOOK_AT_CLOCK_MS));
        let steady = [self.runs.earliest_ms(), self.timers.rate_ms, self.timers.wait_ms];
        let steady = steady.into_iter().flatten().min().map(|at| at - now.steady_ms);
        let ms = wall.into_iter().chain(steady).min().map(|ms| ms.max(0));
        self.timers.wanted_ms = ms.map(|ms| now.steady_ms + ms);
        ms.map(|ms| Duration::from_millis(ms.unsigned_abs()))
    }

    /// Workers could not reach us while we were away: their silence proves nothing.
    pub(super) fn forgive_if_overslept(&mut self, lease_ms: i64) {
        let wanted_ms = self.timers.wanted_ms.take();
        if wanted_ms.is_some_and(|wanted_ms| self.now.steady_ms > wanted_ms + OVERSLEPT_MS) {
            self.runs.extend_all(self.now.steady_ms + lease_ms);
        }
    }

    /// Does what is due.
    pub(super) fn sweep(&mut self) -> Result<(), EngineError> {
        self.timers.unfinished = false;
        self.timers.rate_ms = None;
        self.sweep_leases()?;
        self.sweep_due()?;
        self.sweep_deadlines()?;
        self.forget_old()?;
        self.history
            .shorten(&self.connection, self.settings.retention.history)
            .map_err(EngineError::sql("shorten the history"))
    }

    fn sweep_leases(&mut self) -> Result<(), EngineError> {
        if self.runs.earliest_ms().is_none_or(|at| at > self.now.steady_ms) {
            return Ok(());
        }
        let silent = self.runs.silent(self.now.steady_ms);
        self.tick(&silent)
    }

    fn sweep_due(&mut self) -> Result<(), EngineError> {
        if self.timers.due_ms.is_none_or(|at| at > self.now.wall_ms) {
            return Ok(());
        }
        let due = self.ids_until(
            "SELECT id FROM job WHERE state = 1 AND flags & 4 = 0 AND run_at <= ?1 ORDER BY run_at LIMIT ?2",
        )?;
        self.tick(&due)?;
        self.timers.due_ms = self
            .first_of("SELECT run_at FROM job WHERE state = 1 AND flags & 4 = 0 ORDER BY run_at LIMIT 1")?;
        Ok(())
    }

    fn sweep_deadlines(&mut self) -> Result<(), EngineError> {
        if self.timers.deadline_ms.is_none_or(|at| at > self.now.wall_ms) {
            return Ok(());
        }
        let late = self.ids_until(
            "SELECT id FROM job WHERE deadline IS NOT NULL AND state < 4 AND deadline <= ?1 ORDER BY deadline LIMIT ?2",
        )?;
        self.tick(&late)?;
        self.timers.deadline_ms = self.first_of(
            "SELECT deadline FROM job WHERE deadline IS NOT NULL AND state < 4 ORDER BY deadline LIMIT 1",
        )?;
        Ok(())
    }

    fn ids_until(&self, sql: &str) -> Result<Vec<i64>, EngineError> {
        let read = || {
            let mut select = self.connection.prepare_cached(sql)?;
            select
                .query_map((self.now.wall_ms, at_most_rows(AT_ONCE)), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(EngineError::sql("read what is due"))
    }

    fn first_of(&self, sql: &str) -> Result<Option<i64>, EngineError> {
        let read =
            || self.connection.prepare_cached(sql)?.query_map((), |row| row.get(0))?.next().transpose();
        read().map_err(EngineError::sql("read what is due next"))
    }

    /// Lets jobs hear that time has passed. What that means for each of them, the machine says.
    fn tick(&mut self, ids: &[i64]) -> Result<(), EngineError> {
        for id in ids {
            match self.row_of(*id)? {
                Some(mut row) => drop(self.happen(&mut row, Event::Tick)?),
                None => drop(self.runs.remove(*id)),
            }
        }
        Ok(())
    }

    fn has_too_much(&self) -> bool {
        let too_many = |state| {
            let (total, kept) = (self.lanes.total(state), self.settings.retention.of(state).count);
            total > kept.saturating_add(kept / SLACK)
        };
        ENDED.into_iter().any(too_many) || self.history.is_long(self.settings.retention.history)
    }

    /// Forgets what has ended long ago, and what is too much.
    fn forget_old(&mut self) -> Result<(), EngineError> {
        let age_is_due = self.timers.forget_ms.is_some_and(|at| at <= self.now.wall_ms);
        if !age_is_due && !self.has_too_much() {
            return Ok(());
        }
        self.write_notes()?; // what they had to tell is still told
        self.timers.forget_ms = None;
        for state in ENDED {
            self.forget_of(state).map_err(EngineError::sql("forget old jobs"))?;
        }
        Ok(())
    }

    fn forget_of(&mut self, state: State) -> rusqlite::Result<()> {
        let keep = self.settings.retention.of(state);
        let excess =
            usize::try_from(self.lanes.total(state).saturating_sub(keep.count)).unwrap_or(usize::MAX);
        let oldest = self.oldest_of(state)?;
        let before_ms = self.now.wall_ms.saturating_sub_unsigned(keep.age_ms);
        for (index, (row, ended_ms)) in oldest.iter().enumerate() {
            let is_old = *ended_ms <= before_ms;
            if (!is_old && index >= excess) || index == FORGOTTEN_AT_ONCE {
                self.timers.unfinished |= index == FORGOTTEN_AT_ONCE;
                sooner(&mut self.timers.forget_ms, later(*ended_ms, keep.age_ms));
                break;
            }
            outcome::remove(self, row)?;
        }
        Ok(())
    }

    /// One more than are forgotten at once, to know when the next one is due.
    fn oldest_of(&self, state: State) -> rusqlite::Result<Vec<(Row, i64)>> {
        let mut select = self.connection.prepare_cached(concat!(
            "SELECT ",
            super::row::columns!(),
            " FROM job INDEXED BY job_shelf WHERE state = ?1 AND state >= 2 ORDER BY ended LIMIT ?2"
        ))?;
        let rows = select.query_map((state as i64, at_most_rows(FORGOTTEN_AT_ONCE + 1)), |row| {
            let row = Row::read(row)?;
            let ended_ms = row.ended_ms.unwrap_or(row.created_ms);
            Ok((row, ended_ms))
        })?;
        rows.collect()
    }
}
