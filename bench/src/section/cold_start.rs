//! From the start of a program to its first answer.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::{Bench, missing, runtime};
use crate::files_tree::FilesTree;
use crate::load::Fleet;
use crate::peers::{Peer, drawbridge_serve, drawbridge_stdio, filesystem_stdio, write_tools};
use crate::report::{Budget, Table, figure, ratio};
use crate::stats::median;
use crate::stdio::StdioServer;
use crate::wire::Dialect;

/// Starts of each server; they are short, so there can be more of them than rounds elsewhere.
const STARTS_PER_ROUND: usize = 3;

/// The program as most people run it: its start has the budget.
const SERVE: &str = "`drawbridge serve`";

/// A way to start a server and wait for its first answer.
struct Candidate<'a> {
    name: &'static str,
    start: Box<dyn Fn() -> anyhow::Result<Duration> + 'a>,
    times_ms: Vec<f64>,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "From starting the process to its first answer: to `initialize` over stdio; over HTTP to `tools/list` for `drawbridge serve`, which \
         has no `echo`, and to `tools/call echo` for the others. \
         The state of Drawbridge is there from an earlier start. Median of {} starts in turn.",
        bench.rounds * STARTS_PER_ROUND
    );
    let mut table = Table::new(
        "Cold start to first answer",
        about,
        &["server", "median, ms", "this ÷ `drawbridge serve`"],
    );
    let tree = FilesTree::prepare(bench.setup.cache())?;
    let tools = &write_tools(bench.scratch.path(), 0)?;
    let mut candidates = vec![
        candidate(SERVE, || first_list(bench, &tree)),
        candidate("`drawbridge stdio`", || first_hello(bench, drawbridge_stdio(bench, &tree)?)),
        candidate("filesystem server (npm)", || first_hello(bench, filesystem_stdio(bench, &tree)?)),
    ];
    for peer in Peer::ALL {
        candidates.push(candidate(peer.name(), move || first_call(bench, peer, tools)));
    }
    // The first start of all makes state and fills the machine's caches, and shows who is missing.
    candidates.retain(|candidate| match (candidate.start)() {
        Ok(_) => true,
        Err(error) => {
            table.missing.push(missing(candidate.name, &error));
            false
        }
    });
    for _ in 0..bench.rounds * STARTS_PER_ROUND {
        for candidate in &mut candidates {
            let time = (candidate.start)().with_context(|| format!("while starting {}", candidate.name))?;
            candidate.times_ms.push(time.as_secs_f64() * 1e3);
        }
    }
    fill(&mut table, &candidates);
    Ok(table)
}

fn candidate<'a>(name: &'static str, start: impl Fn() -> anyhow::Result<Duration> + 'a) -> Candidate<'a> {
    Candidate { name, start: Box::new(start), times_ms: Vec::new() }
}

fn first_hello(bench: &Bench, command: std::process::Command) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let _server = StdioServer::start(command, &bench.log("cold-stdio"))?;
    Ok(start.elapsed())
}

fn first_list(bench: &Bench, tree: &FilesTree) -> anyhow::Result<Duration> {
    let runtime = runtime()?;
    let start = Instant::now();
    let (_server, target) = drawbridge_serve(bench, tree)?;
    runtime.block_on(Fleet::first_list(&target))?;
    Ok(start.elapsed())
}

fn first_call(bench: &Bench, peer: Peer, tools: &std::path::Path) -> anyhow::Result<Duration> {
    let runtime = runtime()?;
    let start = Instant::now();
    let running = peer.start(bench, tools)?;
    runtime.block_on(Fleet::first_call(&running.target(Dialect::Stateless)))?;
    Ok(start.elapsed())
}

fn fill(table: &mut Table, candidates: &[Candidate<'_>]) {
    let of_drawbridge = candidates.iter().find(|candidate| candidate.name == SERVE);
    let ours = of_drawbridge.and_then(|candidate| median(&candidate.times_ms));
    for Candidate { name, times_ms, .. } in candidates {
        let Some(time) = median(times_ms) else { continue };
        let ratio = ours.map_or_else(|| "–".into(), |ours| ratio(time / ours));
        table.rows.push(vec![(*name).into(), figure(time), ratio]);
    }
    if let Some(ours) = ours {
        table.budgets.push(Budget::below("start of the program to its first answer", 50.0, ours, " ms"));
    }
}
