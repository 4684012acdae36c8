//! Jobs, beside BullMQ on Redis on the same machine.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::{Bench, missing};
use crate::report::{Budget, Table, figure};
use crate::stats::median_of;

/// How many jobs a figure is taken from; a tenth of it with one at a time.
const JOBS: usize = 20_000;
/// The same, where the turns are short.
const JOBS_QUICK: usize = 5_000;
/// How many other jobs wait meanwhile, in the second half of the table.
const WAITING: usize = 1_000_000;
/// Turns shorter than this are for seeing that everything runs: without the million.
const QUICK: Duration = Duration::from_secs(1);

/// What is measured of each.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Figures {
    /// Jobs added in bulks of 1,000, per second.
    pub add_bulk: f64,
    /// Jobs added one by one with 50 under way, per second.
    pub add_50: f64,
    /// Jobs processed by a worker that runs one at a time, per second.
    pub process_1: f64,
    /// The same with ten at a time.
    pub process_10: f64,
    /// The same with fifty at a time.
    pub process_50: f64,
    /// From the submission of one job to its known end, the median.
    pub p50_ms: f64,
    /// The same, the slowest of a hundred.
    pub p99_ms: f64,
    /// What the measuring process had in memory in the end.
    pub memory_mb: f64,
}

/// One who is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Candidate {
    /// BullMQ, with Redis that writes its log every second.
    BullmqEverySecond,
    /// BullMQ, with Redis that writes its log before it answers.
    BullmqAlways,
    /// Ours on the same Redis that writes every second.
    OnBullmq,
    /// Ours on a file, every acknowledged job on disk.
    Full,
    /// Ours on a file, as durable as the process.
    Normal,
}

impl Candidate {
    const ALL: [Self; 5] =
        [Self::BullmqEverySecond, Self::BullmqAlways, Self::OnBullmq, Self::Full, Self::Normal];

    fn name(self) -> &'static str {
        match self {
            Self::BullmqEverySecond => "BullMQ, AOF everysec",
            Self::BullmqAlways => "BullMQ, AOF always",
            Self::OnBullmq => "Drawbridge on BullMQ, AOF everysec",
            Self::Full => "Drawbridge embedded, full",
            Self::Normal => "Drawbridge embedded, normal",
        }
    }

    fn measure(self, bench: &Bench, jobs: usize, waiting: usize) -> anyhow::Result<Figures> {
        // On the disk that people keep their state on; a scratch folder may be in memory.
        let folder = tempfile::tempdir_in(bench.setup.cache())?;
        let (jobs, waiting) = (jobs.to_string(), waiting.to_string());
        let ours = |kind: &str, place: &str| -> anyhow::Result<Command> {
            let mut command = Command::new(bench.program("bench-jobs")?);
            command.args([kind, place, &jobs, &waiting]);
            Ok(command)
        };
        let path = folder.path().to_string_lossy();
        match self {
            Self::Full => figures(ours("embedded-full", &path)?),
            Self::Normal => figures(ours("embedded-normal", &path)?),
            Self::OnBullmq => {
                let redis = Redis::start(folder.path(), "everysec")?;
                figures(ours("bullmq", &format!("redis://127.0.0.1:{}", redis.port))?)
            }
            Self::BullmqEverySecond | Self::BullmqAlways => {
                let sync = if self == Self::BullmqAlways { "always" } else { "everysec" };
                let redis = Redis::start(folder.path(), sync)?;
                let mut command = bench.setup.bullmq()?;
                command.env("REDIS_PORT", redis.port.to_string()).env("JOBS", jobs).env("WAITING", waiting);
                figures(command)
            }
        }
    }
}

fn figures(mut command: Command) -> anyhow::Result<Figures> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output().context("cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "it failed: {}", said.trim());
    serde_json::from_slice(&output.stdout).context("it printed no figures")
}

/// A Redis of its own; ends when dropped.
struct Redis {
    port: u16,
    child: Child,
}

impl Redis {
    fn start(folder: &Path, sync: &str) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", sync, "--dir"])
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()
            .context(
                "redis-server cannot be started; install it, such as with `apt-get install redis-server`",
            )?;
        let redis = Self { port, child };
        let until = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < until, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let jobs = if bench.turn < QUICK { JOBS_QUICK } else { JOBS };
    let about = format!(
        "Jobs that do nothing, {jobs} for each figure, per second; in the last but one columns the time from the submission of \
         one job to its known end on an idle engine, in ms; then the memory of the process that measures, which for \
         the embedded engine is the hub and its worker in one, in MB. Median of {} rounds in turn. *Waiting*: a million others \
         wait meanwhile, one round.",
        bench.rounds
    );
    let columns = [
        "",
        "add in bulk",
        "add, 50 under way",
        "process, 1",
        "process, 10",
        "process, 50",
        "p50",
        "p99",
        "memory",
    ];
    let mut table = Table::new("Jobs, beside BullMQ", about, &columns);
    let measured = rounds(bench, jobs, &mut table);
    for (candidate, rounds) in &measured {
        if let Some(middle) = middle(rounds) {
            table.rows.push(row(candidate.name(), &middle));
        }
    }
    budgets(&mut table, &measured);
    if bench.turn >= QUICK {
        with_a_million(bench, jobs, &mut table);
    }
    Ok(table)
}

type Measured = Vec<(Candidate, Vec<Figures>)>;

fn rounds(bench: &Bench, jobs: usize, table: &mut Table) -> Measured {
    let mut measured: Measured = Candidate::ALL.map(|candidate| (candidate, Vec::new())).into();
    for round in 0..bench.rounds {
        measured.retain_mut(|(candidate, rounds)| match candidate.measure(bench, jobs, 0) {
            Ok(figures) => {
                rounds.push(figures);
                true
            }
            Err(error) => {
                table.missing.push(missing(candidate.name(), &error.context(format!("in round {round}"))));
                false
            }
        });
    }
    measured
}

fn with_a_million(bench: &Bench, jobs: usize, table: &mut Table) {
    for candidate in [Candidate::BullmqEverySecond, Candidate::OnBullmq, Candidate::Full] {
        let name = format!("{}, waiting", candidate.name());
        match candidate.measure(bench, jobs, WAITING) {
            Ok(figures) => table.rows.push(row(&name, &figures)),
            Err(error) => table.missing.push(missing(&name, &error)),
        }
    }
}

fn middle(rounds: &[Figures]) -> Option<Figures> {
    Some(Figures {
        add_bulk: median_of(rounds, |one| one.add_bulk)?,
        add_50: median_of(rounds, |one| one.add_50)?,
        process_1: median_of(rounds, |one| one.process_1)?,
        process_10: median_of(rounds, |one| one.process_10)?,
        process_50: median_of(rounds, |one| one.process_50)?,
        p50_ms: median_of(rounds, |one| one.p50_ms)?,
        p99_ms: median_of(rounds, |one| one.p99_ms)?,
        memory_mb: median_of(rounds, |one| one.memory_mb)?,
    })
}

fn row(name: &str, one: &Figures) -> Vec<String> {
    let rates = [one.add_bulk, one.add_50, one.process_1, one.process_10, one.process_50]
        .map(|rate| figure(rate.round()));
    let others = [one.p50_ms, one.p99_ms, one.memory_mb].map(figure);
    std::iter::once(name.to_owned()).chain(rates).chain(others).collect()
}

fn budgets(table: &mut Table, measured: &Measured) {
    let of = |wanted| {
        let found = measured.iter().find(|(candidate, _)| *candidate == wanted);
        found.and_then(|(_, rounds)| middle(rounds))
    };
    let (second, always) = (of(Candidate::BullmqEverySecond), of(Candidate::BullmqAlways));
    let (full, normal, on_bullmq) = (of(Candidate::Full), of(Candidate::Normal), of(Candidate::OnBullmq));
    let mut at_least = |what: &str, least, pair: Option<(Figures, Figures)>, rate: fn(&Figures) -> f64| {
        if let Some((ours, theirs)) = pair {
            table.budgets.push(Budget::at_least(what, least, rate(&ours) / rate(&theirs)));
        }
    };
    at_least("full: adds in bulk, beside AOF everysec", 5.0, full.zip(second), |one| one.add_bulk);
    at_least("full: adds with 50 under way, beside AOF everysec", 1.5, full.zip(second), |one| one.add_50);
    at_least("full: process, 50", 3.0, full.zip(second), |one| one.process_50);
    at_least("full: process, 10", 1.5, full.zip(second), |one| one.process_10);
    at_least("full: process, 1, beside AOF always", 1.0, full.zip(always), |one| one.process_1);
    at_least("normal: process, 1, beside AOF everysec", 1.0, normal.zip(second), |one| one.process_1);
    at_least("on BullMQ: adds in bulk", 0.9, on_bullmq.zip(second), |one| one.add_bulk);
    at_least("on BullMQ: adds with 50 under way", 0.9, on_bullmq.zip(second), |one| one.add_50);
    at_least("on BullMQ: process, 1", 0.9, on_bullmq.zip(second), |one| one.process_1);
    at_least("on BullMQ: process, 10", 0.9, on_bullmq.zip(second), |one| one.process_10);
    at_least("on BullMQ: process, 50", 0.9, on_bullmq.zip(second), |one| one.process_50);
    if let Some(full) = full {
        table.budgets.push(Budget::below("full: from submission to end, p50", 2.0, full.p50_ms, " ms"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rate: f64) -> Figures {
        Figures {
            add_bulk: rate,
            add_50: rate,
            process_1: rate,
            process_10: rate,
            process_50: rate,
            p50_ms: rate,
            p99_ms: rate,
            memory_mb: rate,
        }
    }

    #[test]
    fn budgets_compare_what_belongs_together() {
        let mut table = Table::new("", String::new(), &["", ""]);
        let measured = vec![
            (Candidate::BullmqEverySecond, vec![of(1.0), of(1.0), of(100.0)]),
            (Candidate::Full, vec![of(2.0)]),
        ];
        budgets(&mut table, &measured);
        let met: Vec<bool> = table.budgets.iter().map(|budget| budget.met).collect();
        // 2×: enough for adds under way and ten at a time, not for bulk, fifty, or 2 ms.
        assert_eq!(met, [false, true, false, true, false]);
    }
}
