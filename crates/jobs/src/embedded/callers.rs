//! How many jobs of each caller have not ended: nobody fills the queue for everybody else.

use std::collections::HashMap;

use rusqlite::Connection;

use super::names::NameId;
use crate::{EngineError, State};

/// Follows from the file. Counted only where there is a limit.
#[derive(Default)]
pub(super) struct Callers {
    open: Option<HashMap<NameId, u64>>,
}

impl Callers {
    /// Counts what the file says, if somebody will ask.
    pub(super) fn reload(&mut self, connection: &Connection, is_limited: bool) -> Result<(), EngineError> {
        self.open = None;
        if is_limited {
            self.open = Some(count(connection).map_err(EngineError::sql("count the callers' jobs"))?);
        }
        Ok(())
    }

    /// A new job, or one that changes its state.
    pub(super) fn follow(&mut self, caller: NameId, old: Option<State>, new: State) {
        let Some(open) = &mut self.open else { return };
        let was_open = old.is_some_and(|old| !old.has_ended());
        match (was_open, !new.has_ended()) {
            (false, true) => *open.entry(caller).or_default() += 1,
            (true, false) => {
                let count = open.entry(caller).or_default();
                *count = count.saturating_sub(1);
                if *count == 0 {
                    open.remove(&caller);
                }
            }
            _ => {}
        }
    }

    /// How many of this caller have not ended; 0 where nobody counts.
    pub(super) fn open(&self, caller: NameId) -> u64 {
        self.open.as_ref().and_then(|open| open.get(&caller)).copied().unwrap_or(0)
    }
}

fn count(connection: &Connection) -> rusqlite::Result<HashMap<NameId, u64>> {
    let mut select =
        connection.prepare("SELECT caller, count(*) FROM job WHERE state < 4 GROUP BY caller")?;
    let rows = select.query_map((), |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    rows.collect()
}
