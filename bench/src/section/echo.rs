//! `tools/call echo`: how many a second, how long each, and what the server pays for it.

use std::time::Duration;

use anyhow::Context;

use super::{Bench, runtime, start};
use crate::load::Fleet;
use crate::peers::{Peer, Running, write_tools};
use crate::process::own_cpu;
use crate::report::{Budget, Table, figure, ratio};
use crate::stats::{median_of, micros};
use crate::wire::Dialect;

/// What one peer did in one round.
struct Round {
    calls_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_us_per_call: f64,
    generator_cpu_us_per_call: f64,
}

/// The medians of a peer's rounds.
struct Figures {
    peer: Peer,
    round: Round,
}

const COLUMNS: [&str; 7] = [
    "server",
    "calls/s",
    "p50, µs",
    "p99, µs",
    "server CPU per call, µs",
    "generator CPU per call, µs",
    "calls/s, Drawbridge ÷ this",
];

/// Many connections at once.
pub(super) fn run(bench: &Bench, title: &str, dialect: Dialect, peers: &[Peer]) -> anyhow::Result<Table> {
    let about = format!(
        "`tools/call echo`, revision {}, {} connections, each calling as soon as it is answered; every answer is checked. \
         Drawbridge checks the key, validates, authorizes and audits every call into SQLite; for calls that count as changing something, the record is on disk before the call \
         runs. {}",
        dialect.revision(),
        bench.connections,
        bench.rounds_text()
    );
    let mut table = Table::new(title, about, &COLUMNS);
    let figures = measure(bench, dialect, bench.connections, peers, &mut table)?;
    fill(&mut table, &figures);
    if dialect == Dialect::Stateless {
        add_rate_budgets(&mut table, &figures);
    }
    Ok(table)
}

/// One connection: the latency that the door adds to bare HTTP.
pub(super) fn run_alone(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "The same call on one connection: what a single caller waits. What Drawbridge takes longer than bare axum is what \
         the door adds. {}",
        bench.rounds_text()
    );
    let mut table = Table::new("Latency over HTTP", about, &COLUMNS);
    let figures = measure(bench, Dialect::Stateless, 1, &Peer::ALL, &mut table)?;
    fill(&mut table, &figures);
    if let (Some(door), Some(axum)) = (find(&figures, Peer::Drawbridge), find(&figures, Peer::Axum)) {
        table.budgets.push(Budget::below(
            "latency added to bare axum, p50",
            50.0,
            door.p50_us - axum.p50_us,
            " µs",
        ));
        table.budgets.push(Budget::below(
            "latency added to bare axum, p99",
            500.0,
            door.p99_us - axum.p99_us,
            " µs",
        ));
    }
    Ok(table)
}

fn measure(
    bench: &Bench,
    dialect: Dialect,
    connections: usize,
    peers: &[Peer],
    table: &mut Table,
) -> anyhow::Result<Vec<Figures>> {
    let tools = write_tools(bench.scratch.path(), 0)?;
    let running = start(bench, peers, &tools, table);
    let mut rounds: Vec<Vec<Round>> = running.iter().map(|_| Vec::new()).collect();
    let runtime = runtime()?;
    for _ in 0..bench.rounds {
        for (peer, rounds) in running.iter().zip(&mut rounds) {
            let round = runtime.block_on(turn(peer, dialect, connections, bench.turn));
            rounds.push(round.with_context(|| format!("while measuring {}", peer.peer.name()))?);
        }
    }
    Ok(running.iter().zip(&rounds).filter_map(|(peer, rounds)| medians(peer.peer, rounds)).collect())
}

async fn turn(
    running: &Running,
    dialect: Dialect,
    connections: usize,
    turn: Duration,
) -> anyhow::Result<Round> {
    let mut fleet = Fleet::open(&running.target(dialect), connections).await?;
    let before = (running.server.process.cpu()?, own_cpu()?);
    let sample = fleet.drive(turn).await?;
    let cpu = running.server.process.cpu()? - before.0;
    let generator_cpu = own_cpu()? - before.1;
    fleet.close().await?;
    Ok(Round {
        calls_per_second: sample.rate(),
        p50_us: micros(sample.percentile(50.0)),
        p99_us: micros(sample.percentile(99.0)),
        cpu_us_per_call: micros(cpu) / sample.calls() as f64,
        generator_cpu_us_per_call: micros(generator_cpu) / sample.calls() as f64,
    })
}

fn medians(peer: Peer, rounds: &[Round]) -> Option<Figures> {
    let round = Round {
        calls_per_second: median_of(rounds, |round| round.calls_per_second)?,
        p50_us: median_of(rounds, |round| round.p50_us)?,
        p99_us: median_of(rounds, |round| round.p99_us)?,
        cpu_us_per_call: median_of(rounds, |round| round.cpu_us_per_call)?,
        generator_cpu_us_per_call: median_of(rounds, |round| round.generator_cpu_us_per_call)?,
    };
    Some(Figures { peer, round })
}

fn find(figures: &[Figures], peer: Peer) -> Option<&Round> {
    figures.iter().find(|figures| figures.peer == peer).map(|figures| &figures.round)
}

fn fill(table: &mut Table, figures: &[Figures]) {
    let door = find(figures, Peer::Drawbridge).map(|round| round.calls_per_second);
    for Figures { peer, round } in figures {
        let values = [
            round.calls_per_second,
            round.p50_us,
            round.p99_us,
            round.cpu_us_per_call,
            round.generator_cpu_us_per_call,
        ]
        .map(figure);
        let ratio = door.map_or_else(|| "–".into(), |door| ratio(door / round.calls_per_second));
        table.rows.push([vec![peer.name().to_owned()], values.to_vec(), vec![ratio]].concat());
    }
}

fn add_rate_budgets(table: &mut Table, figures: &[Figures]) {
    let Some(door) = find(figures, Peer::Drawbridge) else { return };
    for (peer, least) in [(Peer::RmcpDefault, 2.0), (Peer::Rmcp, 2.0), (Peer::Axum, 0.6)] {
        if let Some(other) = find(figures, peer) {
            let what = format!("calls per second beside {}", peer.name());
            table.budgets.push(Budget::at_least(
                &what,
                least,
                door.calls_per_second / other.calls_per_second,
            ));
        }
    }
}
