//! What the owner decides about commands and terminals.

use std::path::PathBuf;
use std::time::Duration;

/// What the owner decides about commands and terminals.
#[derive(Debug, Clone)]
pub struct TerminalSettings {
    /// A folder of ours: the shells' start-up files, the temporary folders and the long outputs are below it.
    pub state: PathBuf,
    /// Where commands and shells work that name no folder.
    pub folder: PathBuf,
    /// The shell of a new terminal: a name in `PATH`, or a path. Without it the person's own (`SHELL`).
    pub shell: Option<String>,
    /// The shell that reads the commands of `terminal_run`. Without it `bash`, or `sh` where there is none.
    pub run_shell: Option<String>,
    /// Whether commands are confined.
    pub confinement: Confinement,
    /// What confined commands may read beside the system's programs.
    pub read: Vec<PathBuf>,
    /// What confined commands may read and change beside a temporary folder of their own.
    pub write: Vec<PathBuf>,
    /// What confined commands reach in no case, though it lies below one of those: Drawbridge's own state, and what
    /// keeps secrets ([`HOME_DENIED`](crate::HOME_DENIED)).
    pub denied: Vec<PathBuf>,
    /// Which of the network confined commands may use.
    pub network: Network,
    /// Whether confined commands may use the sockets of services on this machine, which act for their caller.
    pub unix_sockets: bool,
    /// Variables that commands inherit beside the usual ones; `*` at the end stands for anything.
    pub environment: Vec<String>,
    /// How much there may be of everything.
    pub bounds: Bounds,
}

/// Whether commands are confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confinement {
    /// Commands run only where the kernel holds all of it.
    Required,
    /// What the kernel cannot hold is named in the answer.
    Preferred,
    /// Commands may do all that the owner may.
    Off,
}

/// Which of the network confined commands may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Nothing.
    None,
    /// All of it.
    All,
}

/// How much there may be of everything.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Terminals at a time.
    pub sessions_max: usize,
    /// Terminals of one caller at a time.
    pub sessions_per_caller_max: usize,
    /// How long a terminal lives that nobody uses, looks at or writes to.
    pub idle_max: Duration,
    /// How long a terminal whose program has ended can still be read.
    pub ended_kept: Duration,
    /// Bytes of output that are kept of each terminal.
    pub log_bytes_max: usize,
    /// Lines of history that a person who comes later can scroll back.
    pub history_lines_max: usize,
    /// Bytes that are kept of each output of `terminal_run`.
    pub output_file_bytes_max: u64,
    /// Outputs of `terminal_run` that are kept to be read on.
    pub runs_kept_max: usize,
}

impl Default for Bounds {
    /// 32 terminals, 16 of one caller; two hours idle; ten minutes after the end; 1 MiB and 1 000 lines of each; 64 MiB
    /// of each command's output, of the last 32 whose answer did not hold it.
    fn default() -> Self {
        Self {
            sessions_max: 32,
            sessions_per_caller_max: 16,
            idle_max: Duration::from_secs(2 * 60 * 60),
            ended_kept: Duration::from_secs(10 * 60),
            log_bytes_max: 1 << 20,
            history_lines_max: 1_000,
            output_file_bytes_max: 64 << 20,
            runs_kept_max: 32,
        }
    }
}

impl TerminalSettings {
    /// These folders, and the defaults for everything else: confined where the kernel can, writing only in `folder`,
    /// without a network.
    pub fn new(state: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        let (state, folder) = (state.into(), folder.into());
        Self {
            denied: vec![state.clone()],
            state,
            write: vec![folder.clone()],
            folder,
            shell: None,
            run_shell: None,
            confinement: Confinement::Preferred,
            read: Vec::new(),
            network: Network::None,
            unix_sockets: false,
            environment: Vec::new(),
            bounds: Bounds::default(),
        }
    }
}
