//! Jobs that survive: calls that run in the background, are tried again, and are never lost.
//!
//! ```text
//! machine    what may happen to a job, decided purely
//! engine     what every engine does, as a trait
//! embedded   the engine on one SQLite file
//! remote     the engine of another process, over any pipe
//! worker     claims jobs, runs them, keeps them alive, says how they ended
//! webhook    tells others what becomes of jobs
//! schedule   begins jobs again and again
//! ```
//!
//! Start at [`Engine`] and [`machine::step`].
//!
//! **Invariant:** what was acknowledged is on disk, and survives whatever happens next.
//! **Invariant:** a job may run twice, when its worker is lost or stalls; it completes once. Runners get the job's
//! id to make their effects idempotent, and a [`Policy`] says which are not to be tried twice.
//! **Absent on purpose:** who may do what, secrets, the wire. A job enters the door again when it runs.

pub mod bounds;
mod clock;
mod embedded;
mod engine;
mod error;
mod fit;
mod job;
mod limits;
pub mod machine;
mod policy;
pub mod remote;
pub mod schedule;
mod wait;
pub mod webhook;
pub mod worker;

pub use clock::{Clock, SystemClock};
pub use embedded::{Durability, Embedded, JOBS_FILE, Keep, Retention, Settings};
pub use engine::{
    Answered, AttemptEnd, Beat, Change, Claim, Engine, Exchange, Exchanged, Family, Filter, Happened,
    Heartbeat, Lease, Page, QueueCounts, Said, Work,
};
pub use error::{EngineError, Told, at_most};
pub use job::{
    DEFAULT_QUEUE, Failure, Job, JobId, Line, NewJob, Outcome, Progress, Remains, Start, Submitted, codes,
};
pub use limits::{Limit, LimitRow, Rate, Scope};
pub use machine::{Backoff, Happening, State};
pub use policy::{Policies, Policy, ToolPattern};
pub use wait::wait;
