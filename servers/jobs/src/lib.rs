//! Jobs, as tools: any other tool in the background, for hosts that know no tasks.
//!
//! It keeps nothing. A submission is a call through the door that is to run later, and everything else is asked of the
//! jobs that the door gives, which show each caller its own.
//!
//! **Adding a tool**: one file in `tools/`, one line in `tools::all`. What stands beside the jobs are servers of their own:
//! `schedules/` and `webhooks/`.

mod describe;
mod error;
mod schedules;
mod tools;
mod webhooks;

use std::sync::Arc;

use drawbridge_contract::{Server, Tool};

pub use schedules::Schedules;
pub use webhooks::Webhooks;

/// The server `jobs`.
pub struct Jobs {
    tools: Vec<Arc<dyn Tool>>,
}

impl Jobs {
    /// The server. It finds the jobs with each call.
    #[expect(clippy::new_without_default, reason = "servers are opened, not made by default")]
    pub fn new() -> Self {
        Self { tools: tools::all() }
    }
}

impl Server for Jobs {
    fn name(&self) -> &str {
        "jobs"
    }

    fn instructions(&self) -> &str {
        "The jobs_ tools run any other tool in the background. Use jobs_submit for what takes longer than a minute or should \
         survive a restart, then jobs_wait or jobs_result. A job is not lost when you go."
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.tools.clone()
    }
}
