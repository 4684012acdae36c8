//! What may happen to a job, decided purely: no I/O, no async, no clock.
//!
//! ```text
//!             ┌── due, children ended ──┐
//!  submit ─► scheduled ─────────────► queued ──claim──► running ──► completed
//!     └──────────────────────────────►  ▲  ▲              │ │ │ └─► failed     (no retry would help)
//!                                       │  └─ lease lost ─┘ │ └───► dead       (attempts ran out)
//!                                       └─ answered ─ waiting_for_input
//!  running ──failed, attempts left──► scheduled        anything not ended ──cancel──► cancelled
//!  failed, dead ──retry──► queued
//! ```
//!
//! [`step()`] is the only function that changes a [`Job`]. It refuses what does not fit ([`Misfit`]) and leaves the job
//! as it was; otherwise it says what else has to happen ([`Effects`]), as data. An engine stores the job, does
//! the effects in the same transaction, and decides nothing itself.
//!
//! **Invariants**, checked in `explore.rs` over every interleaving of small configurations, and in `random.rs` over
//! long random ones:
//! - the token grows with every claim, and whoever does not hold the latest one changes nothing;
//! - a job that ended stays as it is, until somebody asks for a retry of one that failed;
//! - a job completes at most once, and never after a cancel was accepted;
//! - attempts never exceed their maximum;
//! - a job that waits for its children is woken by the end of the last one.

mod backoff;
mod effects;
mod event;
mod job;
mod step;

#[cfg(test)]
mod explore;
#[cfg(test)]
mod random;
#[cfg(test)]
mod world;

pub use backoff::{BACKOFF_MS_MAX, Backoff};
pub use drawbridge_contract::JobState as State;
pub use effects::{Effects, Happening};
pub use event::{Event, Failing, Misfit, Now};
pub use job::{Ending, Job};
pub use step::step;
