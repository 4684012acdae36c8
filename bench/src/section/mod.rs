//! One file per question; each of them ends as one table.

mod channels;
mod cold_start;
mod daemons;
mod door;
mod echo;
mod files;
mod idle;
mod jobs;
mod llm;
mod search;
mod terminal;
mod tools_list;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::peers::{Peer, Running, program};
use crate::report::{Missing, Table};
use crate::setup::Setup;
use crate::wire::Dialect;

pub use jobs::Figures;

/// A question that can be asked by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Section {
    /// Calls per second over many connections, 2026-07-28.
    Echo,
    /// The same in the older dialect, with sessions.
    Sessions,
    /// The latency that the door adds, on one connection.
    Latency,
    /// The same call over HTTP, WebSocket and the unix socket.
    Channels,
    /// The door in process, without a wire.
    Door,
    /// Calls per second through a daemon, in process.
    Daemons,
    /// A list of 500 tools.
    ToolsList,
    /// From the start of the program to its first answer.
    ColdStart,
    /// Memory while nothing happens.
    Idle,
    /// Files over stdio beside the official filesystem server.
    Files,
    /// File contents beside ripgrep.
    Search,
    /// Terminals over WebSocket beside ttyd.
    Terminal,
    /// Jobs beside BullMQ on Redis.
    Jobs,
    /// Language models beside LiteLLM's proxy.
    Llm,
}

impl Section {
    /// Measures.
    ///
    /// # Errors
    ///
    /// When a peer answers wrongly or ends while it is measured. A peer that cannot be started is noted in the table.
    pub fn run(self, bench: &Bench) -> anyhow::Result<Table> {
        match self {
            Self::Echo => echo::run(bench, "Echo over HTTP", Dialect::Stateless, &Peer::ECHO),
            Self::Sessions => echo::run(bench, "Echo over HTTP, with sessions", Dialect::Session, &Peer::MCP),
            Self::Latency => echo::run_alone(bench),
            Self::Channels => channels::run(bench),
            Self::Door => door::run(bench),
            Self::Daemons => daemons::run(bench),
            Self::ToolsList => tools_list::run(bench),
            Self::ColdStart => cold_start::run(bench),
            Self::Idle => idle::run(bench),
            Self::Files => files::run(bench),
            Self::Search => search::run(bench),
            Self::Terminal => terminal::run(bench),
            Self::Jobs => jobs::run(bench),
            Self::Llm => llm::run(bench),
        }
    }
}

/// How long and how often to measure, and where everything is.
pub struct Bench {
    /// How many times each peer has its turn.
    pub rounds: usize,
    /// How long one turn takes.
    pub turn: Duration,
    /// How many connections call at once.
    pub connections: usize,
    /// The key that Drawbridge is called with.
    pub key: String,
    /// The peers that are not built here.
    pub setup: Setup,
    /// Where the programs are that are built here.
    pub programs: PathBuf,
    /// State of servers and their logs; gone when the run ends.
    pub scratch: TempDir,
}

impl Bench {
    /// The path of a program that is built here.
    ///
    /// # Errors
    ///
    /// When it is not built.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        program(&self.programs, name)
    }

    /// A folder for the state of the server `name`.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn home(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.scratch.path().join("homes").join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// The log of the server `name`.
    pub fn log(&self, name: &str) -> PathBuf {
        self.scratch.path().join(format!("{name}.log"))
    }

    /// How a section of this run was measured, for the paragraph above its table.
    fn rounds_text(&self) -> String {
        let (rounds, seconds) = (self.rounds, self.turn.as_secs_f64());
        format!("Median of {rounds} rounds in which everybody had {seconds} s in turn.")
    }
}

/// Starts `peers` with the tools in `tools`; who cannot be started is noted in `table`.
fn start(bench: &Bench, peers: &[Peer], tools: &Path, table: &mut Table) -> Vec<Running> {
    let mut running = Vec::new();
    for peer in peers {
        match peer.start(bench, tools) {
            Ok(started) => running.push(started),
            Err(error) => table.missing.push(missing(peer.name(), &error)),
        }
    }
    running
}

fn missing(name: &str, error: &anyhow::Error) -> Missing {
    Missing { name: name.into(), reason: format!("{error:#}.") }
}

/// A runtime with one thread, for sections over HTTP.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
