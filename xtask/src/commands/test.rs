//! `cargo xtask test [filter]`: sets up what the tests need, then runs every test there is.

use std::path::PathBuf;
use std::process::Command;

use super::Task;
use crate::failure::{Failure, Result};
use crate::kits::{self, Variable};
use crate::{cargo, places, process};

pub(super) const TASK: Task = Task {
    name: "test",
    says: "runs every test, or those whose name contains the given text",
    example: "cargo xtask test files",
    run,
};

/// All crates but the benchmarks' peers: those are other people's servers, and their features would
/// change how our own crates are built.
const TESTED: &[&str] = &["--workspace", "--exclude", "drawbridge-bench-peers"];

fn run(args: &[String]) -> Result<()> {
    let ([] | [_]) = args else {
        return Err(Failure::new("one filter at most: `cargo xtask test files`"));
    };
    let mut variables = kits::for_tests()?;
    kits::console::build()?;

    process::announce("Building Drawbridge and its tests");
    let program = cargo::build("drawbridge", &[TESTED, &["--bins", "--tests"]].concat())?;
    variables.push(("DRAWBRIDGE_TEST_BIN".into(), program));

    // The tests come last, so that their summary is what is seen at the end; they run whatever the examples do.
    let examples = step("Examples in the documentation", doc_runner(), args, &variables);
    let tests = step("Tests", runner(), args, &variables);
    tests.and(examples)
}

fn step(title: &str, mut runner: Command, filter: &[String], variables: &[Variable]) -> Result<()> {
    process::announce(title);
    process::run(runner.args(filter).envs(variables.iter().map(|(name, path)| (name, path))))
}

/// cargo-nextest where it is installed (each test in its own process), else cargo's own.
fn runner() -> Command {
    match nextest() {
        Some(_) => cargo_on_tested(&["nextest", "run", "--no-fail-fast"]),
        None => cargo_on_tested(&["test", "--no-fail-fast", "--bins", "--lib", "--tests"]),
    }
}

fn doc_runner() -> Command {
    cargo_on_tested(&["test", "--doc", "--no-fail-fast"])
}

fn cargo_on_tested(args: &[&str]) -> Command {
    cargo::command(&[args, TESTED].concat())
}

fn nextest() -> Option<PathBuf> {
    places::on_path("cargo-nextest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_filters_are_refused_before_anything_is_built() {
        let said = run(&["a".into(), "b".into()]).unwrap_err().to_string();
        assert!(said.contains("one filter"), "{said}");
    }
}
