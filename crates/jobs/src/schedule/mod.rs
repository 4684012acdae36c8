//! What is to be done again and again.
//!
//! ```text
//! plan       when: a cron pattern in a time zone, or an interval. Pure
//! missed     what to do about times that passed while nobody was there. Pure
//! change     what is different about one from now on
//! schedules  the whole, for whoever manages it; and the task that waits and begins
//! ```
//!
//! Start at [`Schedules`]. It submits nothing itself: a [`Trigger`] does, through the door, as the caller whose schedule it
//! is. Each planned time has a key of its own ([`Firing::key`]), which the trigger uses as idempotency key: whatever
//! crashes between a submission and its noting, there is one job for one time.
//!
//! **Invariant:** a planned time is never begun twice, and none is forgotten that the schedule's rule for missed times keeps.
//! **Invariant:** planned times only go forward, whatever is done to the clock.

mod change;
mod missed;
mod plan;
mod schedules;

pub(crate) use change::NewPlan;
pub use change::ScheduleChange;
pub(crate) use missed::{Beginning, begin};
pub use missed::{GRACE_MS, Missed};
pub use plan::{BadPlan, EVERY_MS_MAX, EVERY_MS_MIN, JITTER_MS_MAX, Plan, When};
pub use schedules::{
    Firing, NEXT_SHOWN_MAX, NewSchedule, Schedule, ScheduleError, Schedules, Trigger, TriggerError,
};
pub(crate) use schedules::{ScheduleRow, Step};
