//! Jobs over REST. A submission is a call through the door that is to run later; what steers a job is the call of a tool
//! of the server `jobs`, with its rules and its record; looking is asked of the jobs themselves, which show each caller
//! its own. Schedules and webhooks are reached by the calls of their tools alone.

mod door;
mod events;
mod look;
mod schedules;
mod shelf;
mod steer;
mod submit;
mod webhooks;

use std::sync::Arc;

use drawbridge_contract::{Caller, Jobs, Refusal, Target};

use crate::problem::{Kind, Problem};
use crate::web::Shared;

pub(crate) use events::events;
pub(crate) use look::{list, log, result, show};
pub(crate) use schedules::{SCHEDULES, next};
pub(crate) use steer::{answer, cancel, discard, edit, replay, retry};
pub(crate) use submit::submit;
pub(crate) use webhooks::{WEBHOOKS, deliveries, deliveries_of, redeliver, rotate};

/// The tool whose right to look is that of everybody who has jobs.
const STATUS: &str = "jobs_status";

/// The jobs, for who looks. A key that may call one tool alone sees its jobs of that tool; while the bridge is raised
/// nobody sees any.
///
/// # Errors
/// The bridge is raised, or no jobs are kept here.
fn looked_at(web: &Shared, caller: &Caller) -> Result<Arc<dyn Jobs>, Problem> {
    if let Err(refusal @ Refusal::Raised) = web.handler.still_allows(caller, &Target::Tool(STATUS.into())) {
        return Err(refusal.into());
    }
    web.handler.jobs().ok_or_else(no_jobs)
}

fn no_jobs() -> Problem {
    Problem::new(Kind::Unavailable, "no jobs can be taken here now: another drawbridge has them open")
}
