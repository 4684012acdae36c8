//! The door without any wire.

use std::path::Path;

use anyhow::{Context, ensure};

use super::{Bench, missing};
use crate::door::DoorFigures;
use crate::peers::write_tools;
use crate::report::{Table, figure};
use crate::stats::median_of;

/// The two ways a call is audited: what `bench-door` is given for them, and their names in the table.
const WAYS: [(&[&str], &str); 2] =
    [(&[], "calls that only read"), (&["--changes"], "calls that change something")];

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "The same `echo` called in process by 16 tasks: key, validation, authorization and audit, but no HTTP and no \
         JSON-RPC. The audit of a call that changes something is on disk before the call runs. \
         Median of {} rounds of 2 s in turn.",
        bench.rounds
    );
    let columns = ["", "calls/s", "p50, µs", "p99, µs", "CPU per call, µs"];
    let mut table = Table::new("The door alone", about, &columns);
    let tools = write_tools(bench.scratch.path(), 0)?;
    if let Err(error) = bench.program("bench-door") {
        table.missing.push(missing("the door alone", &error));
        return Ok(table);
    }
    let mut rounds = WAYS.map(|_| Vec::new());
    for _ in 0..bench.rounds {
        for ((arguments, _), rounds) in WAYS.iter().zip(&mut rounds) {
            rounds.push(turn(bench, &tools, arguments)?);
        }
    }
    for ((_, name), rounds) in WAYS.iter().zip(&rounds) {
        table.rows.push(row(name, rounds));
    }
    Ok(table)
}

fn turn(bench: &Bench, tools: &Path, arguments: &[&str]) -> anyhow::Result<DoorFigures> {
    let output = std::process::Command::new(bench.program("bench-door")?)
        .arg(tools)
        .args(arguments)
        .env("DRAWBRIDGE_HOME", bench.home("bench-door")?)
        .env("DRAWBRIDGE_OWNER_KEY", &bench.key)
        .output()
        .context("cannot start bench-door")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "bench-door failed: {errors}");
    serde_json::from_slice(&output.stdout).context("bench-door printed no figures")
}

fn row(name: &str, rounds: &[DoorFigures]) -> Vec<String> {
    let columns: [fn(&DoorFigures) -> f64; 4] = [
        |round| round.calls_per_second,
        |round| round.p50_us,
        |round| round.p99_us,
        |round| round.cpu_us_per_call,
    ];
    let medians = columns.map(|column| median_of(rounds, column).map_or_else(|| "–".into(), figure));
    [vec![name.to_owned()], medians.to_vec()].concat()
}
