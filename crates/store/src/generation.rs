//! One number that changes whenever policy does, readable with one system call, and mostly with none.
//!
//! The gateway asks on every call whether keys, grants or settings changed, in whichever process. A query
//! would cost more than the call. So the number stands in a file of 8 bytes, and the same count stands in
//! the database, where it changes in the transaction that changes policy.
//!
//! What was read a moment ago is not read again for [`FRESH`]. That is still *at once*: who changes policy hears that
//! it is done no sooner than [`FRESH`] after the file came into doubt, and by then nobody goes by an older number.
//!
//! **No change can be missed**, whenever a process dies. With `g` the count in the database:
//!
//! 1. inside the write transaction, before its commit, the file becomes `2g + 1`: odd, *in doubt*;
//! 2. the transaction commits, and the database says `g + 1`;
//! 3. the file becomes `2(g + 1)`: even, *settled*; only now does the one who asked for the change hear of it.
//!
//! A lock on the file (`flock`, which ends with its holder) spans 1 to 3, so that two processes cannot write
//! the file in another order than they committed. Dying before 1 changes nothing. Dying between 1 and 3 leaves the file in doubt, and a reader who finds it in
//! doubt gets a number that was never returned before, so it reads the policy anew on every call, until a writer
//! (of any process) settles the file again: under the write lock, from the database's count. Every write does
//! that, so does every open, and a reader in doubt asks its own writer for it.

use std::{
    fs::{File, TryLockError},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{BUSY_TIMEOUT, StoreError, folder};

/// The file's name in the folder.
pub const GENERATION_FILE: &str = "generation";

/// Marks the numbers that stand for "in doubt": no settled count ever reaches this bit.
const DOUBT: u64 = 1 << 63;

/// How long a number that was read is good for. A change of policy takes at least as long.
pub(crate) const FRESH: Duration = Duration::from_millis(1);

/// How often a waiting process asks for the lock, which is held for microseconds.
const LOCK_POLL: Duration = Duration::from_millis(1);

/// The open file; see the module for how it is kept right.
pub(crate) struct Generation {
    file: File,
    path: PathBuf,
    /// Makes every answer in doubt a new one.
    doubts: AtomicU64,
    /// Where the times below start.
    opened: Instant,
    /// The newest settled number that was read. It only grows.
    known: AtomicU64,
    /// Until when [`known`](Self::known) is good, in nanoseconds after `opened`. Written after it, read before it.
    known_until_ns: AtomicU64,
}

/// Between steps 1 and 3.
#[must_use]
pub(crate) struct Doubt {
    since: Instant,
}

impl Generation {
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(GENERATION_FILE);
        let file = folder::open_private(&path)?;
        let zero = || AtomicU64::new(0);
        let (doubts, known, known_until_ns) = (zero(), zero(), zero());
        Ok(Self { file, path, doubts, opened: Instant::now(), known, known_until_ns })
    }

    /// The number now, at most [`FRESH`] old, and whether the file was in doubt (odd, or not readable).
    pub(crate) fn now(&self) -> (u64, bool) {
        let asked_ns = self.elapsed_ns();
        if asked_ns < self.known_until_ns.load(Ordering::Acquire) {
            return (self.known.load(Ordering::Relaxed), false);
        }
        match self.read() {
            Some(settled) if settled.is_multiple_of(2) => (self.learn(settled, asked_ns), false),
            _ => (DOUBT | self.doubts.fetch_add(1, Ordering::Relaxed), true),
        }
    }

    fn elapsed_ns(&self) -> u64 {
        self.opened.elapsed().as_nanos().try_into().unwrap_or(u64::MAX)
    }

    /// Keeps what was read after `asked_ns`. Whoever is slow here makes nothing older: both numbers only grow, and who
    /// sees the new time sees what was known then.
    fn learn(&self, settled: u64, asked_ns: u64) -> u64 {
        let known = self.known.fetch_max(settled, Ordering::Relaxed).max(settled);
        let until_ns = asked_ns + u64::try_from(FRESH.as_nanos()).unwrap_or(0);
        self.known_until_ns.fetch_max(until_ns, Ordering::Release);
        known
    }

    /// Step 1: a transaction that changes policy is about to commit. `count` is the count it started from.
    ///
    /// On success the file is locked until [`settled`](Self::settled).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when a process that stopped in the middle holds the lock.
    pub(crate) fn doubt(&self, count: u64) -> Result<Doubt, StoreError> {
        self.lock()?;
        self.write(2 * count + 1).inspect_err(|_| self.unlock())?;
        Ok(Doubt { since: Instant::now() })
    }

    /// Step 3: that transaction committed, and the database says `count`; or it did not, and says so still. Comes back
    /// when nobody goes by an older number any more.
    pub(crate) fn settled(&self, count: u64, doubt: &Doubt) -> Result<(), StoreError> {
        let written = self.settle(count);
        thread::sleep(FRESH.saturating_sub(doubt.since.elapsed()));
        written
    }

    fn settle(&self, count: u64) -> Result<(), StoreError> {
        let written = self.write(2 * count);
        self.unlock();
        written
    }

    /// Leaves the file in doubt, for the next writer to settle: nobody knows what the database says.
    pub(crate) fn unknown(&self) {
        self.unlock();
    }

    /// The repair: makes the file say what the database says. Only under the database's write lock.
    pub(crate) fn repair(&self, count: u64) -> Result<(), StoreError> {
        if self.read() == Some(2 * count) {
            return Ok(());
        }
        self.lock()?;
        self.settle(count)
    }

    fn read(&self) -> Option<u64> {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    fn write(&self, value: u64) -> Result<(), StoreError> {
        self.file.write_all_at(&value.to_le_bytes(), 0).map_err(StoreError::io("write", &self.path))
    }

    /// Waits for the lock, but not for ever: its holder may have been stopped (SIGSTOP) in the middle.
    fn lock(&self) -> Result<(), StoreError> {
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            match self.file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &self.path)(error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(StoreError::Busy { doing: "lock the file `generation`" });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_POLL),
            }
        }
    }

    fn unlock(&self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(path = %self.path.display(), %error, "cannot unlock");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Generation) {
        let folder = tempfile::tempdir().unwrap();
        let generation = Generation::open(folder.path()).unwrap();
        (folder, generation)
    }

    /// The number when nothing that was read before is good any more.
    fn now(generation: &Generation) -> (u64, bool) {
        thread::sleep(FRESH);
        generation.now()
    }

    #[test]
    fn an_empty_file_is_in_doubt_until_repaired() {
        let (_folder, generation) = open();
        assert!(generation.now().1);
        generation.repair(7).unwrap();
        assert_eq!(now(&generation), (14, false));
    }

    #[test]
    fn every_answer_in_doubt_is_new() {
        let (_folder, generation) = open();
        generation.repair(1).unwrap();
        let doubt = generation.doubt(1).unwrap();
        let answers = [generation.now(), generation.now()];
        assert!(answers.iter().all(|(number, doubt)| *doubt && *number >= DOUBT));
        assert_ne!(answers[0], answers[1]);
        generation.settled(2, &doubt).unwrap();
        assert_eq!(generation.now(), (4, false));
    }

    #[test]
    fn nobody_goes_by_an_old_number_once_a_change_is_done() {
        let (folder, writer) = open();
        writer.repair(1).unwrap();
        let reader = Generation::open(folder.path()).unwrap();
        for count in 2..200 {
            while reader.now().0 != 2 * (count - 1) {} // freshly read, as late as can be
            let doubt = writer.doubt(count - 1).unwrap();
            writer.settled(count, &doubt).unwrap();
            assert_eq!(reader.now(), (2 * count, false));
        }
    }

    #[test]
    fn what_was_read_is_good_for_a_moment_and_no_longer() {
        let (_folder, generation) = open();
        generation.repair(1).unwrap();
        assert_eq!(generation.now(), (2, false));
        generation.write(4).unwrap();
        let patience = Instant::now() + Duration::from_secs(10);
        while generation.now().0 == 2 {
            assert!(Instant::now() < patience, "the old number stays for ever");
        }
        assert_eq!(generation.now(), (4, false));
    }

    #[test]
    fn a_second_process_waits_until_the_first_has_settled() {
        let (folder, first) = open();
        let doubt = first.doubt(1).unwrap();
        let second = Generation::open(folder.path()).unwrap();
        let waiting = thread::spawn(move || second.doubt(2).map(|doubt| (second, doubt)));
        thread::sleep(LOCK_POLL * 20);
        assert!(!waiting.is_finished());
        first.settled(2, &doubt).unwrap();
        let (second, doubt) = waiting.join().unwrap().unwrap();
        assert!(now(&first).1, "the second one's change is in doubt now");
        second.settled(3, &doubt).unwrap();
        assert_eq!(first.now(), (6, false));
    }

    #[test]
    fn dying_in_doubt_stays_in_doubt_for_the_others() {
        let (folder, first) = open();
        first.repair(1).unwrap();
        let second = Generation::open(folder.path()).unwrap();
        let _died = first.doubt(1).unwrap();
        drop(first);
        assert!(second.now().1);
        second.repair(2).unwrap();
        assert_eq!(now(&second), (4, false));
    }
}
