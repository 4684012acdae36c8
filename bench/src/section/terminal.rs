//! Terminals over WebSocket, beside ttyd.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::{Bench, missing, runtime};
use crate::http::Connection;
use crate::report::{Budget, Table, figure, ratio};
use crate::stats::{median, median_of, percentile};
use crate::terminal::{FILE_BYTES, SHOWN_BYTES, Server, check, encode};

/// Keys in a round.
const KEYS: usize = 500;
/// Commands in a round.
const COMMANDS: usize = 100;

/// What one round of one server brought.
struct Round {
    flood_s: f64,
    key_p50_ms: f64,
    key_p99_ms: f64,
    memory_mb: f64,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "One viewer over WebSocket, the same client for both. A `cat` of {} MB in lines of 80 characters, from the key that \
         starts it to its last byte; every byte must arrive. Then {KEYS} keys, one after the other, each from its sending to \
         its echo. Resident memory of the server after that. Drawbridge also filters what it shows, keeps the output to be \
         read on, and draws the screen. Median of {} rounds in turn.",
        FILE_BYTES / 1_000_000,
        bench.rounds
    );
    let mut table =
        Table::new("Terminals, beside ttyd", about, &["", "Drawbridge", "ttyd", "Drawbridge ÷ ttyd"]);
    let ours = Server::drawbridge(bench)?;
    let theirs = Server::ttyd(bench).map_err(|error| table.missing.push(missing("ttyd", &error))).ok();
    let runtime = runtime()?;
    let (mut our_rounds, mut their_rounds) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        our_rounds.push(runtime.block_on(round(&ours)).context("while Drawbridge was measured")?);
        if let Some(theirs) = &theirs {
            their_rounds.push(runtime.block_on(round(theirs)).context("while ttyd was measured")?);
        }
    }
    fill(&mut table, &our_rounds, &their_rounds);
    runtime.block_on(commands(bench, &ours, &mut table))?;
    Ok(table)
}

async fn round(server: &Server) -> anyhow::Result<Round> {
    let flood_s = flood(server).await?;
    let mut keys = keys(server).await?;
    keys.sort_unstable();
    Ok(Round {
        flood_s,
        key_p50_ms: millis(percentile(&keys, 50.0)),
        key_p99_ms: millis(percentile(&keys, 99.0)),
        memory_mb: server.process().resident_bytes()? as f64 / 1e6,
    })
}

async fn flood(server: &Server) -> anyhow::Result<f64> {
    let mut viewer = server.open().await?;
    let begun = Instant::now();
    viewer.type_in("flood\r").await?;
    let bytes = viewer.file().await?;
    let took = begun.elapsed();
    ensure!(bytes == SHOWN_BYTES, "{bytes} of {SHOWN_BYTES} bytes arrived");
    viewer.leave().await;
    Ok(took.as_secs_f64())
}

async fn keys(server: &Server) -> anyhow::Result<Vec<Duration>> {
    let mut viewer = server.open().await?;
    viewer.type_in("echo\r").await?;
    viewer.until("ECHO").await?;
    let mut latencies = Vec::with_capacity(KEYS);
    for _ in 0..KEYS {
        let begun = Instant::now();
        viewer.type_in("x").await?;
        viewer.until("x").await?;
        latencies.push(begun.elapsed());
    }
    viewer.leave().await;
    Ok(latencies)
}

fn fill(table: &mut Table, ours: &[Round], theirs: &[Round]) {
    for (what, budget, of) in [
        ("`cat` of 50 MB, s", Some("time of a 50 MB `cat`"), (|round| round.flood_s) as fn(&Round) -> f64),
        ("echo of a key, p50, ms", Some("echo of a key, p50"), |round| round.key_p50_ms),
        ("echo of a key, p99, ms", None, |round| round.key_p99_ms),
        ("resident memory, MB", None, |round| round.memory_mb),
    ] {
        let (ours, theirs) = (median_of(ours, of), median_of(theirs, of));
        let both = ours.zip(theirs).map(|(ours, theirs)| ours / theirs);
        let cell = |value: Option<String>| value.unwrap_or_else(|| "–".into());
        table.rows.push(vec![
            what.into(),
            cell(ours.map(figure)),
            cell(theirs.map(figure)),
            cell(both.map(ratio)),
        ]);
        if let Some((budget, both)) = budget.zip(both) {
            table.budgets.push(Budget::at_most(&format!("{budget}, beside ttyd"), 1.0, both));
        }
    }
}

/// `terminal_run true`, and what it costs over a bare fork and exec.
async fn commands(bench: &Bench, server: &Server, table: &mut Table) -> anyhow::Result<()> {
    let Server::Drawbridge { server, key } = server else { return Ok(()) };
    let request = encode(server.address, key, "terminal_run", &json!({"argv": ["true"]}));
    let mut connection = Connection::open(server.address).await?;
    let (mut run, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds * COMMANDS {
        let begun = Instant::now();
        let answer = connection.exchange(&request).await?;
        run.push(millis(begun.elapsed()));
        ensure!(check(answer.status, answer.body)?["structured"]["success"] == true, "`true` failed");
        let begun = Instant::now();
        Command::new("true").status().context("there is no `true`")?;
        bare.push(millis(begun.elapsed()));
    }
    let (run, bare) = (median(&run).unwrap_or_default(), median(&bare).unwrap_or_default());
    let says = format!("`terminal_run true` over HTTP, p50, ms (a bare fork and exec: {})", figure(bare));
    table.rows.push(vec![says, figure(run), "–".into(), "–".into()]);
    table.budgets.push(Budget::below(
        "`terminal_run true`, over a bare fork and exec, p50",
        5.0,
        run - bare,
        " ms",
    ));
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
