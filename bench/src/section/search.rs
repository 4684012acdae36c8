//! File contents, beside ripgrep.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::json;

use super::{Bench, missing};
use crate::files_tree::{FilesTree, NEEDLE_REGEX, NEEDLES};
use crate::peers::drawbridge_stdio;
use crate::report::{Budget, Table, figure, ratio};
use crate::stats::median;
use crate::stdio::StdioServer;

/// Searches of each in a round: one takes about a tenth of a second.
const SEARCHES_PER_ROUND: usize = 5;

/// A way to search, which returns how many milliseconds it took.
struct Candidate<'a> {
    name: &'static str,
    search: Box<dyn FnMut() -> anyhow::Result<f64> + 'a>,
    times_ms: Vec<f64>,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "`{NEEDLE_REGEX}` in 20 000 files of 2 KB, {NEEDLES} matches, which are counted; files in the page cache. \
         Drawbridge by `files_search` over stdio, ripgrep from the start of its process to its end. \
         Median of {} searches in turn.",
        bench.rounds * SEARCHES_PER_ROUND
    );
    let mut table = Table::new("Contents, beside ripgrep", about, &["", "median, ms", "this ÷ ripgrep"]);
    let tree = FilesTree::prepare(bench.setup.cache())?;
    let mut candidates = Vec::new();
    match bench.setup.ripgrep() {
        Ok(command) => candidates.push(ripgrep(command, &tree)),
        Err(error) => table.missing.push(missing("ripgrep", &error)),
    }
    match drawbridge_stdio(bench, &tree).and_then(|command| StdioServer::start(command, &bench.log("search")))
    {
        Ok(server) => candidates.push(drawbridge(server)),
        Err(error) => table.missing.push(missing("Drawbridge", &error)),
    }
    take_turns(bench, &mut candidates)?;
    fill(&mut table, &candidates);
    Ok(table)
}

fn ripgrep(mut command: Command, tree: &FilesTree) -> Candidate<'static> {
    command
        .args(["--no-config", "--no-heading", "--line-number", "--color=never", NEEDLE_REGEX])
        .arg(tree.tree());
    let search = move || {
        let start = Instant::now();
        let output = command.output().context("cannot start ripgrep")?;
        let time_ms = start.elapsed().as_secs_f64() * 1e3;
        check("ripgrep", &String::from_utf8_lossy(&output.stdout))?;
        Ok(time_ms)
    };
    Candidate { name: "ripgrep", search: Box::new(search), times_ms: Vec::new() }
}

fn drawbridge(mut server: StdioServer) -> Candidate<'static> {
    // Without a limit above its default, the answer would be a part of what ripgrep prints.
    let arguments = json!({"path": "tree", "pattern": NEEDLE_REGEX, "limit": 2 * NEEDLES});
    let search = move || {
        let answer = server.call("files_search", &arguments)?;
        check("Drawbridge", &answer.text())?;
        Ok(answer.latency.as_secs_f64() * 1e3)
    };
    Candidate { name: "Drawbridge", search: Box::new(search), times_ms: Vec::new() }
}

fn check(name: &str, found: &str) -> anyhow::Result<()> {
    let matches = found.matches("needle_").count();
    ensure!(
        matches == NEEDLES,
        "{name} found {matches} matches of {NEEDLES}: {}",
        crate::wire::excerpt(found.as_bytes())
    );
    Ok(())
}

fn take_turns(bench: &Bench, candidates: &mut [Candidate<'_>]) -> anyhow::Result<()> {
    for candidate in candidates.iter_mut() {
        // Fills the page cache.
        (candidate.search)()?;
    }
    for _ in 0..bench.rounds * SEARCHES_PER_ROUND {
        for candidate in candidates.iter_mut() {
            let time_ms = (candidate.search)()?;
            candidate.times_ms.push(time_ms);
        }
    }
    Ok(())
}

fn fill(table: &mut Table, candidates: &[Candidate<'_>]) {
    let time = |name| median(&candidates.iter().find(|candidate| candidate.name == name)?.times_ms);
    let ripgrep = time("ripgrep");
    for Candidate { name, times_ms, .. } in candidates {
        let Some(time) = median(times_ms) else { continue };
        let ratio = ripgrep.map_or_else(|| "–".into(), |ripgrep| ratio(time / ripgrep));
        table.rows.push(vec![(*name).into(), figure(time), ratio]);
    }
    if let Some((ours, ripgrep)) = time("Drawbridge").zip(ripgrep) {
        table.budgets.push(Budget::at_most("time beside ripgrep", 1.3, ours / ripgrep));
    }
}
