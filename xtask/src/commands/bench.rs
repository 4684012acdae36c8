//! `cargo xtask bench …`: builds everything that is measured as it is released, then measures.

use std::process::Command;

use super::Task;
use crate::failure::Result;
use crate::kits::programs::{self, PYTHON_VENV, REDIS, RIPGREP};
use crate::{cargo, process};

pub(super) const TASK: Task = Task {
    name: "bench",
    says: "measures Drawbridge beside its peers; arguments choose what",
    example: "cargo xtask bench --quick",
    run,
};

fn run(args: &[String]) -> Result<()> {
    for peer in [&RIPGREP, &PYTHON_VENV, &REDIS] {
        // Only some sections need it, and those say so themselves.
        if let Err(failure) = programs::ensure(peer) {
            println!("{failure}");
        }
    }
    process::announce("Building what is measured, as it is released: some minutes the first time");
    // One build for each: built together, the peers' features would reach into our own crates, and what is
    // measured would not be what people run.
    cargo::build("drawbridge", &["--release", "-p", "drawbridge"])?;
    process::run(&mut cargo::command(&["build", "--release", "-p", "drawbridge-bench-peers"]))?;
    let program = cargo::build("drawbridge-bench", &["--release", "-p", "drawbridge-bench"])?;
    process::announce("Measuring");
    Err(process::become_program(Command::new(program).args(args)))
}
