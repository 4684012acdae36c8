//! The store itself: what opens, closes, reads and writes.

use std::{path::Path, sync::Arc};

use rusqlite::Connection;

use crate::{
    Approvals, AuditEntry, AuditFilter, AuditRecord, AuditReport, By, CallCounts, Head, Health, Keys, Pruned,
    Settings, StoreError,
    audit::{head::HeadFile, page, prune, verify},
    connection::{self, Readers},
    folder,
    generation::Generation,
    health::Monitor,
    schema,
    shared::Shared,
    writer::{Command, Effect, Job, Rejected, Writer},
};

/// Microseconds of a day.
const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// The open store. Clones share it; when the last one is dropped, everything that was sent is written first.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    readers: Readers,
    shared: Arc<Shared>,
    sealing: [u8; 32],
}

impl Store {
    /// Opens the store in `folder`; makes the folder (mode 0700) and its files (mode 0600) where they are missing.
    /// Blocks for milliseconds.
    ///
    /// # Errors
    /// [`StoreError::Unsafe`] when another user owns or could change the folder, or could read a file;
    /// [`StoreError::NotADatabase`], [`StoreError::Foreign`], [`StoreError::TooNew`] leave the file untouched.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let database = folder::prepare(folder)?;
        let mut connection = connection::open(&database)?;
        schema::check_ours(&connection, &database)?;
        connection::make_durable(&connection)?;
        schema::migrate(&mut connection, &database)?;
        let sealing = read_sealing_secret(&connection)?;
        let shared = Arc::new(Shared {
            generation: Generation::open(folder)?,
            head_file: HeadFile::open(folder)?,
            health: Monitor::default(),
            database: database.clone(),
        });
        let writer = Writer::start(connection, Arc::clone(&shared))?;
        // A process that died in the middle of a change may have left the generation in doubt.
        if shared.generation.now().1 {
            writer.hint(Command::Settle);
        }
        Ok(Self { inner: Arc::new(Inner { writer, readers: Readers::new(database), shared, sealing }) })
    }

    /// Writes everything that was sent, then takes no more writes, from no clone. Reads still work.
    ///
    /// # Errors
    /// When something could not be written.
    pub async fn close(&self) -> Result<(), StoreError> {
        match self.writer().ask(Command::Close).await {
            Err(StoreError::Closed) => Ok(()),
            other => other,
        }
    }

    /// Waits until everything that was sent before is on disk.
    ///
    /// # Errors
    /// When something could not be written.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.writer().ask(Command::Flush).await
    }

    /// A number that is another one after keys, grants or settings changed, in whichever process. One system call.
    ///
    /// Compare it for equality only. To keep policy in memory: read this first, then the policy; read it again on
    /// every call, and when it differs, read the policy anew. While a change is under way it differs every time.
    #[must_use]
    pub fn generation(&self) -> u64 {
        let (number, in_doubt) = self.inner.shared.generation.now();
        if in_doubt {
            self.writer().hint(Command::Settle);
        }
        number
    }

    /// How the store is doing: whether it can write, and what it keeps meanwhile.
    #[must_use]
    pub fn health(&self) -> Health {
        self.inner.shared.health.report()
    }

    /// 32 random bytes that were made with the database and stay for its life. They seal what the hub hands out and
    /// takes back (such as `requestState`), so it survives a restart, and another folder's hub rejects it.
    #[must_use]
    pub fn sealing_secret(&self) -> [u8; 32] {
        self.inner.sealing
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> Keys<'_> {
        Keys(self)
    }

    /// The approvals.
    #[must_use]
    pub fn approvals(&self) -> Approvals<'_> {
        Approvals(self)
    }

    /// How many calls accounts made lately.
    #[must_use]
    pub fn calls(&self) -> CallCounts<'_> {
        CallCounts(self)
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> Settings<'_> {
        Settings(self)
    }

    /// Writes a record and waits until the disk has it; says which number it got. For what may change something:
    /// before the effect. Everybody who waits at the same time shares one commit.
    ///
    /// # Errors
    /// The record is not written: do not go on.
    pub async fn audit_durable(&self, record: AuditRecord) -> Result<i64, StoreError> {
        record.check_size()?;
        self.writer().ask(|reply| Command::Record(record, Some(reply))).await
    }

    /// Writes a record in time: with the next commit, at the latest after [`BATCH_DELAY`](crate::BATCH_DELAY).
    /// Costs less than half a microsecond. Records keep the order in which they were sent.
    ///
    /// # Errors
    /// [`Rejected`] gives the record back. When the queue is full, [`audit_batched_wait`](Self::audit_batched_wait)
    /// waits for room.
    pub fn audit_batched(&self, record: AuditRecord) -> Result<(), Box<Rejected>> {
        match record.check_size() {
            Ok(()) => self.writer().try_record(record),
            Err(error) => Err(Box::new(Rejected { record, error })),
        }
    }

    /// As [`audit_batched`](Self::audit_batched), but waits for room in the queue.
    ///
    /// # Errors
    /// [`StoreError::Failing`], [`StoreError::TooLarge`], [`StoreError::Closed`]: the record is not written.
    pub async fn audit_batched_wait(&self, record: AuditRecord) -> Result<(), StoreError> {
        record.check_size()?;
        self.writer().record(record).await
    }

    /// Goes through the whole audit in bounded memory. `noted`: a head that was kept outside the folder, see
    /// [`audit_head`](Self::audit_head). Blocks for about a second per million records.
    ///
    /// What was sent and is not yet written is not looked at; [`flush`](Self::flush) first.
    ///
    /// # Errors
    /// Only when the database cannot be read. A chain that is not whole is no error, but in the report.
    pub fn audit_verify(&self, noted: Option<Head>) -> Result<AuditReport, StoreError> {
        let claimed = self.inner.shared.head_file.read(); // before the database, so that it cannot be ahead
        self.read(|connection| verify::verify(connection, claimed, noted))
    }

    /// The last record of the audit. Kept outside the folder, it later shows whether anything up to here was changed.
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn audit_head(&self) -> Result<Head, StoreError> {
        self.read(Head::of_database)
    }

    /// The newest records that fit, newest first; at most `limit`, and at most [`PAGE_MAX`](crate::PAGE_MAX).
    /// Blocks while it looks: a filter that fits little goes through everything.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when a text to look for is too long.
    pub fn audit_page(&self, filter: &AuditFilter, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(|connection| page::page(connection, filter, limit))
    }

    /// The records after number `after_seq`, oldest first; at most `limit`, and at most [`PAGE_MAX`](crate::PAGE_MAX).
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn audit_follow(&self, after_seq: i64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(|connection| page::follow(connection, after_seq, limit))
    }

    /// The newest record of exactly this call, of those after number `after_seq`: none of what it changed, and none of
    /// the calls below it. Blocks while it looks.
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn audit_call(&self, call: &str, after_seq: i64) -> Result<Option<AuditEntry>, StoreError> {
        self.read(|connection| page::call(connection, call, after_seq))
    }

    /// Removes the oldest records that are older than `keep_days` days at `by.time_us`, with a record `audit.prune`
    /// that accounts for the chain's new start.
    ///
    /// # Errors
    /// When the database cannot be written; what was removed until then is accounted for.
    pub async fn audit_prune(&self, keep_days: u32, by: By) -> Result<Pruned, StoreError> {
        let before_us = by.time_us.saturating_sub(i64::from(keep_days) * DAY_US);
        let mut sum = Pruned::default();
        loop {
            let by = by.clone();
            let part = self.change(move |connection| prune::chunk(connection, before_us, &by)).await?;
            sum.records += part.records;
            if part.records < prune::CHUNK as u64 {
                return Ok(sum);
            }
        }
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.inner.writer
    }

    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.inner.readers.read(work)
    }

    /// Runs `work` in the writer's next transaction; returns after the commit.
    pub(crate) async fn change<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<(T, Effect), StoreError> + Send + 'static,
    {
        self.writer().ask(|reply| Command::Change(Job::boxed(work, reply))).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("database", &self.inner.shared.database).finish_non_exhaustive()
    }
}

fn read_sealing_secret(connection: &Connection) -> Result<[u8; 32], StoreError> {
    connection
        .query_row("SELECT value FROM secret WHERE name = 'sealing'", (), |row| row.get(0))
        .map_err(StoreError::sql("read the sealing secret"))
}
