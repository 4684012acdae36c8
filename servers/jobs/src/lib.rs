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

pub use schedules::schedules;
pub use webhooks::webhooks;

/// The server `jobs`.
pub fn jobs() -> impl Server {
    let instructions = "The jobs_ tools run any other tool in the background. Use jobs_submit for what takes longer than a minute or should \
     survive a restart, then jobs_wait or jobs_result. A job is not lost when you go.";
    ToolsAlone { name: "jobs", instructions, tools: tools::all() }
}

/// A server that keeps nothing: its tools find what they are about with each call.
struct ToolsAlone {
    name: &'static str,
    instructions: &'static str,
    tools: Vec<Arc<dyn Tool>>,
}

impl Server for ToolsAlone {
    fn name(&self) -> &str {
        self.name
    }

    fn instructions(&self) -> &str {
        self.instructions
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.tools.clone()
    }
}
