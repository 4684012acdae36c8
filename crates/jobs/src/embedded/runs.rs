//! The jobs that run: who has them, and until when. In memory, so that a heartbeat costs no disk. After a restart
//! every lease begins anew, which is also right: the workers could not reach us meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use super::key::Key;
use super::names::NameId;
use super::row::Row;

#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) key: Key,
    pub(super) token: u64,
    pub(super) stop: bool,
    pub(super) queue: NameId,
    pub(super) tool: NameId,
    pub(super) caller: NameId,
    /// On the steady clock.
    pub(super) lease_until_ms: i64,
    pub(super) worker: Option<Arc<str>>,
    /// The row as it was written last; `None` after a start. So that the end of an attempt, which comes soon after its claim,
    /// has nothing to read.
    pub(super) row: Option<Box<Row>>,
}

/// The running jobs by number.
#[derive(Default)]
pub(super) struct Runs {
    runs: HashMap<i64, Run>,
    /// Those that the transaction under way ended. They still run if it fails.
    ended: Vec<Run>,
    /// No lease ends earlier. It may be too early, and then somebody looks once too often.
    earliest_ms: Option<i64>,
}

impl Runs {
    pub(super) fn insert(&mut self, run: Run) {
        let until_ms = run.lease_until_ms;
        self.earliest_ms = Some(self.earliest_ms.map_or(until_ms, |earliest| earliest.min(until_ms)));
        self.runs.insert(run.key.id, run);
    }

    pub(super) fn remove(&mut self, id: i64) -> Option<Run> {
        let run = self.runs.remove(&id);
        if self.runs.is_empty() {
            self.earliest_ms = None;
        }
        self.ended.extend(run.clone());
        run
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self) {
        self.ended.clear();
    }

    pub(super) fn get(&self, id: i64) -> Option<&Run> {
        self.runs.get(&id)
    }

    /// A job's row was written. Of one that does not run nothing is remembered.
    pub(super) fn written(&mut self, row: &Row) {
        if let Some(run) = self.runs.get_mut(&row.key.id) {
            run.row = Some(Box::new(row.clone()));
        }
    }

    pub(super) fn get_mut(&mut self, id: i64) -> Option<&mut Run> {
        self.runs.get_mut(&id)
    }

    /// When to look at the leases.
    pub(super) fn earliest_ms(&self) -> Option<i64> {
        self.earliest_ms
    }

    /// The jobs whose lease is over.
    pub(super) fn silent(&mut self, now_ms: i64) -> Vec<i64> {
        self.earliest_ms = self.runs.values().map(|run| run.lease_until_ms).min();
        let silent = self.runs.values().filter(|run| run.lease_until_ms <= now_ms);
        silent.map(|run| run.key.id).collect()
    }

    /// Every lease lasts at least until then.
    pub(super) fn extend_all(&mut self, until_ms: i64) {
        for run in self.runs.values_mut() {
            run.lease_until_ms = run.lease_until_ms.max(until_ms);
        }
        self.earliest_ms = self.runs.values().map(|run| run.lease_until_ms).min();
    }

    /// Takes everything out, with what the transaction that failed had ended.
    pub(super) fn take(&mut self) -> HashMap<i64, Run> {
        self.earliest_ms = None;
        let mut runs = std::mem::take(&mut self.runs);
        for run in self.ended.drain(..).rev() {
            runs.insert(run.key.id, run); // the first one that ended is the one that the file has
        }
        runs
    }
}
