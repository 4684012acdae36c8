//! What happened, in order: on disk with the change itself, and told to whoever listens after the commit.

use rusqlite::{Connection, params};

use super::key::Key;
use super::shared::Shared;
use crate::machine::Now;
use crate::{Change, EngineError, Happened, Happening};

/// How many old entries one transaction removes.
const REMOVED_AT_ONCE: i64 = 4_000;

/// The history is shortened when it is too long by this part of itself, so that not every change has to.
const SLACK: i64 = 16;

/// Entries that a reader has not seen are kept up to this many times the setting.
const PATIENCE: i64 = 10;

/// One entry, before it has a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) job: Key,
    /// How many jobs, from this one on.
    pub(super) count: i64,
    pub(super) what: Happening,
    pub(super) attempt: u32,
    pub(super) token: u64,
}

#[derive(Default)]
pub(super) struct History {
    next_seq: i64,
    first_seq: i64,
    /// What the transaction under way writes, told after its commit. Submissions of several jobs with all their keys.
    fresh: Vec<(i64, i64, Entry)>,
    /// Keys of submissions of several jobs, for the telling.
    pub(super) fresh_keys: Vec<Key>,
}

impl History {
    /// Reads where it stands.
    pub(super) fn reload(&mut self, connection: &Connection) -> Result<(), EngineError> {
        let doing = "read the history";
        let ends = "SELECT coalesce((SELECT min(seq) FROM event), 1), \
                    coalesce((SELECT seq + count - 1 FROM event ORDER BY seq DESC LIMIT 1), 0)";
        let (first, last): (i64, i64) = connection
            .query_row(ends, (), |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(EngineError::sql(doing))?;
        // Readers remember numbers; none is used twice even if everything was removed.
        let kept: i64 = connection
            .query_row("SELECT coalesce(max(seq), 0) FROM reader", (), |row| row.get(0))
            .map_err(EngineError::sql(doing))?;
        *self = Self { next_seq: last.max(kept) + 1, first_seq: first, ..Self::default() };
        Ok(())
    }

    /// Writes an entry.
    pub(super) fn write(&mut self, connection: &Connection, entry: Entry, now: Now) -> rusqlite::Result<()> {
        let seq = self.next_seq;
        connection.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
            params![
                seq,
                now.wall_ms,
                entry.job.id,
                entry.job.nonce.cast_signed(),
                entry.count,
                entry.what as i64,
                entry.attempt,
                entry.token.cast_signed()
            ],
        )?;
        // A submission of several jobs takes as many numbers, so that each job's entry has its own.
        self.next_seq += entry.count;
        self.fresh.push((seq, now.wall_ms, entry));
        Ok(())
    }

    /// Tells what was committed.
    pub(super) fn tell(&mut self, shared: &Shared) {
        if shared.changes.receiver_count() > 0 {
            let mut keys = self.fresh_keys.drain(..);
            for (seq, at_ms, entry) in self.fresh.drain(..) {
                for offset in 0..entry.count {
                    let job = if entry.count == 1 { entry.job } else { keys.next().unwrap_or(entry.job) };
                    drop(shared.changes.send(Change::Happened(happened(seq + offset, at_ms, job, entry))));
                }
            }
        }
        self.forget_fresh();
    }

    /// Forgets what a transaction that failed had written, or what was told.
    pub(super) fn forget_fresh(&mut self) {
        self.fresh.clear();
        self.fresh_keys.clear();
    }

    /// Whether there are so many more entries than `count_max` that it is worth removing some.
    pub(super) fn is_long(&self, count_max: u64) -> bool {
        let count_max = bounded(count_max);
        self.excess(count_max) > count_max / SLACK
    }

    fn excess(&self, count_max: i64) -> i64 {
        self.next_seq - self.first_seq - count_max
    }

    /// Removes the oldest entries beyond `count_max`, some at a time.
    pub(super) fn shorten(&mut self, connection: &Connection, count_max: u64) -> rusqlite::Result<()> {
        if !self.is_long(count_max) {
            return Ok(());
        }
        let count_max = bounded(count_max);
        let excess = self.excess(count_max);
        let mut before = self.first_seq + excess.min(REMOVED_AT_ONCE);
        if excess < count_max * (PATIENCE - 1) {
            let unread = "SELECT min(seq) FROM reader";
            let seen: Option<i64> = connection.prepare_cached(unread)?.query_row((), |row| row.get(0))?;
            before = seen.map_or(before, |seen| before.min(seen + 1));
        }
        if before > self.first_seq {
            connection.prepare_cached("DELETE FROM event WHERE seq < ?1")?.execute([before])?;
            self.first_seq = before;
        }
        Ok(())
    }
}

/// A count that can be multiplied by [`PATIENCE`].
fn bounded(count_max: u64) -> i64 {
    i64::try_from(count_max).unwrap_or(i64::MAX).clamp(1, i64::MAX / PATIENCE)
}

pub(super) fn happened(seq: i64, at_ms: i64, job: Key, entry: Entry) -> Happened {
    Happened {
        seq: seq.cast_unsigned(),
        at_ms,
        job: job.job_id(),
        what: entry.what,
        attempt: entry.attempt,
        token: entry.token,
    }
}
