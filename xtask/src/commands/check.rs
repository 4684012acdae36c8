//! `cargo xtask check`: format, lints, the rules of the house, dependencies, documentation.

use std::process::Command;
use std::time::Instant;

use super::Task;
use crate::failure::{Failure, Result};
use crate::house::House;
use crate::kits::deny;
use crate::{cargo, places, process};

pub(super) const TASK: Task = Task {
    name: "check",
    says: "checks format, lints, the rules of the house, dependencies and documentation",
    example: "cargo xtask check",
    run,
};

/// How a step ended that did not fail.
enum Outcome {
    Passed,
    /// It could not be done here, for this reason. Said aloud, so that nobody takes it for a pass.
    NotChecked(&'static str),
}

/// A title, and what has to succeed.
type Step = (&'static str, fn() -> Result<Outcome>);

const STEPS: &[Step] = &[
    ("Format", format),
    ("The rules of the house", house),
    ("Lints", lints),
    ("Documentation", documentation),
    ("Licences, banned crates and sources", dependencies),
    ("Known vulnerabilities", advisories),
];

fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        return Err(Failure::new("`cargo xtask check` takes no arguments"));
    }
    // Every step runs, so that one visit shows everything there is to mend.
    let lines: Vec<(bool, String)> = STEPS.iter().map(take).collect();
    println!();
    for (_, line) in &lines {
        println!("check: {line}");
    }
    match lines.iter().filter(|(good, _)| !good).count() {
        0 => Ok(()),
        failed => Err(Failure::new(format!("check: {failed} of {} steps failed", STEPS.len()))),
    }
}

/// Takes one step; returns whether it is good, and the line that sums it up.
fn take((title, step): &Step) -> (bool, String) {
    process::announce(title);
    let started = Instant::now();
    let result = step();
    let seconds = started.elapsed().as_secs();
    match result {
        Ok(Outcome::Passed) => (true, format!("passed       {title} ({seconds} s)")),
        Ok(Outcome::NotChecked(why)) => (true, format!("NOT CHECKED  {title}: {why}")),
        Err(failure) => {
            println!("{failure}");
            (false, format!("FAILED       {title} ({seconds} s)"))
        }
    }
}

fn succeeds(mut command: Command) -> Result<Outcome> {
    process::run(&mut command).map(|()| Outcome::Passed)
}

fn format() -> Result<Outcome> {
    succeeds(cargo::command(&["fmt", "--all", "--check"]))
}

fn lints() -> Result<Outcome> {
    succeeds(cargo::command(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--keep-going",
        "--",
        "-D",
        "warnings",
    ]))
}

fn house() -> Result<Outcome> {
    let findings = House::read(&places::checkout())?.inspect();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(Outcome::Passed),
        count => Err(Failure::new(format!("{count} findings; each line says where and why"))),
    }
}

fn documentation() -> Result<Outcome> {
    let mut doc = cargo::command(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--quiet",
        "--keep-going",
    ]);
    // Private items are in it, because its readers are those who change the code: a link to one leads somewhere.
    doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    succeeds(doc)
}

fn dependencies() -> Result<Outcome> {
    succeeds(deny::check(&["licenses", "bans", "sources"])?)
}

fn advisories() -> Result<Outcome> {
    if deny::fetch_advisories()? {
        succeeds(deny::check(&["--disable-fetch", "advisories"])?)
    } else {
        Ok(Outcome::NotChecked("the advisory database, a git repository, cannot be fetched from here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_refused_rather_than_ignored() {
        assert!(run(&["--fast".into()]).is_err());
    }

    #[test]
    fn a_step_that_fails_is_not_good_and_one_that_was_not_taken_says_so() {
        assert!(take(&("good", || Ok(Outcome::Passed))).0);
        let (good, line) = take(&("far", || Ok(Outcome::NotChecked("no network"))));
        assert!(good && line.contains("NOT CHECKED") && line.contains("no network"));
        let (good, line) = take(&("bad", || Err(Failure::new("as it should"))));
        assert!(!good && line.contains("FAILED"));
    }
}
