//! The engine of jobs on Redis, in the layout of BullMQ: its workers can process our jobs, and we theirs.
//!
//! ```text
//! settings   where Redis is, and what is kept
//! link       the connection, which comes back by itself
//! scripts    what happens in Redis, each change at once: lua/*.lua
//! submit     a job in BullMQ's words
//! together   jobs that come one by one, sent together
//! seal       by what we know what we wrote ourselves
//! admit      whether a job may run as its caller
//! exchange   what workers say and get
//! view       a job in our words
//! arrivals   what jobs were that Redis forgets with their end
//! events     what happened, from BullMQ's streams
//! keeper     what time brings
//! limits     under which names limits are kept
//! shared     what all parts have in common
//! engine     all of it as an `Engine`
//! ```
//!
//! Start at [`BullMq::open`]; `docs/jobs-bullmq.md` says what is promised, and what BullMQ's own workers do otherwise.
//!
//! **Invariant:** each change is one script, so that it happens whole or not at all.
//! **Invariant:** a worker of ours changes a job only while the job's lock holds the number of its claim.
//! **Invariant:** a job runs as its caller only with our seal, or if the caller is among those that others may name.
//! **Absent on purpose:** a cache. Others change the queues, too.

mod admit;
mod arrivals;
mod engine;
mod events;
mod exchange;
mod keeper;
mod limits;
mod link;
mod names;
mod scripts;
mod seal;
mod settings;
mod shared;
mod submit;
mod together;
mod view;

use std::sync::Arc;

use drawbridge_jobs::{Engine, EngineError};

pub use admit::UNSEALED;
pub use engine::BullMq;
pub use names::{DEAD_LETTERS, DEFAULT};
pub use seal::Sealing;
pub use settings::{Kept, Settings};

/// Opens the engine. Redis need not be there yet: until it is, everything answers that it is out of reach.
///
/// # Errors
/// The address makes no sense.
pub fn open(settings: Settings) -> Result<Arc<dyn Engine>, EngineError> {
    Ok(Arc::new(BullMq::open(settings)?))
}
