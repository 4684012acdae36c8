//! Who is measured, and how each of them is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::files_tree::FilesTree;
use crate::process::HttpServer;
use crate::section::Bench;
use crate::wire::{Dialect, Target};

/// A server over HTTP that has a tool `echo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The whole door, with an `echo` tool behind it.
    Drawbridge,
    /// The same, with a tool that counts as changing something: each call is audited to disk before it runs.
    DrawbridgeChanges,
    /// A bare axum handler: no MCP at all.
    Axum,
    /// A bare server of the Rust SDK with its default settings: it answers with event streams.
    RmcpDefault,
    /// The same, told to answer with plain JSON, which is faster.
    Rmcp,
    /// A FastMCP server.
    FastMcp,
}

impl Peer {
    /// All of them, in the order of the tables.
    pub const ECHO: [Self; 6] =
        [Self::Drawbridge, Self::DrawbridgeChanges, Self::Axum, Self::RmcpDefault, Self::Rmcp, Self::FastMcp];

    /// One of each.
    pub const ALL: [Self; 4] = [Self::Drawbridge, Self::Axum, Self::Rmcp, Self::FastMcp];

    /// Those that speak MCP.
    pub const MCP: [Self; 3] = [Self::Drawbridge, Self::Rmcp, Self::FastMcp];

    /// The name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drawbridge => "Drawbridge, the whole door",
            Self::DrawbridgeChanges => "Drawbridge, calls that change something",
            Self::Axum => "bare axum",
            Self::RmcpDefault => "bare rmcp, default settings",
            Self::Rmcp => "bare rmcp, plain JSON",
            Self::FastMcp => "FastMCP",
        }
    }

    /// A name for its log and its state.
    fn slug(self) -> &'static str {
        match self {
            Self::Drawbridge => "bench-hub",
            Self::DrawbridgeChanges => "bench-hub-changes",
            Self::Axum => "peer-axum",
            Self::RmcpDefault => "peer-rmcp-default",
            Self::Rmcp => "peer-rmcp",
            Self::FastMcp => "fastmcp",
        }
    }

    fn command(self, bench: &Bench) -> anyhow::Result<Command> {
        match self {
            Self::FastMcp => bench.setup.fastmcp(),
            Self::Drawbridge | Self::DrawbridgeChanges => bench.program("bench-hub").map(Command::new),
            Self::Axum => bench.program("peer-axum").map(Command::new),
            Self::RmcpDefault | Self::Rmcp => bench.program("peer-rmcp").map(Command::new),
        }
    }

    /// Starts it with the tools in the file `tools`.
    ///
    /// # Errors
    ///
    /// When it is not there or does not come up.
    pub fn start(self, bench: &Bench, tools: &Path) -> anyhow::Result<Running> {
        let mut command = self.command(bench)?;
        command.arg(tools);
        command.args(match self {
            Self::DrawbridgeChanges => Some("--changes"),
            Self::RmcpDefault => Some("--event-streams"),
            _ => None,
        });
        if matches!(self, Self::Drawbridge | Self::DrawbridgeChanges) {
            command.env("DRAWBRIDGE_HOME", bench.home(self.slug())?).env("DRAWBRIDGE_OWNER_KEY", &bench.key);
        }
        let server = HttpServer::start(command, &bench.log(self.slug()))?;
        Ok(Running { peer: self, server, key: bench.key.clone() })
    }
}

/// A peer that runs.
pub struct Running {
    /// Who it is.
    pub peer: Peer,
    /// Its process and address.
    pub server: HttpServer,
    key: String,
}

impl Running {
    /// Where its requests go.
    pub fn target(&self, dialect: Dialect) -> Target {
        Target { address: self.server.address, key: self.key.clone(), dialect }
    }
}

/// Writes the tools that every peer serves: `echo`, and `generated` more that differ in name and text only.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_tools(folder: &Path, generated: usize) -> anyhow::Result<PathBuf> {
    let names =
        std::iter::once("echo".to_owned()).chain((0..generated).map(|index| format!("generated_{index:03}")));
    let tools: Vec<_> = names.map(|name| tool(&name)).collect();
    let path = folder.join(format!("tools-{}.json", tools.len()));
    std::fs::write(&path, serde_json::to_vec(&tools)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn tool(name: &str) -> Value {
    json!({
        "name": name,
        "description": format!("Answers with the message it was given. This one is called {name}."),
        "inputSchema": {
            "type": "object",
            "properties": {
                "message": {"type": "string", "description": "What to answer with.", "maxLength": 1000},
                "times": {"type": "integer", "description": "Has no effect.", "minimum": 1, "maximum": 9},
            },
            "required": ["message"],
            "additionalProperties": false,
        },
    })
}

/// `drawbridge stdio` with the folder `tree` as its only root, as a fresh installation has it.
///
/// # Errors
///
/// When it has not been built.
pub fn drawbridge_stdio(bench: &Bench, tree: &FilesTree) -> anyhow::Result<Command> {
    let mut command = Command::new(bench.program("drawbridge")?);
    command.arg("stdio").env("HOME", &tree.home).env("DRAWBRIDGE_HOME", bench.home("stdio")?);
    Ok(command)
}

/// `drawbridge serve` on a free port, with the folder `tree` as its only root.
///
/// # Errors
///
/// When it has not been built or does not come up.
pub fn drawbridge_serve(bench: &Bench, tree: &FilesTree) -> anyhow::Result<(HttpServer, Target)> {
    let mut command = Command::new(bench.program("drawbridge")?);
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("HOME", &tree.home);
    command.env("DRAWBRIDGE_HOME", bench.home("serve")?).env("DRAWBRIDGE_OWNER_KEY", &bench.key);
    let server = HttpServer::start(command, &bench.log("serve"))?;
    let target = Target { address: server.address, key: bench.key.clone(), dialect: Dialect::Stateless };
    Ok((server, target))
}

/// The official filesystem server with the folder `tree` as the only one it may use.
///
/// # Errors
///
/// When it cannot be set up.
pub fn filesystem_stdio(bench: &Bench, tree: &FilesTree) -> anyhow::Result<Command> {
    let mut command = bench.setup.filesystem_server()?;
    command.arg(&tree.root);
    Ok(command)
}

/// The program `name` beside this one.
pub(crate) fn program(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    ensure!(
        path.is_file(),
        "`{name}` is not built: run the benchmarks with `cargo xtask bench`, which builds it"
    );
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_are_echo_and_the_generated_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = write_tools(folder.path(), 500).unwrap();
        let tools: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(
            (tools.len(), tools[0]["name"].as_str(), tools[500]["name"].as_str()),
            (501, Some("echo"), Some("generated_499"))
        );
    }

    #[test]
    fn a_program_that_is_not_there_says_how_to_build_it() {
        let error = program(Path::new("/nowhere"), "peer-axum").unwrap_err();
        assert!(error.to_string().contains("cargo xtask bench"), "{error}");
    }
}
