//! The writer's thread: takes what is in the queue, does it in one transaction, commits, and only then answers.
//!
//! Nothing waits for company: a command that comes alone is committed alone, and while the disk works the next ones
//! gather. So the busier it is, the less each of them costs.

use std::fs::File;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::claim::Parked;
use super::command::{Command, Reply, Task};
use super::desk::Desk;
use super::inbox::Inbox;
use super::reload::LEASE_AFTER_RESTART_MS;
use crate::EngineError;

/// How many commands one transaction takes.
const BATCH_MAX: usize = 512;

/// How long to wait after a failed transaction before trying again what nobody asked for.
const RETRY_DELAY: Duration = Duration::from_millis(250);

const DOING: &str = "write the jobs";

pub(super) struct Writer {
    desk: Desk,
    inbox: Arc<Inbox>,
    batch: Vec<Command>,
    /// Done in this turn, not yet committed.
    tasks: Vec<Box<dyn Task>>,
    /// Messages of workers that wait for work, first come first.
    parked: Vec<Parked>,
    /// Messages that are to be answered with this commit.
    served: Vec<Parked>,
    /// Who waits for the end of this turn.
    ticks: Vec<Reply<()>>,
    /// Who waits for the end of everything.
    closing: Vec<Reply<()>>,
    /// What is in memory does not follow from the file any more.
    must_reload: bool,
    is_failing: bool,
    /// Held until the end: nobody else may open the file.
    lock: File,
}

impl Writer {
    fn new(desk: Desk, inbox: Arc<Inbox>, lock: File) -> Self {
        Self {
            desk,
            inbox,
            batch: Vec::new(),
            tasks: Vec::new(),
            parked: Vec::new(),
            served: Vec::new(),
            ticks: Vec::new(),
            closing: Vec::new(),
            must_reload: false,
            is_failing: false,
            lock,
        }
    }

    /// Works until nobody can ask any more.
    pub(super) fn run(mut self) {
        loop {
            let ended = self.inbox.take(&mut self.batch, BATCH_MAX);
            self.desk.now = self.desk.shared.clock.now();
            self.desk.forgive_if_overslept(LEASE_AFTER_RESTART_MS);
            self.take_light_commands();
            let went_well = self.turn();
            if ended {
                return self.end();
            }
            self.sleep(went_well);
        }
    }

    /// Does what touches no file.
    fn take_light_commands(&mut self) {
        let mut rest = Vec::with_capacity(self.batch.len());
        for command in self.batch.drain(..) {
            match command {
                Command::Beat { leases, lease_ms, reply } => {
                    drop(reply.send(Ok(self.desk.beat(&leases, lease_ms))));
                }
                Command::Tick(reply) => {
                    self.desk.timers.look_at_everything();
                    self.ticks.push(reply);
                }
                Command::Close(reply) => {
                    self.inbox.close(); // what is in the queue already is still done
                    self.closing.push(reply);
                }
                other => rest.push(other),
            }
        }
        self.batch = rest;
    }

    /// One transaction. Says whether it went well.
    fn turn(&mut self) -> bool {
        let desk = &self.desk;
        let idle = self.batch.is_empty() && desk.lost.is_empty() && desk.orphans.is_empty() && !desk.is_due();
        if idle && !self.must_reload {
            return true;
        }
        match self.try_turn() {
            Ok(()) => {
                self.answer();
                true
            }
            Err(error) => {
                self.roll_back(&error);
                false
            }
        }
    }

    fn try_turn(&mut self) -> Result<(), EngineError> {
        if self.must_reload {
            self.desk.reload()?;
            self.must_reload = false;
        }
        execute(&self.desk, "BEGIN IMMEDIATE")?;
        self.desk.free_orphans()?;
        self.desk.take_back()?;
        self.do_batch()?;
        if self.desk.is_due() {
            self.desk.sweep()?;
        }
        self.desk.serve(&mut self.parked, &mut self.served)?;
        self.desk.write_notes()?;
        self.desk.lanes.write(&self.desk.connection).map_err(EngineError::sql(DOING))?;
        execute(&self.desk, "COMMIT")
    }

    fn do_batch(&mut self) -> Result<(), EngineError> {
        let mut failed = None;
        for command in self.batch.drain(..) {
            match command {
                Command::Task(mut task) => {
                    if failed.is_none() {
                        failed = task.run(&mut self.desk).err();
                    }
                    self.tasks.push(task);
                }
                Command::Exchange(mut parked) => {
                    if failed.is_none() {
                        failed = self.desk.listen(&mut parked).err();
                    }
                    self.parked.push(*parked);
                }
                Command::Withdraw { worker, reply } => {
                    let theirs = self.parked.iter_mut().filter(|parked| parked.ask.worker == worker);
                    theirs.for_each(Parked::withdraw);
                    self.ticks.push(reply);
                }
                // Taken out before.
                Command::Beat { .. } | Command::Tick(_) | Command::Close(_) => {}
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Committed: now, and not before, everybody may know.
    fn answer(&mut self) {
        if std::mem::take(&mut self.is_failing) {
            *self.desk.shared.failing() = None;
        }
        self.desk.runs.committed();
        self.desk.orphans.clear();
        self.desk.lost.clear();
        self.tasks.drain(..).for_each(|task| task.answer(Ok(())));
        for served in self.served.drain(..) {
            if let Some((_, work)) = served.answer() {
                self.desk.lost.extend(work.iter().map(|handed| (handed.row.key, handed.row.job.token)));
            }
        }
        self.parked.iter_mut().for_each(|parked| parked.is_fresh = false);
        self.ticks.drain(..).for_each(|reply| drop(reply.send(Ok(()))));
        for stop in self.desk.stops.drain(..) {
            drop(self.desk.shared.stops.send(stop));
        }
        self.desk.history.tell(&self.desk.shared);
        if std::mem::take(&mut self.desk.outbox.has_news) {
            self.desk.shared.news.notify_one();
        }
    }

    /// Nothing was written: everybody who asked something in this turn hears so, and memory follows the file again.
    fn roll_back(&mut self, error: &EngineError) {
        tracing::warn!(error = error as &dyn std::error::Error, "the jobs could not be written");
        if !self.desk.connection.is_autocommit()
            && let Err(error) = execute(&self.desk, "ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
        self.is_failing = true;
        *self.desk.shared.failing() = Some(error.clone());
        self.desk.forget_follow_ups();
        self.desk.history.forget_fresh();
        self.must_reload = true;
        if let Err(error) = self.desk.reload() {
            tracing::error!(%error, "the jobs cannot be read; trying again");
        } else {
            self.must_reload = false;
        }
        for command in self.batch.drain(..) {
            if let Command::Task(task) = command {
                self.tasks.push(task);
            }
        }
        self.tasks.drain(..).for_each(|task| task.answer(Err(error.clone())));
        let (fresh, waiting) = self.parked.drain(..).partition(|parked| parked.is_fresh);
        self.parked = waiting;
        let fresh: Vec<Parked> = fresh;
        self.served.drain(..).chain(fresh).for_each(|parked| parked.fail(error));
        self.ticks.drain(..).for_each(|reply| drop(reply.send(Err(error.clone()))));
    }

    fn sleep(&mut self, went_well: bool) {
        if !self.desk.lost.is_empty() {
            return;
        }
        if went_well {
            self.desk.now = self.desk.shared.clock.now();
            let idle = self.desk.idle_time();
            if !self.desk.timers.unfinished {
                self.inbox.sleep(idle);
            }
        } else {
            self.inbox.sleep(Some(RETRY_DELAY));
        }
    }

    /// Everything is written. Who still waits for work gets none.
    fn end(mut self) {
        self.parked.drain(..).for_each(|parked| drop(parked.answer()));
        // What the log holds goes into the database itself, so that the file alone is whole.
        if let Err(error) = self.desk.connection.pragma_update(None, "wal_checkpoint", "truncate") {
            tracing::debug!(%error, "the log was not copied at the end; the next start does it");
        }
        drop((self.desk, self.lock));
        self.closing.into_iter().for_each(|reply| drop(reply.send(Ok(()))));
    }
}

fn execute(desk: &Desk, sql: &str) -> Result<(), EngineError> {
    desk.connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(()))
        .map(drop)
        .map_err(EngineError::sql(DOING))
}

/// Starts the thread.
pub(super) fn start(desk: Desk, inbox: Arc<Inbox>, lock: File) -> std::io::Result<thread::JoinHandle<()>> {
    let writer = Writer::new(desk, inbox, lock);
    thread::Builder::new().name("drawbridge-jobs".into()).spawn(move || writer.run())
}
