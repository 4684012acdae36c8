//! What callers rely on, committed: a change of it shows in review.

use std::fmt::Write as _;
use std::sync::Arc;

use drawbridge_contract::kit::Kit;
use drawbridge_contract::{Server as _, ToolSpec};
use drawbridge_sandbox::Sandbox;
use drawbridge_terminal::{HOME_READ, Terminal, TerminalSettings};
use expect_test::expect_file;
use tempfile::TempDir;

fn server() -> (Terminal, TempDir) {
    let home = tempfile::tempdir().unwrap();
    let settings = TerminalSettings::new(home.path().join("state"), home.path());
    (Terminal::open(settings, Arc::new(Sandbox::new())).unwrap(), home)
}

fn specs() -> Vec<ToolSpec> {
    server().0.tools().iter().map(|tool| tool.spec().clone()).collect()
}

#[test]
fn the_contract_is_unchanged() {
    let contract = serde_json::to_string_pretty(&specs()).unwrap();
    expect_file!["../../contract.json"].assert_eq(&(contract + "\n"));
}

#[tokio::test]
async fn every_example_gives_what_it_says() {
    let (server, _home) = server();
    Kit::of(server).check_examples().await;
}

#[test]
fn whatever_runs_commands_is_called_destructive_and_open() {
    let acts = |spec: &ToolSpec| spec.annotations.destructive && spec.annotations.open_world;
    let names: Vec<String> =
        specs().iter().filter(|spec| acts(spec)).map(|spec| spec.name.to_string()).collect();
    assert_eq!(names, ["terminal_run", "terminal_open", "terminal_write"]);
}

/// The part of the documentation that comes from the specs and settings is in step with them.
#[test]
fn the_documentation_is_in_step() {
    let mut tools = String::new();
    for spec in specs() {
        let kind =
            match (spec.annotations.read_only, spec.annotations.open_world, spec.annotations.destructive) {
                (true, ..) => "reads",
                (_, true, _) => "acts",
                (_, _, true) => "destroys",
                _ => "changes",
            };
        let _ = write!(tools, "### `{}` ({kind})\n\n{}\n\n", spec.name, spec.description);
        for example in spec.examples {
            let _ = write!(tools, "{}\n\n```json\n{}\n```\n\n", example.says, example.args);
        }
    }
    let read = HOME_READ.iter().map(|path| format!("`~/{path}`")).collect::<Vec<_>>().join(", ");
    let generated = format!(
        "# The tools of the terminal server\n\n<!-- Made by the test `the_documentation_is_in_step` from the tools' own \
         descriptions: run it with UPDATE_EXPECT=1 to renew this file. -->\n\nWhat holds for all of them is in \
         [terminal.md](terminal.md).\n\n{tools}## What confined commands read of the home\n\n{read}.\n",
    );
    expect_file!["../../../../docs/terminal-tools.md"].assert_eq(&generated);
}
