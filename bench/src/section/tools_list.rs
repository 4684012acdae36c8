//! `tools/list` with 500 tools, all pages of it.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::{Bench, runtime, start};
use crate::http::Connection;
use crate::peers::{Peer, Running, write_tools};
use crate::report::{Budget, Table, figure, ratio};
use crate::stats::{median_of, micros, percentile};
use crate::wire::{Dialect, Target, excerpt, list_tools, tools_page};

/// Tools besides `echo`.
const GENERATED: usize = 500;

struct Round {
    p50_us: f64,
    p99_us: f64,
    cpu_us_per_list: f64,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "`tools/list` with {GENERATED} tools besides `echo`, all pages, one connection; the tools are counted. {}",
        bench.rounds_text()
    );
    let columns = ["server", "p50, µs", "p99, µs", "server CPU per list, µs", "p50, this ÷ Drawbridge"];
    let mut table = Table::new("A list of 500 tools", about, &columns);
    let tools = write_tools(bench.scratch.path(), GENERATED)?;
    let running = start(bench, &Peer::MCP, &tools, &mut table);
    let mut rounds: Vec<Vec<Round>> = running.iter().map(|_| Vec::new()).collect();
    let runtime = runtime()?;
    for _ in 0..bench.rounds {
        for (peer, rounds) in running.iter().zip(&mut rounds) {
            let round = runtime.block_on(turn(peer, bench.turn));
            rounds.push(round.with_context(|| format!("while listing the tools of {}", peer.peer.name()))?);
        }
    }
    fill(&mut table, &running, &rounds);
    Ok(table)
}

async fn turn(running: &Running, turn: Duration) -> anyhow::Result<Round> {
    let target = running.target(Dialect::Stateless);
    let mut connection = Connection::open(target.address).await?;
    list(&mut connection, &target).await?;
    let (mut latencies, deadline) = (Vec::new(), Instant::now() + turn);
    let cpu_before = running.server.process.cpu()?;
    while Instant::now() < deadline {
        latencies.push(list(&mut connection, &target).await?);
    }
    let cpu = running.server.process.cpu()? - cpu_before;
    latencies.sort_unstable();
    Ok(Round {
        p50_us: micros(percentile(&latencies, 50.0)),
        p99_us: micros(percentile(&latencies, 99.0)),
        cpu_us_per_list: micros(cpu) / latencies.len() as f64,
    })
}

/// Asks for all pages; the time is that of the server's answers, without reading them.
async fn list(connection: &mut Connection, target: &Target) -> anyhow::Result<Duration> {
    let (mut count, mut cursor, mut latency) = (0, None, Duration::ZERO);
    loop {
        let request = target.encode(list_tools(cursor.as_deref()), None);
        let start = Instant::now();
        let answer = connection.exchange(&request).await?;
        latency += start.elapsed();
        ensure!(answer.status == 200, "the server answered {}: {}", answer.status, excerpt(answer.body));
        let page = tools_page(answer.body)?;
        count += page.count;
        ensure!(count <= GENERATED + 1, "the server lists {count} tools: more than it has");
        cursor = page.cursor_next;
        if cursor.is_none() {
            ensure!(count == GENERATED + 1, "the server lists {count} tools of {}", GENERATED + 1);
            return Ok(latency);
        }
    }
}

fn fill(table: &mut Table, running: &[Running], rounds: &[Vec<Round>]) {
    let p50 = |rounds: &[Round]| median_of(rounds, |round| round.p50_us);
    let of_drawbridge = running.iter().position(|peer| peer.peer == Peer::Drawbridge);
    let door = of_drawbridge.and_then(|index| p50(&rounds[index]));
    for (peer, rounds) in running.iter().zip(rounds) {
        let (Some(p50), Some(p99), Some(cpu)) = (
            p50(rounds),
            median_of(rounds, |round| round.p99_us),
            median_of(rounds, |round| round.cpu_us_per_list),
        ) else {
            continue;
        };
        let ratio = door.map_or_else(|| "–".into(), |door| ratio(p50 / door));
        table.rows.push(vec![peer.peer.name().into(), figure(p50), figure(p99), figure(cpu), ratio]);
    }
    if let Some(door) = door {
        table.budgets.push(Budget::below("a list of 500 tools, p50", 2.0, door / 1000.0, " ms"));
    }
}
