//! The command line of the benchmarks. People run it through `cargo xtask bench`, which builds everything first.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use drawbridge_bench::machine::Machine;
use drawbridge_bench::report::Table;
use drawbridge_bench::section::{Bench, Section};
use drawbridge_bench::setup::Setup;

/// Measures Drawbridge beside its peers and prints tables in Markdown.
///
/// Ends with 1 when something could not be measured at all, and with 2 when --check is given and a budget is missed or a
/// peer is missing.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// What to measure; everything when nothing is named.
    #[arg(value_enum)]
    sections: Vec<Section>,
    /// Take two short rounds: to see that everything runs, not to publish.
    #[arg(long, conflicts_with = "write")]
    quick: bool,
    /// Write the tables to bench/RESULTS.md; only with all sections.
    #[arg(long, conflicts_with = "sections")]
    write: bool,
    /// Fail when a budget is missed or a peer is missing.
    #[arg(long)]
    check: bool,
    /// Get the peers from PyPI, npm and Debian, and measure nothing.
    #[arg(long, exclusive = true)]
    setup: bool,
    /// How many times each peer has its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// How long a turn takes, in seconds.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// How many connections call at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
}

/// Rounds and seconds of `--quick`.
const QUICK: (u16, f64) = (2, 0.5);

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let setup = Setup::in_user_cache()?;
    if arguments.setup {
        return set_up(&setup);
    }
    let bench = bench_of(&arguments, setup)?;
    let tables = measure(&arguments.sections, &bench)?;
    if arguments.write {
        write_results(&bench, &tables)?;
    }
    let is_clean =
        tables.iter().all(|table| table.missing.is_empty() && table.budgets.iter().all(|budget| budget.met));
    Ok(if arguments.check && !is_clean { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

fn set_up(setup: &Setup) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for (name, command) in [
        ("FastMCP", setup.fastmcp()),
        ("LiteLLM", setup.litellm()),
        ("filesystem server", setup.filesystem_server()),
        ("BullMQ", setup.bullmq()),
        ("ripgrep", setup.ripgrep()),
        ("ttyd", setup.ttyd()),
    ] {
        match command {
            Ok(_) => println!("{name}: ready"),
            Err(error) => {
                println!("{name}: {error:#}");
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn bench_of(arguments: &Arguments, setup: Setup) -> anyhow::Result<Bench> {
    let (rounds, seconds) = if arguments.quick { QUICK } else { (arguments.rounds, arguments.seconds) };
    let program = std::env::current_exe().context("cannot find where this program is")?;
    Ok(Bench {
        rounds: rounds.into(),
        turn: Duration::from_secs_f64(seconds),
        connections: arguments.connections.into(),
        key: random_key()?,
        setup,
        programs: program.parent().map(Path::to_owned).unwrap_or_default(),
        scratch: tempfile::Builder::new().prefix("drawbridge-bench-").tempdir()?,
    })
}

fn measure(sections: &[Section], bench: &Bench) -> anyhow::Result<Vec<Table>> {
    let sections = if sections.is_empty() { Section::value_variants() } else { sections };
    let mut tables = Vec::new();
    for section in sections {
        eprintln!("measuring {section:?} …");
        let table = section.run(bench)?;
        println!("{table}");
        tables.push(table);
    }
    Ok(tables)
}

fn write_results(bench: &Bench, tables: &[Table]) -> anyhow::Result<()> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
    let tables: Vec<_> = tables.iter().map(Table::to_string).collect();
    let text = format!(
        "# Results\n\nTaken by `cargo xtask bench --write`, {} connections where there are many, everything on one machine: \
         {}. Server and load generator share its cores. Versions: see `peers/` and `filesystem/`.\n\n{}",
        bench.connections,
        Machine::read(),
        tables.join("\n")
    );
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn seconds(text: &str) -> anyhow::Result<f64> {
    let seconds: f64 = text.parse().context("not a number of seconds")?;
    ensure!((0.05..=600.0).contains(&seconds), "must be between 0.05 and 600");
    Ok(seconds)
}

/// A key for the servers of this run.
fn random_key() -> anyhow::Result<String> {
    let mut bytes = [0; 24];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes).context("cannot draw a key")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
