//! Whether the database can be written, and what happened last.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use crate::{Head, KEPT_MAX, StoreError};

/// How the store is doing; see [`Store::health`](crate::Store::health).
#[derive(Debug, Clone)]
pub struct Health {
    /// Why the last commit failed. `None`: it did not.
    pub failing: Option<StoreError>,
    /// How many records wait in memory because commits fail.
    pub kept: usize,
    /// How many commits this process made since it opened the store.
    pub commits: u64,
    /// How many records of the audit this process wrote.
    pub records: u64,
    /// The last audit record that was found missing or replaced, if any ever was since the store was opened.
    pub lost: Option<Head>,
}

/// The writer tells it; everybody may ask it.
#[derive(Default)]
pub(crate) struct Monitor {
    is_failing: AtomicBool,
    kept: AtomicUsize,
    commits: AtomicU64,
    records: AtomicU64,
    details: Mutex<Details>,
}

#[derive(Default)]
struct Details {
    failing: Option<StoreError>,
    lost: Option<Head>,
}

impl Monitor {
    /// Whether one more record can be taken that nobody waits for. Costs one read while all is well.
    pub(crate) fn admit(&self) -> Result<(), StoreError> {
        if !self.is_failing.load(Relaxed) {
            return Ok(());
        }
        match self.kept.load(Relaxed) {
            kept if kept >= KEPT_MAX => Err(StoreError::Failing { kept }),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Relaxed)
    }

    /// A commit with `records` records went well, and `kept` records still wait.
    pub(crate) fn committed(&self, records: u64, kept: usize) {
        self.commits.fetch_add(1, Relaxed);
        self.records.fetch_add(records, Relaxed);
        if self.is_failing() {
            self.kept.store(kept, Relaxed);
            self.is_failing.store(false, Relaxed);
            self.details().failing = None;
            tracing::info!("the database can be written again");
        }
    }

    /// A commit failed, and `kept` records wait in memory.
    pub(crate) fn failed(&self, error: &StoreError, kept: usize) {
        if !self.is_failing() {
            tracing::error!(%error, "the database cannot be written");
        }
        self.details().failing = Some(error.clone());
        self.kept.store(kept, Relaxed);
        self.is_failing.store(true, Relaxed);
    }

    /// `kept` records wait in memory while commits fail.
    pub(crate) fn keeps(&self, kept: usize) {
        self.kept.store(kept, Relaxed);
    }

    /// A record of the audit that had been there is gone or replaced.
    pub(crate) fn lost(&self, head: Head) {
        tracing::error!(
            seq = head.seq,
            "a record of the audit was removed or replaced; run `drawbridge audit verify`"
        );
        self.details().lost = Some(head);
    }

    pub(crate) fn report(&self) -> Health {
        let details = self.details();
        Health {
            failing: details.failing.clone(),
            kept: if self.is_failing() { self.kept.load(Relaxed) } else { 0 },
            commits: self.commits.load(Relaxed),
            records: self.records.load(Relaxed),
            lost: details.lost,
        }
    }

    fn details(&self) -> std::sync::MutexGuard<'_, Details> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
