//! Language models: what stands between a program and its provider, beside LiteLLM's proxy.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;

use super::{Bench, missing, runtime};
use crate::model::Endpoint;
use crate::process::HttpServer;
use crate::report::{Budget, Table, figure};
use crate::stats::{median_of, percentile};

/// Streams at once.
const STREAMS: usize = 16;
/// Words in each of them, one each millisecond.
const WORDS: usize = 200;
/// Short streams for the time of the first word, in each round.
const FIRST_WORDS: usize = 60;
/// How long each round asks over one connection, as a share of a turn.
const ALONE_SHARE: u32 = 3;

/// What one round of one server brought.
struct Round {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    first_ms: f64,
    streams_ms: f64,
    memory_mb: f64,
}

/// A server that is measured.
struct Running {
    name: &'static str,
    server: HttpServer,
    endpoint: Endpoint,
    rounds: Vec<Round>,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "Chat completions over the same double of a provider, which answers at once. Requests per second over {} connections; \
         latency of one caller alone; time to the first word of a stream; {STREAMS} streams of {WORDS} words at 1 ms each, all \
         at once, until the last has ended; resident memory after that. Both proxies check a key; Drawbridge also has \
         its rules, quota and audit. {}",
        bench.connections,
        bench.rounds_text()
    );
    let columns =
        ["", "requests/s", "p50, ms", "p99, ms", "first word p50, ms", "16 streams, ms", "memory, MB"];
    let mut table = Table::new("Language models, beside LiteLLM", about, &columns);
    let double =
        start("the double itself", Command::new(bench.program("bench-model")?), bench, "model", "tiny")?;
    let upstream = format!("http://{}", double.endpoint.address);
    let mut running = vec![double, drawbridge(bench, &upstream)?];
    match litellm(bench, &upstream) {
        Ok(litellm) => running.push(litellm),
        Err(error) => table.missing.push(missing("LiteLLM", &error)),
    }
    measure(bench, &mut running)?;
    fill(&mut table, &running);
    Ok(table)
}

fn start(
    name: &'static str,
    command: Command,
    bench: &Bench,
    log: &str,
    model: &'static str,
) -> anyhow::Result<Running> {
    let server = HttpServer::start(command, &bench.log(log))?;
    let endpoint = Endpoint { address: server.address, key: bench.key.clone(), model };
    Ok(Running { name, server, endpoint, rounds: Vec::new() })
}

/// The program people run, with one provider and a limit that is counted and never reached.
fn drawbridge(bench: &Bench, upstream: &str) -> anyhow::Result<Running> {
    let (home, state) = (bench.home("llm")?, bench.home("llm-state")?);
    let config = format!(
        "[llm]\ndiscover = false\n[llm.provider.double]\nkind = 'compatible'\naddress = '{upstream}'\n\
         parallel = 1024\n[[llm.quota]]\ncallers = ['*']\ntokens_per_day = 1000000000000\n"
    );
    std::fs::write(state.join("config.toml"), config)?;
    let mut command = Command::new(bench.program("drawbridge")?);
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("HOME", home);
    command.env("DRAWBRIDGE_HOME", state).env("DRAWBRIDGE_OWNER_KEY", &bench.key);
    start("Drawbridge", command, bench, "llm", "double/tiny")
}

fn litellm(bench: &Bench, upstream: &str) -> anyhow::Result<Running> {
    let mut command = bench.setup.litellm()?;
    command.arg(upstream).env("LITELLM_MASTER_KEY", format!("sk-{}", bench.key));
    command.current_dir(bench.home("litellm")?);
    let mut running = start("LiteLLM's proxy", command, bench, "litellm", "tiny")?;
    running.endpoint.key = format!("sk-{}", bench.key);
    // It listens before it is ready.
    runtime()?.block_on(running.endpoint.stream(1)).context("its first answer")?;
    Ok(running)
}

fn measure(bench: &Bench, running: &mut [Running]) -> anyhow::Result<()> {
    let runtime = runtime()?;
    for _ in 0..bench.rounds {
        for one in running.iter_mut() {
            let round = runtime.block_on(round(bench, one));
            one.rounds.push(round.with_context(|| format!("while {} was measured", one.name))?);
        }
    }
    Ok(())
}

async fn round(bench: &Bench, running: &Running) -> anyhow::Result<Round> {
    let endpoint = &running.endpoint;
    // Caches and connections settle.
    endpoint.repeat(Instant::now() + bench.turn / 10).await?;
    let mut alone = endpoint.repeat(Instant::now() + bench.turn / ALONE_SHARE).await?;
    alone.sort_unstable();
    let mut firsts = Vec::new();
    for _ in 0..FIRST_WORDS {
        firsts.push(endpoint.stream(1).await?.first);
    }
    firsts.sort_unstable();
    Ok(Round {
        rate: rate(endpoint, bench.connections, bench.turn).await?,
        p50_ms: millis(percentile(&alone, 50.0)),
        p99_ms: millis(percentile(&alone, 99.0)),
        first_ms: millis(percentile(&firsts, 50.0)),
        streams_ms: millis(streams(endpoint).await?),
        memory_mb: running.server.process.resident_bytes()? as f64 / 1e6,
    })
}

/// Answers per second over all connections.
async fn rate(endpoint: &Endpoint, connections: usize, turn: Duration) -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..connections {
        let endpoint = endpoint.clone();
        callers.spawn(async move { endpoint.repeat(start + turn).await });
    }
    let mut answers = 0;
    while let Some(done) = callers.join_next().await {
        answers += done??.len();
    }
    Ok(answers as f64 / start.elapsed().as_secs_f64())
}

/// How long all streams together take.
async fn streams(endpoint: &Endpoint) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut readers = JoinSet::new();
    for _ in 0..STREAMS {
        let endpoint = endpoint.clone();
        readers.spawn(async move { endpoint.stream(WORDS).await });
    }
    while let Some(done) = readers.join_next().await {
        done??;
    }
    Ok(start.elapsed())
}

fn fill(table: &mut Table, running: &[Running]) {
    let middles: Vec<Round> = running.iter().filter_map(|one| middle(&one.rounds)).collect();
    let Some(double) = middles.first() else { return };
    for (index, (one, round)) in running.iter().zip(&middles).enumerate() {
        table.rows.push(row(one.name, round));
        if index > 0 {
            table.rows.push(added(&format!("{}, added", one.name), round, double));
        }
    }
    if let Some(ours) = middles.get(1) {
        budgets(table, double, ours, middles.get(2));
    }
}

fn middle(rounds: &[Round]) -> Option<Round> {
    Some(Round {
        rate: median_of(rounds, |one| one.rate)?,
        p50_ms: median_of(rounds, |one| one.p50_ms)?,
        p99_ms: median_of(rounds, |one| one.p99_ms)?,
        first_ms: median_of(rounds, |one| one.first_ms)?,
        streams_ms: median_of(rounds, |one| one.streams_ms)?,
        memory_mb: median_of(rounds, |one| one.memory_mb)?,
    })
}

fn row(name: &str, one: &Round) -> Vec<String> {
    let values = [one.rate, one.p50_ms, one.p99_ms, one.first_ms, one.streams_ms, one.memory_mb].map(precise);
    std::iter::once(name.to_owned()).chain(values).collect()
}

/// What a proxy adds to the double's own times.
fn added(name: &str, one: &Round, double: &Round) -> Vec<String> {
    let times = [
        one.p50_ms - double.p50_ms,
        one.p99_ms - double.p99_ms,
        one.first_ms - double.first_ms,
        one.streams_ms - double.streams_ms,
    ];
    let times = times.map(precise);
    [name.to_owned(), String::new()].into_iter().chain(times).chain([String::new()]).collect()
}

/// A figure with one digit more where it is small: a tenth of a millisecond is a budget here.
fn precise(value: f64) -> String {
    if value.abs() < 10.0 { format!("{value:.3}") } else { figure(value) }
}

fn budgets(table: &mut Table, double: &Round, ours: &Round, litellm: Option<&Round>) {
    let budgets = &mut table.budgets;
    budgets.push(Budget::below("latency added, p50", 0.2, ours.p50_ms - double.p50_ms, " ms"));
    budgets.push(Budget::below("first word added, p50", 0.5, ours.first_ms - double.first_ms, " ms"));
    budgets.push(Budget::below("16 streams of 200 words", 215.0, ours.streams_ms, " ms"));
    budgets.push(Budget::at_least("requests per second, beside the double", 0.3, ours.rate / double.rate));
    if let Some(litellm) = litellm {
        budgets.push(Budget::at_least(
            "requests per second, beside LiteLLM",
            100.0,
            ours.rate / litellm.rate,
        ));
        budgets.push(Budget::at_most("memory, beside LiteLLM", 0.1, ours.memory_mb / litellm.memory_mb));
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rate: f64, ms: f64, memory_mb: f64) -> Round {
        Round { rate, p50_ms: ms, p99_ms: ms, first_ms: ms, streams_ms: 200.0 + ms, memory_mb }
    }

    #[test]
    fn budgets_compare_with_the_double_and_the_peer() {
        let mut table = Table::new("", String::new(), &["", ""]);
        budgets(&mut table, &of(1000.0, 0.1, 5.0), &of(300.0, 0.25, 30.0), Some(&of(3.0, 10.0, 300.0)));
        assert!(table.budgets.iter().all(|budget| budget.met));
        table.budgets.clear();
        budgets(&mut table, &of(1000.0, 0.1, 5.0), &of(299.0, 15.0, 31.0), Some(&of(3.0, 10.0, 300.0)));
        assert!(table.budgets.iter().all(|budget| !budget.met));
        assert_eq!(table.budgets.len(), 6);
    }

    #[test]
    fn what_is_added_is_the_difference() {
        let cells = added("x", &of(1.0, 0.25, 1.0), &of(1.0, 0.1, 1.0));
        assert_eq!(cells, ["x", "", "0.150", "0.150", "0.150", "0.150", ""]);
    }
}
