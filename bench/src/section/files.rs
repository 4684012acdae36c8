//! Files over stdio, beside the official filesystem server.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{Bench, missing};
use crate::files_tree::{FilesTree, LARGE_BYTES, LISTED, SMALL_BYTES, TARGET_GLOB, TARGETS, text_name};
use crate::peers::{drawbridge_stdio, filesystem_stdio};
use crate::report::{Budget, Table, figure, ratio};
use crate::stats::{median_of, micros, percentile};
use crate::stdio::{Answered, StdioServer};

/// A call in a turn: however slow it is, there are at least this many.
const CALLS_MIN: usize = 3;

/// One thing that both servers can do.
struct Task {
    name: &'static str,
    ours: Call,
    theirs: Call,
    check: Box<dyn Fn(&Answered) -> bool>,
    /// How much less processor time and how much lower a median Drawbridge must have.
    cpu_ratio_min: f64,
    p50_ratio_min: f64,
}

struct Call {
    tool: &'static str,
    arguments: Value,
}

struct Round {
    p50_us: f64,
    cpu_us_per_call: f64,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "One call after the other over stdio, revision 2025-06-18; every answer is checked. Drawbridge validates, \
         authorizes and audits every call. {}",
        bench.rounds_text()
    );
    let columns = [
        "task",
        "Drawbridge p50, µs",
        "official p50, µs",
        "p50 ratio",
        "Drawbridge CPU per call, µs",
        "official CPU per call, µs",
        "CPU ratio",
    ];
    let mut table = Table::new("Files over stdio, beside the official filesystem server", about, &columns);
    let tree = FilesTree::prepare(bench.setup.cache())?;
    let ours =
        drawbridge_stdio(bench, &tree).and_then(|command| StdioServer::start(command, &bench.log("stdio")));
    let theirs = filesystem_stdio(bench, &tree)
        .and_then(|command| StdioServer::start(command, &bench.log("filesystem")));
    let mut servers = [("Drawbridge", ours), ("filesystem server (npm)", theirs)]
        .map(|(name, server)| server.map_err(|error| table.missing.push(missing(name, &error))).ok());
    for task in tasks(&tree)? {
        let medians = measure(bench, &task, &mut servers)?;
        fill(&mut table, &task, &medians);
    }
    Ok(table)
}

fn tasks(tree: &FilesTree) -> anyhow::Result<Vec<Task>> {
    Ok(vec![list(tree), read(tree, SMALL_BYTES)?, read(tree, LARGE_BYTES)?, find(tree)])
}

fn list(tree: &FilesTree) -> Task {
    Task {
        name: "list 100 entries",
        ours: Call { tool: "files_list", arguments: json!({"path": "list"}) },
        theirs: Call { tool: "list_directory", arguments: json!({"path": tree.listed()}) },
        check: Box::new(|answer| occurrences(answer, "entry-") == LISTED),
        cpu_ratio_min: 10.0,
        p50_ratio_min: 4.0,
    }
}

fn read(tree: &FilesTree, bytes: usize) -> anyhow::Result<Task> {
    let path = tree.text(bytes);
    let expected =
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Task {
        name: if bytes == SMALL_BYTES { "read 4 KB" } else { "read 1 MB" },
        ours: Call { tool: "files_read", arguments: json!({"path": text_name(bytes)}) },
        theirs: Call { tool: "read_text_file", arguments: json!({"path": path}) },
        check: Box::new(move |answer| answer.text().contains(&expected)),
        cpu_ratio_min: 10.0,
        p50_ratio_min: 4.0,
    })
}

fn find(tree: &FilesTree) -> Task {
    Task {
        name: "find 20 names among 20 000 files",
        ours: Call { tool: "files_find", arguments: json!({"path": "tree", "pattern": TARGET_GLOB}) },
        theirs: Call {
            tool: "search_files",
            arguments: json!({"path": tree.tree(), "pattern": TARGET_GLOB}),
        },
        check: Box::new(|answer| occurrences(answer, "-target.txt") == TARGETS),
        cpu_ratio_min: 10.0,
        p50_ratio_min: 10.0,
    }
}

/// How often `mark` is in the text of an answer.
fn occurrences(answer: &Answered, mark: &str) -> usize {
    answer.text().matches(mark).count()
}

/// The medians of both servers' rounds, in the order of `servers`.
fn measure(
    bench: &Bench,
    task: &Task,
    servers: &mut [Option<StdioServer>; 2],
) -> anyhow::Result<[Option<Round>; 2]> {
    let calls = [&task.ours, &task.theirs];
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..bench.rounds {
        for ((server, call), rounds) in servers.iter_mut().zip(calls).zip(&mut rounds) {
            let Some(server) = server else { continue };
            let round = turn(server, call, task, bench.turn);
            rounds
                .push(round.with_context(|| format!("while {} was measured at: {}", call.tool, task.name))?);
        }
    }
    Ok(rounds.map(|rounds| {
        Some(Round {
            p50_us: median_of(&rounds, |round| round.p50_us)?,
            cpu_us_per_call: median_of(&rounds, |round| round.cpu_us_per_call)?,
        })
    }))
}

fn turn(server: &mut StdioServer, call: &Call, task: &Task, turn: Duration) -> anyhow::Result<Round> {
    let (mut latencies, deadline) = (Vec::new(), Instant::now() + turn);
    let cpu_before = server.process.cpu()?;
    while latencies.len() < CALLS_MIN || Instant::now() < deadline {
        let answer = server.call(call.tool, &call.arguments)?;
        ensure!((task.check)(&answer), "a wrong answer: {}", crate::wire::excerpt(answer.text().as_bytes()));
        latencies.push(answer.latency);
    }
    let cpu = server.process.cpu()? - cpu_before;
    latencies.sort_unstable();
    let cpu_us_per_call = micros(cpu) / latencies.len() as f64;
    Ok(Round { p50_us: micros(percentile(&latencies, 50.0)), cpu_us_per_call })
}

fn fill(table: &mut Table, task: &Task, medians: &[Option<Round>; 2]) {
    let pick = |of: fn(&Round) -> f64| medians.each_ref().map(|round| round.as_ref().map(of));
    let mut row = vec![task.name.to_owned()];
    for (what, least, [ours, theirs]) in [
        ("lower p50", task.p50_ratio_min, pick(|round| round.p50_us)),
        ("less CPU", task.cpu_ratio_min, pick(|round| round.cpu_us_per_call)),
    ] {
        let both = ours.zip(theirs).map(|(ours, theirs)| theirs / ours);
        row.extend(
            [ours.map(figure), theirs.map(figure), both.map(ratio)]
                .map(|cell| cell.unwrap_or_else(|| "–".into())),
        );
        if let Some(both) = both {
            table.budgets.push(Budget::at_least(&format!("{}: {what}", task.name), least, both));
        }
    }
    table.rows.push(row);
}
