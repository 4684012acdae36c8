//! What is in memory, read from the file: at the start, and after a commit that failed.

use super::desk::Desk;
use super::row::{Row, columns};
use crate::EngineError;
use crate::machine::Event;

/// How long a worker may be silent that had a job before a restart, in milliseconds.
pub(super) const LEASE_AFTER_RESTART_MS: i64 = 30_000;

impl Desk {
    /// Forgets everything that follows from the file, and reads it.
    pub(super) fn reload(&mut self) -> Result<(), EngineError> {
        self.shared.names.reload(&self.connection)?;
        self.lanes.reload(&self.connection)?;
        self.gates.reload(&self.connection)?;
        let is_limited = self.settings.open_per_caller_max < self.settings.open_max;
        self.callers.reload(&self.connection, is_limited)?;
        self.history.reload(&self.connection)?;
        self.outbox.reload(&self.connection)?;
        self.next_id = self.read_next_id().map_err(EngineError::sql("read the last job"))?;
        self.timers.look_at_everything();
        self.reload_runs()
    }

    /// Jobs that were forgotten since may have had later numbers than those that are there.
    fn read_next_id(&self) -> rusqlite::Result<i64> {
        let last = "SELECT max(coalesce((SELECT max(id) FROM job), 0), \
                    coalesce((SELECT job + count - 1 FROM event WHERE what = 0 ORDER BY seq DESC LIMIT 1), 0))";
        self.connection.query_row(last, (), |row| row.get::<_, i64>(0)).map(|last| last + 1)
    }

    /// The leases that we remember go on; the others begin anew.
    fn reload_runs(&mut self) -> Result<(), EngineError> {
        let remembered = self.runs.take();
        let live = std::mem::take(&mut *self.shared.live.lock());
        for mut row in self.running_rows().map_err(EngineError::sql("read what runs"))? {
            let known = remembered.get(&row.key.id).filter(|run| run.token == row.job.token);
            let new_until_ms = self.now.steady_ms + LEASE_AFTER_RESTART_MS;
            row.job.lease_until_ms = known.map_or(new_until_ms, |run| run.lease_until_ms);
            self.gates.enter(row.lane.queue, row.lane.tool, row.caller);
            let worker = known.and_then(|run| run.worker.clone());
            self.remember_run(&row, worker);
            if let Some(old) = live.get(&row.key.id).filter(|old| old.token == row.job.token) {
                self.shared.live.lock().insert(row.key.id, old.clone());
            }
        }
        Ok(())
    }

    fn running_rows(&self) -> rusqlite::Result<Vec<Row>> {
        let mut select = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM job INDEXED BY job_shelf WHERE state = 2 AND state >= 2"
        ))?;
        select.query_map((), Row::read)?.collect()
    }

    /// Notes the jobs whose workers ended with the process before this one.
    pub(super) fn find_orphans(&mut self) -> Result<(), EngineError> {
        let rows = self.running_rows().map_err(EngineError::sql("read what runs"))?;
        self.orphans = rows.iter().filter(|row| row.in_process).map(|row| row.key.id).collect();
        Ok(())
    }

    /// Those jobs are free again, without waiting for their leases. Tried again if the transaction fails.
    pub(super) fn free_orphans(&mut self) -> Result<(), EngineError> {
        for id in self.orphans.clone() {
            let Some(mut row) = self.row_of(id)? else { continue };
            match self.happen(&mut row, Event::WorkerLost) {
                Ok(_) | Err(EngineError::Misfit { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
