//! One row of the table `job`: reading it whole, writing what a step changed.

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::key::Key;
use super::lanes::Lane;
use super::names::NameId;
use crate::machine::{Ending, Job};
use crate::{Backoff, EngineError, State};

/// A job as the file has it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) key: Key,
    /// Where it waits, if it is queued.
    pub(super) lane: Lane,
    pub(super) caller: NameId,
    /// The negative of what people say.
    pub(super) priority: i64,
    pub(super) parent: Option<i64>,
    pub(super) created_ms: i64,
    pub(super) started_ms: Option<i64>,
    pub(super) ended_ms: Option<i64>,
    /// Its latest worker ends with this process.
    pub(super) in_process: bool,
    /// Which other tables have something of it.
    pub(super) has: Has,
    pub(super) job: Job,
}

/// Which other tables have something of a job, so that nobody looks in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Has {
    pub(super) checkpoint: bool,
    pub(super) question: bool,
    pub(super) key: bool,
    pub(super) callback: bool,
}

const STOP: i64 = 1;
const CHILD_FAILED: i64 = 2;
/// Also in the index `job_due`.
const AWAITS_CHILDREN: i64 = 4;
const FAILS_WITH_CHILDREN: i64 = 8;
const HOLDS_PARENT: i64 = 16;
const HAS_CHECKPOINT: i64 = 32;
const HAS_QUESTION: i64 = 64;
const HAS_KEY: i64 = 128;
const IN_PROCESS: i64 = 256;
const HAS_CALLBACK: i64 = 512;

/// The columns in the order that [`Row::read`] wants them.
macro_rules! columns {
    () => {
        "job.id, nonce, queue, tool, hold, caller, priority, state, flags, attempt, attempts_max, stalls, token, \
         ending, run_at, deadline, backoff_base, backoff_max, jitter, parent, children_open, created, started, ended"
    };
}
pub(super) use columns;

const SELECT_ROW: &str = concat!("SELECT ", columns!(), " FROM job WHERE id = ?1");

impl Row {
    /// Reads the columns of `columns!`. The lease is not in the file.
    pub(super) fn read(row: &SqlRow<'_>) -> rusqlite::Result<Self> {
        let flags: i64 = row.get(8)?;
        let is = |flag| flags & flag != 0;
        let has = Has {
            checkpoint: is(HAS_CHECKPOINT),
            question: is(HAS_QUESTION),
            key: is(HAS_KEY),
            callback: is(HAS_CALLBACK),
        };
        let job = Job {
            state: state_of(row.get(7)?),
            attempt: row.get(9)?,
            attempts_max: row.get(10)?,
            stalls: row.get(11)?,
            token: row.get::<_, i64>(12)?.cast_unsigned(),
            ending: row
                .get::<_, Option<u8>>(13)?
                .and_then(|number| Ending::ALL.get(usize::from(number)).copied()),
            stop: is(STOP),
            run_at_ms: row.get(14)?,
            deadline_ms: row.get(15)?,
            lease_until_ms: i64::MAX,
            backoff: Backoff { base_ms: row.get(16)?, max_ms: row.get(17)?, jitter_percent: row.get(18)? },
            children_open: row.get(20)?,
            child_failed: is(CHILD_FAILED),
            awaits_children: is(AWAITS_CHILDREN),
            fails_with_children: is(FAILS_WITH_CHILDREN),
            holds_parent: is(HOLDS_PARENT),
        };
        Ok(Self {
            key: Key { id: row.get(0)?, nonce: row.get::<_, i64>(1)?.cast_unsigned() },
            lane: Lane { queue: row.get(2)?, tool: row.get(3)?, hold: row.get(4)? },
            caller: row.get(5)?,
            priority: row.get(6)?,
            parent: row.get(19)?,
            created_ms: row.get(21)?,
            started_ms: row.get(22)?,
            ended_ms: row.get(23)?,
            in_process: is(IN_PROCESS),
            has,
            job,
        })
    }

    /// The row of a number, if there is one.
    pub(super) fn find(connection: &Connection, id: i64) -> Result<Option<Self>, EngineError> {
        connection
            .prepare_cached(SELECT_ROW)
            .and_then(|mut select| select.query_row([id], Self::read).optional())
            .map_err(EngineError::sql("read a job"))
    }

    fn flags(&self) -> i64 {
        let (job, has) = (&self.job, &self.has);
        let flags = [
            (job.stop, STOP),
            (job.child_failed, CHILD_FAILED),
            (job.awaits_children, AWAITS_CHILDREN),
            (job.fails_with_children, FAILS_WITH_CHILDREN),
            (job.holds_parent, HOLDS_PARENT),
            (has.checkpoint, HAS_CHECKPOINT),
            (has.question, HAS_QUESTION),
            (has.key, HAS_KEY),
            (has.callback, HAS_CALLBACK),
            (self.in_process, IN_PROCESS),
        ];
        flags.iter().filter(|(is, _)| *is).map(|(_, flag)| flag).sum()
    }

    /// Writes a new job.
    pub(super) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let job = &self.job;
        let mut insert = connection.prepare_cached(
            "INSERT INTO job (id, nonce, queue, tool, hold, caller, priority, state, flags, attempt, attempts_max, \
             stalls, token, run_at, deadline, backoff_base, backoff_max, jitter, parent, children_open, created) \
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, 0, ?9, 0, 0, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?;
        insert.execute(params![
            self.key.id,
            self.key.nonce.cast_signed(),
            self.lane.queue,
            self.lane.tool,
            self.caller,
            self.priority,
            job.state as i64,
            self.flags(),
            job.attempts_max,
            job.run_at_ms,
            job.deadline_ms,
            job.backoff.base_ms,
            job.backoff.max_ms,
            job.backoff.jitter_percent,
            self.parent,
            job.children_open,
            self.created_ms,
        ])?;
        Ok(())
    }

    /// Writes what a claim changes. It has its own statement because SQLite renews every index that an `UPDATE`
    /// names a column of, changed or not.
    pub(super) fn update_claimed(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "UPDATE job SET state = 2, hold = 0, flags = ?2, attempt = ?3, token = ?4, ending = NULL, started = ?5 \
                 WHERE id = ?1",
            )?
            .execute(params![
                self.key.id,
                self.flags(),
                self.job.attempt,
                self.job.token.cast_signed(),
                self.started_ms
            ])?;
        Ok(())
    }

    /// Writes what the end of a running job changes.
    pub(super) fn update_ended(&self, connection: &Connection) -> rusqlite::Result<()> {
        let ending = self.job.ending.map(|ending| ending as i64);
        connection
            .prepare_cached(
                "UPDATE job SET state = ?2, flags = ?3, ending = ?4, ended = ?5, stalls = ?6 WHERE id = ?1",
            )?
            .execute(params![
                self.key.id,
                self.job.state as i64,
                self.flags(),
                ending,
                self.ended_ms,
                self.job.stalls
            ])?;
        Ok(())
    }

    /// Writes everything that can change.
    pub(super) fn update(&self, connection: &Connection) -> rusqlite::Result<()> {
        let job = &self.job;
        connection
            .prepare_cached(
                "UPDATE job SET state = ?2, hold = ?3, flags = ?4, attempt = ?5, stalls = ?6, token = ?7, ending = ?8, \
                 run_at = ?9, deadline = ?10, children_open = ?11, started = ?12, ended = ?13 WHERE id = ?1",
            )?
            .execute(params![
                self.key.id,
                job.state as i64,
                self.lane.hold,
                self.flags(),
                job.attempt,
                job.stalls,
                job.token.cast_signed(),
                job.ending.map(|ending| ending as i64),
                job.run_at_ms,
                job.deadline_ms,
                job.children_open,
                self.started_ms,
                self.ended_ms,
            ])?;
        Ok(())
    }
}

/// A number that no version wrote is treated as an end, so that nothing runs because of it.
fn state_of(number: u8) -> State {
    State::ALL.get(usize::from(number)).copied().unwrap_or(State::Failed)
}

/// A count for a `LIMIT`.
pub(super) fn at_most_rows(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
