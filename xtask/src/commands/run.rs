//! `cargo xtask run`: builds Drawbridge and starts it on its defaults.

use std::path::PathBuf;
use std::process::Command;

use super::Task;
use crate::failure::Result;
use crate::{cargo, kits, places, process};

pub(super) const TASK: Task = Task {
    name: "run",
    says: "builds Drawbridge and starts it; further arguments are passed on",
    example: "cargo xtask run --listen 127.0.0.1:4800",
    run,
};

/// The word that asks for the build that is quicker to make and slower to run.
const DEV: &str = "--dev";

fn run(args: &[String]) -> Result<()> {
    let (dev, args) = plan(args);
    let program = build(dev)?;
    if places::on_path("drawbridge").is_none() {
        println!(
            "Where it says `drawbridge`, type `cargo xtask run` here, or `cargo xtask install` once for all."
        );
    }
    process::announce(&format!("{} {}", program.display(), args.join(" ")));
    Err(process::become_program(Command::new(program).args(args)))
}

/// Builds the program with its console, and says where it is.
///
/// # Errors
/// The program cannot be built. A console that cannot be built is left out, and that is said.
pub(super) fn build(dev: bool) -> Result<PathBuf> {
    process::announce(if dev {
        "Building Drawbridge for development."
    } else {
        "Building Drawbridge as it is released: a few minutes the first time. `cargo xtask run --dev` builds sooner."
    });
    if let Err(failure) = kits::console::build() {
        println!("The console is left out, everything else is there. {failure}");
    }
    let profile: &[&str] = if dev { &[] } else { &["--release"] };
    cargo::build("drawbridge", &[&["-p", "drawbridge"], profile].concat())
}

/// What to build, and the arguments to start it with: `serve` unless another command is named.
///
/// The released program is the default because `drawbridge connect` writes its path into other programs'
/// settings, and they start it from then on.
fn plan(args: &[String]) -> (bool, Vec<String>) {
    let dev = args.first().is_some_and(|word| word == DEV);
    let args = &args[usize::from(dev)..];
    // People write `run -- connect …`, as with `cargo run`.
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let names_command = args.first().is_some_and(|word| !word.starts_with('-'));
    let serve = (!names_command).then(|| "serve".to_owned());
    (dev, serve.into_iter().chain(args.iter().cloned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, dev: bool, started: &str) {
        let typed: Vec<String> = typed.split_whitespace().map(String::from).collect();
        assert_eq!(plan(&typed), (dev, started.split_whitespace().map(String::from).collect()));
    }

    #[test]
    fn arguments_are_passed_on_and_serve_is_the_default() {
        check("", false, "serve");
        check("--dev", true, "serve");
        check("--listen 127.0.0.1:0", false, "serve --listen 127.0.0.1:0");
        check("tools files_read", false, "tools files_read");
        check("--dev doctor --json", true, "doctor --json");
        check("call x --dev", false, "call x --dev");
        check("-- connect codex", false, "connect codex");
        check("--dev -- call x -- y", true, "call x -- y");
    }
}
