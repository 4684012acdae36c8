//! What the owner says of a daemon that the hub runs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A daemon that the hub runs itself.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// Its name: that of its description and socket.
    pub name: String,
    /// The program and its arguments. No shell reads them.
    pub command: Vec<String>,
    /// The daemons that must be ready before it is started.
    pub after: Vec<String>,
    /// Where it works; absent is the folder of its own, beside its description. It may be read.
    pub folder: Option<PathBuf>,
    /// Whether it is confined.
    pub confinement: Confinement,
    /// What it may read beside the system's programs and the files that `command` names.
    pub read: Vec<PathBuf>,
    /// What it may change beside the folder of its own.
    pub write: Vec<PathBuf>,
    /// Which of the network it may use.
    pub network: Network,
    /// Who makes its socket.
    pub socket: SocketKind,
    /// Variables beside the usual ones.
    pub environment: Environment,
}

impl ProcessSettings {
    /// This command, confined where the kernel can, without a network, with a socket that it is given.
    pub fn new(name: impl Into<String>, command: Vec<String>) -> Self {
        Self {
            name: name.into(),
            command,
            after: Vec::new(),
            folder: None,
            confinement: Confinement::Preferred,
            read: Vec::new(),
            write: Vec::new(),
            network: Network::None,
            socket: SocketKind::Given,
            environment: Environment::default(),
        }
    }
}

/// Whether a daemon is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confinement {
    /// It runs only where the kernel holds all of it.
    Required,
    /// What the kernel cannot hold is told.
    Preferred,
    /// It may do all that the owner may.
    Off,
}

/// Which of the network a daemon may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Nothing.
    None,
    /// All of it.
    All,
}

/// Who makes a daemon's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketKind {
    /// We do: it listens already when the daemon gets it as its standard input. Confined, the daemon can make none.
    Given,
    /// The daemon does, in `$DAEMON_FOLDER`. Then a confined one may use the sockets of other services, too.
    Own,
}

/// Variables, asked for with each start: they hold keys, which may change, and which nobody else has to keep.
#[derive(Clone, Default)]
pub struct Environment(Option<Arc<Variables>>);

type Variables = dyn Fn() -> Result<Vec<(String, String)>, String> + Send + Sync;

impl Environment {
    /// What `ask` gives; its error says which is missing.
    pub fn new(ask: impl Fn() -> Result<Vec<(String, String)>, String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(ask)))
    }

    pub(super) fn ask(&self) -> Result<Vec<(String, String)>, String> {
        self.0.as_ref().map_or_else(|| Ok(Vec::new()), |ask| ask())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment(…)")
    }
}
