//! One transaction: everything in a batch, or nothing of it.

use std::sync::Arc;

use rusqlite::Connection;

use super::{Command, Effect, run::done};
use crate::{
    StoreError,
    audit::append::{Appender, Chain},
    calls, keys,
    shared::Shared,
};

const DOING: &str = "write to the database";

/// How many commits in a row may be left to be flushed by a later one.
const UNFLUSHED_MAX: u32 = 15;

pub(super) struct Transactions {
    connection: Connection,
    chain: Chain,
    shared: Arc<Shared>,
    /// What each command of the batch did, in its order; used again and again.
    done: Vec<Done>,
    /// How many commits, up to the last, are left to be flushed by a later one.
    unflushed: u32,
}

/// What a command did, kept until the commit decides.
enum Done {
    /// It has this number in the chain.
    Record(i64),
    /// Nothing to tell.
    Nothing,
}

/// What the commands of a batch did together.
struct Sum {
    head: crate::Head,
    alarm: Option<crate::Head>,
    records: u64,
    policy: bool,
}

impl Transactions {
    pub(super) fn new(connection: Connection, shared: Arc<Shared>) -> Self {
        let chain = Chain::new(shared.head_file.read().unwrap_or_default());
        Self { connection, chain, shared, done: Vec::new(), unflushed: 0 }
    }

    /// Commits a batch and answers who waits. Says how many records of the audit it wrote.
    ///
    /// `followed`: another commit comes at once. Where nobody waits for this one, flushing it to the disk is left to
    /// that one, [`UNFLUSHED_MAX`] times in a row.
    ///
    /// # Errors
    /// Nothing was written, nobody was answered, and the batch is as it was.
    pub(super) fn commit(&mut self, batch: &mut Vec<Command>, followed: bool) -> Result<u64, StoreError> {
        let later = followed && self.unflushed < UNFLUSHED_MAX && !batch.iter().any(Command::is_urgent);
        self.flush_with_commit(!later)?;
        execute(&self.connection, "BEGIN IMMEDIATE")?;
        let committed = self.apply(batch).and_then(|(sum, count)| self.finish(&sum, count).map(|()| sum));
        match committed {
            Ok(sum) => {
                self.after(&sum);
                self.answer(batch);
                Ok(sum.records)
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Does every command, and reads the count of policy changes. The write lock is held.
    fn apply(&mut self, batch: &mut [Command]) -> Result<(Sum, u64), StoreError> {
        let count = read_count(&self.connection)?;
        self.shared.generation.repair(count)?;
        let mut appender = self.chain.append(&self.connection)?;
        let alarm = appender.alarm;
        let first = appender.head().seq - i64::from(alarm.is_some());
        let mut policy = false;
        self.done.clear();
        for command in batch {
            let did = apply_one(&self.connection, &mut appender, command, &mut policy)?;
            self.done.push(did);
        }
        let head = appender.head();
        let records = u64::try_from(head.seq - first).unwrap_or(0);
        Ok((Sum { head, alarm, records, policy }, count))
    }

    /// Commits, with the generation in doubt around it if policy changed.
    fn finish(&self, sum: &Sum, count: u64) -> Result<(), StoreError> {
        if !sum.policy {
            return execute(&self.connection, "COMMIT");
        }
        write_count(&self.connection, count + 1)?;
        let doubt = self.shared.generation.doubt(count)?;
        execute(&self.connection, "COMMIT").inspect_err(|_| self.shared.generation.unknown())?;
        if let Err(error) = self.shared.generation.settled(count + 1, &doubt) {
            // It stays in doubt: everybody reads policy anew on every call, which is slow and right.
            tracing::warn!(%error, "the generation could not be settled");
        }
        Ok(())
    }

    /// Whether the next commit waits until it, and every one before it, is on the disk itself.
    fn flush_with_commit(&mut self, flush: bool) -> Result<(), StoreError> {
        if flush && self.unflushed > 0 {
            set_synchronous(&self.connection, "FULL")?;
            self.unflushed = 0;
        } else if !flush {
            if self.unflushed == 0 {
                set_synchronous(&self.connection, "NORMAL")?;
            }
            self.unflushed += 1;
        }
        Ok(())
    }

    fn after(&mut self, sum: &Sum) {
        if sum.records > 0 {
            self.chain.committed(sum.head);
            if self.unflushed == 0 {
                // Not before it is on the disk: the file may be older than the database, never newer.
                self.shared.head_file.write(sum.head);
            }
        }
        if let Some(lost) = sum.alarm {
            self.shared.health.lost(lost);
        }
    }

    fn answer(&mut self, batch: &mut Vec<Command>) {
        for (command, did) in batch.drain(..).zip(self.done.drain(..)) {
            match (command, did) {
                (Command::Record(_, Some(reply)), Done::Record(seq)) => drop(reply.send(Ok(seq))),
                (Command::Change(change), _) => change.answer(Ok(())),
                (Command::Flush(reply) | Command::Close(reply), _) => done(reply),
                _ => {}
            }
        }
    }

    /// SQLite rolls back by itself after some errors, a full disk for one.
    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = execute(&self.connection, "ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

fn apply_one(
    connection: &Connection,
    appender: &mut Appender<'_>,
    command: &mut Command,
    policy: &mut bool,
) -> Result<Done, StoreError> {
    match command {
        Command::Record(record, _) => return appender.put(record).map(Done::Record),
        Command::KeyUsed { id, at_us } => keys::write_used(connection, id, *at_us)?,
        Command::Called { account, calls, forget_us } => {
            calls::write(connection, account, *calls, *forget_us)?;
        }
        Command::Change(change) => {
            let effect = in_savepoint(connection, |connection| change.run(connection))?;
            for act in &effect.acts {
                appender.put(act)?;
            }
            *policy |= effect.policy;
        }
        Command::Flush(_) | Command::Settle | Command::Close(_) => {}
    }
    Ok(Done::Nothing)
}

/// A change that fails leaves nothing behind, and does not spoil the batch; it answers for itself.
fn in_savepoint(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<Effect, StoreError>,
) -> Result<Effect, StoreError> {
    execute(connection, "SAVEPOINT change")?;
    let effect = change(connection);
    if connection.is_autocommit() {
        return effect.and(Err(StoreError::Full { doing: DOING })); // SQLite gave up the whole transaction
    }
    if effect.is_err() {
        execute(connection, "ROLLBACK TO change")?;
    }
    execute(connection, "RELEASE change")?;
    Ok(effect.unwrap_or_default())
}

/// A pragma takes effect when it is prepared, so this statement is not kept.
fn set_synchronous(connection: &Connection, mode: &str) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", mode).map_err(StoreError::sql(DOING))
}

fn read_count(connection: &Connection) -> Result<u64, StoreError> {
    connection
        .prepare_cached("SELECT count FROM generation")
        .and_then(|mut select| select.query_row((), |row| row.get::<_, i64>(0)))
        .map(i64::cast_unsigned)
        .map_err(StoreError::sql("read the generation"))
}

fn write_count(connection: &Connection, count: u64) -> Result<(), StoreError> {
    connection
        .execute("UPDATE generation SET count = ?1", [count.cast_signed()])
        .map(drop)
        .map_err(StoreError::sql("write the generation"))
}

fn execute(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(()))
        .map(drop)
        .map_err(StoreError::sql(DOING))
}
