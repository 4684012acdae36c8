//! How many jobs there are of each state, and in which lanes queued ones wait.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params_from_iter};

use super::names::NameId;
use crate::{EngineError, State};

/// Queued jobs of one queue and one tool; with `hold`, those of one caller that were passed over because its limit
/// was reached. A claim takes the best of the lanes that are open, and so passes over no job twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub(super) queue: NameId,
    pub(super) tool: NameId,
    pub(super) hold: NameId,
}

/// The table `tally`, in memory.
#[derive(Default)]
pub(super) struct Lanes {
    counts: HashMap<Lane, [i64; 8]>,
    totals: [i64; 8],
    /// Those that the transaction under way changed.
    changed: HashSet<Lane>,
}

impl Lanes {
    /// Forgets everything, and reads what the file says.
    pub(super) fn reload(&mut self, connection: &Connection) -> Result<(), EngineError> {
        *self = Self::default();
        for (lane, counts) in read_all(connection).map_err(EngineError::sql("read the counts"))? {
            (0..8).for_each(|state| self.totals[state] += counts[state]);
            self.counts.insert(lane, counts);
        }
        Ok(())
    }

    /// One job more in a state.
    pub(super) fn enter(&mut self, lane: Lane, state: State) {
        self.add(lane, state, 1);
    }

    /// One job less in a state.
    pub(super) fn leave(&mut self, lane: Lane, state: State) {
        self.add(lane, state, -1);
    }

    fn add(&mut self, lane: Lane, state: State, count: i64) {
        // What is not queued is not held, either.
        let lane = if state == State::Queued { lane } else { Lane { hold: 0, ..lane } };
        self.counts.entry(lane).or_default()[state as usize] += count;
        self.totals[state as usize] += count;
        self.changed.insert(lane);
    }

    /// How many jobs are in a state.
    pub(super) fn total(&self, state: State) -> u64 {
        u64::try_from(self.totals[state as usize]).unwrap_or(0)
    }

    /// How many have not ended.
    pub(super) fn open(&self) -> u64 {
        State::ALL.iter().filter(|state| !state.has_ended()).map(|state| self.total(*state)).sum()
    }

    /// The lanes with queued jobs.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Lane> {
        self.counts.iter().filter(|(_, counts)| counts[State::Queued as usize] > 0).map(|(lane, _)| *lane)
    }

    /// Writes what changed.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for lane in self.changed.drain() {
            let Some(counts) = self.counts.get(&lane) else { continue };
            let key = [lane.queue, lane.tool, lane.hold].map(i64::from);
            if counts.iter().any(|count| *count != 0) {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO tally VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
                    .execute(params_from_iter(key.iter().chain(counts)))?;
            } else {
                self.counts.remove(&lane);
                connection
                    .prepare_cached("DELETE FROM tally WHERE queue = ? AND tool = ? AND hold = ?")?
                    .execute(key)?;
            }
        }
        Ok(())
    }
}

/// Every row of the table.
pub(super) fn read_all(connection: &Connection) -> rusqlite::Result<Vec<(Lane, [i64; 8])>> {
    let mut select = connection.prepare_cached("SELECT * FROM tally")?;
    let rows = select.query_map((), |row| {
        let mut counts = [0; 8];
        for (state, count) in counts.iter_mut().enumerate() {
            *count = row.get(3 + state)?;
        }
        Ok((Lane { queue: row.get(0)?, tool: row.get(1)?, hold: row.get(2)? }, counts))
    })?;
    rows.collect()
}
