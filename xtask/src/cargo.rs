//! Talking to cargo.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::{places, process};

/// Cargo itself, started in the checkout.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(places::checkout()).args(args);
    command
}

/// Builds, and returns where the program `name` is.
///
/// `args` are those of `cargo build`; they have to include that program.
///
/// # Errors
/// The build fails, or makes no program of that name.
pub(crate) fn build(name: &str, args: &[&str]) -> Result<PathBuf> {
    let messages =
        process::output(command(&["build", "--message-format=json-render-diagnostics"]).args(args))?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find_map(|message| executable(&message, name))
        .ok_or_else(|| Failure::new(format!("the build made no program named {name}")))
}

/// The file of the program `name`, when this message of cargo's tells it; a test of that program is not it.
fn executable(message: &Value, name: &str) -> Option<PathBuf> {
    let target = &message["target"];
    let is_it = target["name"] == name && target["kind"][0] == "bin" && message["profile"]["test"] == false;
    if is_it { message["executable"].as_str().map(PathBuf::from) } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(name: &str, kind: &str, test: bool) -> Value {
        json!({
            "reason": "compiler-artifact",
            "target": { "name": name, "kind": [kind] },
            "profile": { "test": test },
            "executable": "/target/debug/drawbridge",
        })
    }

    #[test]
    fn the_program_is_found_and_its_tests_are_not_taken_for_it() {
        let found = |message| executable(&message, "drawbridge");
        assert_eq!(found(message("drawbridge", "bin", false)), Some("/target/debug/drawbridge".into()));
        assert_eq!(found(message("drawbridge", "bin", true)), None);
        assert_eq!(found(message("drawbridge", "lib", false)), None);
        assert_eq!(found(message("xtask", "bin", false)), None);
        assert_eq!(found(json!({ "reason": "build-finished" })), None);
    }
}
