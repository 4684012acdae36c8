//! The fields of `[terminal]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Terminal {
    /// The shell of terminals; absent is the owner's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shell: Option<String>,
    /// The shell that reads commands; absent is bash, or sh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_shell: Option<String>,
    /// Where commands work that name no folder; absent is the first root that can be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<PathBuf>,
    pub(crate) confinement: Confinement,
    /// What confined commands read beside the system's programs and the roots of files.
    pub(crate) read: Vec<PathBuf>,
    /// What they change beside the roots of files.
    pub(crate) write: Vec<PathBuf>,
    /// What they do not reach even there, beside the built-in list.
    pub(crate) also_denied: Vec<PathBuf>,
    pub(crate) network: Network,
    /// Whether they may use sockets of services on this machine.
    pub(crate) unix_sockets: bool,
    /// Variables that commands inherit beside the usual ones; `*` at the end stands for anything.
    pub(crate) environment: Vec<String>,
    /// Terminals at a time, and of one caller.
    pub(crate) sessions_max: usize,
    pub(crate) sessions_per_caller_max: usize,
    /// How long a terminal lives that nobody uses.
    pub(crate) idle_minutes: u64,
}

impl Default for Terminal {
    /// As the server's own defaults, which a test compares.
    fn default() -> Self {
        let (shell, run_shell, folder) = (None, None, None);
        let (read, write, also_denied, environment) = Default::default();
        Self {
            shell,
            run_shell,
            folder,
            confinement: Confinement::Preferred,
            read,
            write,
            also_denied,
            network: Network::None,
            unix_sockets: false,
            environment,
            sessions_max: 32,
            sessions_per_caller_max: 16,
            idle_minutes: 120,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Confinement {
    Required,
    Preferred,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Network {
    None,
    All,
}
