//! The engine that needs nothing else: one SQLite file, one thread that writes.
//!
//! ```text
//! engine, convert   the trait's methods: check, send a command to the writer, or read
//! inbox      the queue to the writer's thread
//! writer     one transaction for all who wait; answers after the commit
//! desk       what the thread owns, and the one way in which a job changes: the machine's step, stored with its effects
//! submit, claim, say, change, sweep   what happens to jobs: taken, handed out, ended, asked for, overtaken by time
//! lanes, gates, callers, runs, history   in memory: how many wait where, what limits leave open, who runs, what to tell
//! outbox, hooks   webhooks: what is to be told, written with the change; who is told, and what became of it
//! schedules  what is done again and again
//! reload     memory from the file: at the start, and after a commit that failed
//! read, listing   looking, on connections of its own
//! file       the file, its format, and the lock on it
//! ```
//!
//! **Invariant:** nothing is answered before its commit.
//! **Invariant:** what is in memory follows from the file, leases and rates excepted; those begin anew with the process.
//! **Invariant:** one process has the file open.

mod callers;
mod change;
mod claim;
mod command;
mod convert;
mod desk;
mod engine;
mod file;
mod gates;
mod history;
mod hooks;
mod inbox;
mod key;
mod lanes;
mod listing;
mod names;
mod outbox;
mod outcome;
mod read;
mod reload;
mod row;
mod runs;
mod say;
mod schedules;
mod settings;
mod shared;
mod submit;
mod sweep;
mod writer;

pub use engine::Embedded;
pub use file::JOBS_FILE;
pub use settings::{Durability, Keep, Retention, Settings};
