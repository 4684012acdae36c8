//! The daemons that the hub runs itself: started through the sandbox, each after those that it needs, and again when they
//! end.
//!
//! ```text
//! settings    what the owner says of one
//! check       whether what is said of them makes sense; pure
//! backoff     how long until one is started again; pure
//! process     one of them, as everybody sees it
//! launch      what is started, and what it may touch
//! log         what it prints, bounded
//! hang        whether it still answers
//! run         its life
//! ```

mod backoff;
mod check;
mod hang;
mod launch;
mod log;
mod process;
mod run;
mod settings;

use std::sync::Arc;

use drawbridge_sandbox::Sandbox;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use check::ProcessError;
pub use settings::{Confinement, Environment, Network, ProcessSettings, SocketKind};

pub(crate) use check::check;
pub(crate) use process::Process;

/// The daemons that run. Dropped, they are ended at once; [`Supervision::end`] lets them end in order.
#[derive(Debug)]
pub struct Supervision {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Supervision {
    pub(crate) fn start(processes: Vec<Arc<Process>>, sandbox: Arc<Sandbox>) -> Self {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        for process in &processes {
            let named = |name: &String| processes.iter().find(|other| other.name() == name).cloned();
            let needs = process.settings.after.iter().filter_map(named).collect();
            tasks.spawn(run::run(process.clone(), needs, sandbox.clone(), stop.clone()));
        }
        Self { stop, tasks }
    }

    /// Asks all of them to end, and waits until none is left.
    pub async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
