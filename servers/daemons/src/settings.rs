//! What the owner decides about daemons.

use std::path::PathBuf;
use std::time::Duration;

use crate::supervise::ProcessSettings;

/// What the owner decides about daemons.
#[derive(Debug, Clone)]
pub struct DaemonsSettings {
    /// Folders that are watched for `NAME.cap.json`. One that is not there is looked for again and again.
    pub folders: Vec<PathBuf>,
    /// Names that no daemon may have, because servers of ours have them; neither may its name begin with one and `_`.
    pub reserved: Vec<String>,
    /// The daemons that the hub runs itself.
    pub processes: Vec<ProcessSettings>,
    /// Where each of those has a folder of its own, named after it, for its description and its socket.
    pub own_folders: PathBuf,
    /// Where what they print is kept.
    pub logs: PathBuf,
    /// How much there may be of everything.
    pub bounds: Bounds,
}

impl DaemonsSettings {
    /// Watches `folder`; runs nothing.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self {
            own_folders: folder.clone(),
            logs: folder.join("logs"),
            folders: vec![folder],
            reserved: Vec::new(),
            processes: Vec::new(),
            bounds: Bounds::default(),
        }
    }
}

/// How much there may be of everything.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Daemons at a time; those that come later are refused.
    pub daemons_max: usize,
    /// Methods of one daemon.
    pub methods_max: usize,
    /// Calls that one daemon is given at a time, each on a connection of its own.
    pub parallel_max: usize,
    /// Calls that wait for one daemon.
    pub waiting_max: usize,
    /// How long a call may take whose method says nothing else.
    pub call_timeout: Duration,
    /// How long a call may take whatever its method says.
    pub call_timeout_max: Duration,
    /// How long an answer may be, in bytes.
    pub answer_bytes_max: usize,
    /// How often the folders are looked at where no news of them come.
    pub rescan_every: Duration,
    /// How often one that the hub runs is asked whether it still answers, while nobody calls it.
    pub probe_every: Duration,
    /// How long it may take to answer that.
    pub probe_time_max: Duration,
}

impl Default for Bounds {
    /// 64 daemons of 128 methods; 8 calls at a time and 64 that wait; a minute, at most an hour; 16 MiB; five seconds. Half a minute, and ten
    /// seconds: a machine that is that slow is slow for everybody.
    fn default() -> Self {
        Self {
            daemons_max: 64,
            methods_max: 128,
            parallel_max: 8,
            waiting_max: 64,
            call_timeout: Duration::from_secs(60),
            call_timeout_max: Duration::from_secs(60 * 60),
            answer_bytes_max: 16 << 20,
            rescan_every: Duration::from_secs(5),
            probe_every: Duration::from_secs(30),
            probe_time_max: Duration::from_secs(10),
        }
    }
}
