//! Memory while nothing happens.

use std::time::Duration;

use anyhow::Context;

use super::{Bench, missing, runtime, start};
use crate::files_tree::FilesTree;
use crate::load::Fleet;
use crate::peers::{Peer, drawbridge_serve, drawbridge_stdio, filesystem_stdio, write_tools};
use crate::report::{Budget, Table, figure};
use crate::stdio::StdioServer;
use crate::wire::Dialect;

/// How long a server is left alone before it is weighed.
const REST: Duration = Duration::from_secs(2);

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "Resident memory {} s after the first answers, with no connection open (over HTTP) or waiting on standard input \
         (stdio). `drawbridge` is the program people run, with its files served.",
        REST.as_secs()
    );
    let mut table = Table::new("Idle memory", about, &["server", "resident memory, MB"]);
    let tree = FilesTree::prepare(bench.setup.cache())?;
    weigh_program(bench, &tree, &mut table)?;
    weigh_stdio(bench, &tree, &mut table)?;
    weigh_http(bench, &mut table)?;
    Ok(table)
}

fn weigh_http(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let tools = write_tools(bench.scratch.path(), 0)?;
    let running = start(bench, &Peer::ALL, &tools, table);
    let runtime = runtime()?;
    for peer in &running {
        let first_calls = async { Fleet::open(&peer.target(Dialect::Stateless), 1).await?.close().await };
        runtime.block_on(first_calls).with_context(|| format!("while calling {}", peer.peer.name()))?;
    }
    std::thread::sleep(REST);
    for peer in &running {
        table.rows.push(row(peer.peer.name(), peer.server.process.resident_bytes()?));
    }
    Ok(())
}

/// The hub as most people run it: its memory has the budget.
fn weigh_program(bench: &Bench, tree: &FilesTree, table: &mut Table) -> anyhow::Result<()> {
    let name = "`drawbridge serve`";
    match drawbridge_serve(bench, tree) {
        Ok((server, target)) => {
            runtime()?.block_on(Fleet::first_list(&target))?;
            std::thread::sleep(REST);
            let bytes = server.process.resident_bytes()?;
            table.rows.push(row(name, bytes));
            table.budgets.push(Budget::below("idle memory of the program", 30.0, megabytes(bytes), " MB"));
        }
        Err(error) => table.missing.push(missing(name, &error)),
    }
    Ok(())
}

fn weigh_stdio(bench: &Bench, tree: &FilesTree, table: &mut Table) -> anyhow::Result<()> {
    let candidates = [
        ("`drawbridge stdio`", drawbridge_stdio(bench, tree)),
        ("filesystem server (npm)", filesystem_stdio(bench, tree)),
    ];
    for (name, command) in candidates {
        match command.and_then(|command| StdioServer::start(command, &bench.log("idle-stdio"))) {
            Ok(server) => {
                std::thread::sleep(REST);
                table.rows.push(row(name, server.process.resident_bytes()?));
            }
            Err(error) => table.missing.push(missing(name, &error)),
        }
    }
    Ok(())
}

fn row(name: &str, bytes: u64) -> Vec<String> {
    vec![name.into(), figure(megabytes(bytes))]
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
