//! Calls through a daemon, in Rust and in Python.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::{Bench, missing};
use crate::door::DoorFigures;
use crate::report::{Table, figure};
use crate::stats::median_of;

/// How long a daemon may take to describe itself.
const READY_MAX: Duration = Duration::from_secs(10);
/// Callers at once, and their words in the table.
const CALLERS: [(&str, &str); 2] = [("1", "one call at a time"), ("8", "eight at once")];
/// The same method in Python, on the module of the examples.
const IN_PYTHON: &str = "from drawbridge_daemon import Daemon\n\
    echo = Daemon('echo')\n\
    @echo.method(reads=True)\n\
    def say(message: str) -> str:\n    return message\n\
    echo.serve()\n";

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "A method that gives its parameter back, called in process through the whole door and over the daemon's socket: key, \
         validation, authorization, audit, request, answer. CPU is that of the hub. Median of {} rounds of 2 s in turn.",
        bench.rounds
    );
    let mut table = Table::new(
        "Calls through a daemon",
        about,
        &["", "calls/s", "p50, µs", "p99, µs", "hub CPU per call, µs"],
    );
    for (name, command) in [("in Rust", in_rust(bench)), ("in Python", in_python(bench))] {
        let started = command.and_then(|command| Running::start(command, bench, name));
        match started {
            Ok(daemon) => rows(bench, &daemon, name, &mut table)?,
            Err(error) => table.missing.push(missing(name, &error)),
        }
    }
    Ok(table)
}

fn rows(bench: &Bench, daemon: &Running, name: &str, table: &mut Table) -> anyhow::Result<()> {
    let mut rounds = CALLERS.map(|_| Vec::new());
    for _ in 0..bench.rounds {
        for ((callers, _), rounds) in CALLERS.iter().zip(&mut rounds) {
            rounds.push(turn(bench, &daemon.folder, callers)?);
        }
    }
    for ((_, words), rounds) in CALLERS.iter().zip(&rounds) {
        table.rows.push(row(&format!("{name}, {words}"), rounds));
    }
    Ok(())
}

fn in_rust(bench: &Bench) -> anyhow::Result<Command> {
    let mut command = Command::new(bench.program("bench-daemon")?);
    command.arg("--serve");
    Ok(command)
}

fn in_python(bench: &Bench) -> anyhow::Result<Command> {
    let script = bench.scratch.path().join("echo.py");
    std::fs::write(&script, IN_PYTHON)?;
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/daemons");
    let mut command = Command::new("python3");
    command.arg(script).env("PYTHONPATH", module).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

/// A daemon that runs; dropped, it ends.
struct Running {
    folder: PathBuf,
    process: Child,
}

impl Running {
    fn start(mut command: Command, bench: &Bench, name: &str) -> anyhow::Result<Self> {
        let folder = bench.home(&format!("daemon-{}", name.replace(' ', "-")))?;
        let process =
            command.env("DAEMON_FOLDER", &folder).stdin(Stdio::null()).spawn().context("cannot start it")?;
        let running = Self { folder, process };
        let begun = Instant::now();
        while !running.folder.join("echo.cap.json").exists() {
            ensure!(begun.elapsed() < READY_MAX, "it did not describe itself within {READY_MAX:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn turn(bench: &Bench, folder: &Path, callers: &str) -> anyhow::Result<DoorFigures> {
    let output = Command::new(bench.program("bench-daemon")?)
        .arg(folder)
        .arg(callers)
        .env("DRAWBRIDGE_HOME", bench.home("bench-daemon")?)
        .env("DRAWBRIDGE_OWNER_KEY", &bench.key)
        .output()
        .context("cannot start bench-daemon")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "bench-daemon failed: {errors}");
    serde_json::from_slice(&output.stdout).context("bench-daemon printed no figures")
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
