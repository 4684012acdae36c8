//! The console in a real browser, used as a person would: the stories of `tests/console/`, each file of them with hubs of
//! its own; and what its source promises of itself.

mod filled;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// A path that `cargo xtask test` puts into the environment.
fn from_xtask(name: &str) -> PathBuf {
    let Some(path) = env::var_os(name) else { panic!("{name} is not set: run `cargo xtask test`") };
    path.into()
}

fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs the stories of one file, in a folder that has them beside the packages they need.
fn stories(name: &str) {
    stories_in(name, None);
}

/// The same, with hubs that begin with a copy of this state.
fn stories_in(name: &str, state: Option<&Path>) {
    let place = tempfile::tempdir().unwrap();
    let source = checkout().join("tests/console");
    fs::create_dir(place.path().join("stories")).unwrap();
    for file in ["package.json", "playwright.config.mjs", "hub.mjs", "browser.mjs", "scene.mjs"] {
        fs::copy(source.join(file), place.path().join(file)).unwrap();
    }
    let story = format!("stories/{name}.spec.mjs");
    fs::copy(source.join(&story), place.path().join(&story)).unwrap();
    let kit = from_xtask("DRAWBRIDGE_TEST_CONSOLE");
    std::os::unix::fs::symlink(kit.join("node_modules"), place.path().join("node_modules")).unwrap();

    let mut command = Command::new(from_xtask("DRAWBRIDGE_TEST_NODE"));
    command.args(["node_modules/@playwright/test/cli.js", "test", &story]).current_dir(place.path());
    command.env("DRAWBRIDGE_TEST_PICTURES", pictures().join(name)).env_remove("DRAWBRIDGE_CONSOLE_FRESH");
    if let Some(state) = state {
        command.env("DRAWBRIDGE_TEST_STATE", state);
    }
    must_succeed(command);
}

/// Where pictures are kept to be looked at: below the target folder.
fn pictures() -> PathBuf {
    let program = env::var_os("DRAWBRIDGE_TEST_BIN").map(PathBuf::from);
    let target = program.as_deref().and_then(|program| program.parent()?.parent());
    target.map_or_else(env::temp_dir, PathBuf::from).join("console-pictures")
}

fn must_succeed(mut command: Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said =
        format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_person_signs_in() {
    stories("signin");
}

#[test]
fn what_goes_on_is_seen_and_a_lost_stream_heals() {
    stories("now");
}

#[test]
fn approvals_reach_a_client_that_waits() {
    stories("approvals");
}

#[test]
fn tools_are_run_from_forms() {
    stories("tools");
}

#[test]
fn files_terminals_and_jobs_are_used() {
    stories("use");
}

#[test]
fn schedules_and_webhooks_are_made_from_forms() {
    stories("plan");
}

#[test]
fn a_conversation_is_held_with_tools() {
    stories("chat");
}

#[test]
fn keys_rules_and_configuration_are_changed() {
    stories("rule");
}

#[test]
fn h8_nothing_foreign_runs_and_every_page_is_accessible() {
    stories("safe");
}

#[test]
fn it_speaks_french() {
    stories("french");
}

#[test]
fn long_lists_scroll_smoothly() {
    let state = tempfile::tempdir().unwrap();
    filled::fill(state.path());
    stories_in("scale", Some(state.path()));
}

/// Types, the tests of its logic, and the weight of its first load. Its packages are there since it was built.
#[test]
fn its_source_keeps_its_promises() {
    for script in ["check", "test", "budget"] {
        let mut command = Command::new("npm");
        command.args(["run", "--silent", script]).current_dir(checkout().join("console"));
        must_succeed(command);
    }
}
