//! Daemons of this machine whose methods become tools: each describes itself in `NAME.cap.json` and answers NUL-delimited
//! JSON-RPC on the socket `NAME.sock` beside it.
//!
//! ```text
//! caps        what a daemon says of itself, made into names and schemas; knows no file
//! folder      folders, files and sockets that only we or root can change, by handle
//! registry    which daemons there are now; watch: looking again
//! wire        messages, connections, and when a daemon that fails is left alone
//! tool        a method as a tool
//! supervise   the daemons that the hub runs itself, through the sandbox
//! tools       what callers ask about daemons, one file each
//! ```
//!
//! **Invariant:** what others could have written or bound is neither read nor connected to.
//! **Invariant:** a daemon that dies, hangs, floods or lies costs its own callers an error, and nobody else anything.
#![cfg(unix)]

mod caps;
mod folder;
mod registry;
mod settings;
mod supervise;
mod tool;
mod tools;
mod watch;
mod wire;

use std::sync::Arc;

use drawbridge_contract::{Change, Server, Tool, broadcast};
use drawbridge_sandbox::Sandbox;
use serde_json::Value;

pub use settings::{Bounds, DaemonsSettings};
pub use supervise::{
    Confinement, Environment, Network, ProcessError, ProcessSettings, SocketKind, Supervision,
};

use registry::Registry;
use supervise::Process;

/// The server `daemons`, and the tools of all daemons.
pub struct Daemons {
    registry: Arc<Registry>,
    own: Vec<Arc<dyn Tool>>,
}

impl Daemons {
    /// Looks for daemons once, and inside a tokio runtime goes on looking for as long as it lives. Runs none yet.
    ///
    /// # Errors
    /// [`ProcessError`] when what is said of those that the hub runs makes no sense.
    pub fn open(settings: &DaemonsSettings) -> Result<Self, ProcessError> {
        supervise::check(&settings.processes)?;
        let (logs, folders) = (&settings.logs, &settings.own_folders);
        let made = settings.processes.iter().map(|process| {
            (process.name.clone(), Process::new(process.clone(), folders, logs, &settings.bounds))
        });
        let registry = Arc::new(Registry::new(settings, made.collect()));
        // Before it is looked for news: what is not there is not watched.
        registry.processes().for_each(|process| process.prepare());
        registry.rescan();
        if tokio::runtime::Handle::try_current().is_ok() {
            tokio::spawn(watch::run(Arc::downgrade(&registry), settings.bounds.rescan_every));
        }
        Ok(Self { own: tools::all(&registry), registry })
    }

    /// Starts the daemons that the hub runs itself, each after those that it needs. What it gives ends them.
    pub fn supervise(&self, sandbox: Arc<Sandbox>) -> Supervision {
        Supervision::start(self.registry.processes().cloned().collect(), sandbox)
    }

    /// How all of them are, for the status of the hub.
    pub fn status(&self) -> Value {
        serde_json::to_value(tools::overview(&self.registry)).unwrap_or_default()
    }
}

impl Server for Daemons {
    fn name(&self) -> &str {
        "daemons"
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.own.iter().cloned().chain(self.registry.current().tools()).collect()
    }

    fn changes(&self) -> Option<broadcast::Receiver<Change>> {
        Some(self.registry.changes())
    }
}
