//! Commands and terminals, for programs and for the people who watch them.
//!
//! ```text
//! tools      what callers call, one file each
//! runs       one command to its end
//! sessions   terminals that live on: their state, their tasks, who watches them
//! screen     what a program writes, made into what a person sees; knows no process
//! shell      shells that tell where their commands begin and end
//! confine    what commands may touch, from the owner's settings
//! ```
//!
//! Every process is started by the sandbox. A terminal belongs to the caller who opened it; to others it does not
//! exist, but the owner may watch and join any.
//!
//! **Adding a tool**: one file in `tools/`, one line in `tools::all`.

mod carve;
mod confine;
mod error;
mod folder;
mod runs;
mod screen;
mod sessions;
mod settings;
mod shell;
mod terminals;
mod tools;

use std::sync::Arc;

use drawbridge_contract::{Server, Streams, Tool};
use drawbridge_sandbox::Sandbox;

pub use confine::{HOME_DENIED, HOME_READ};
pub use error::OpenError;
pub use settings::{Bounds, Confinement, Network, TerminalSettings};

use sessions::viewer::Viewers;
use terminals::Terminals;

/// The server `terminal`.
pub struct Terminal {
    tools: Vec<Arc<dyn Tool>>,
    viewers: Arc<Viewers>,
}

impl Terminal {
    /// A server without terminals yet.
    ///
    /// # Errors
    /// [`OpenError`] names the folder that cannot be written.
    pub fn open(settings: TerminalSettings, sandbox: Arc<Sandbox>) -> Result<Self, OpenError> {
        let terminals = Arc::new(Terminals::open(settings, sandbox)?);
        Ok(Self { tools: tools::all(&terminals), viewers: Arc::new(Viewers(terminals.sessions.clone())) })
    }
}

impl Server for Terminal {
    fn name(&self) -> &str {
        "terminal"
    }

    fn instructions(&self) -> &str {
        "The terminal_ tools run commands on this machine. terminal_run is for one command; terminal_open gives a \
         terminal that stays, for programs that ask questions and for work that goes on. People can watch and join."
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.tools.clone()
    }

    fn streams(&self) -> Option<Arc<dyn Streams>> {
        Some(self.viewers.clone())
    }
}
