//! The official MCP conformance suites against the fixture, each on a fixture of its own.
//!
//! All scenarios that a suite has for a revision are run, not only those that the revision requires; of each, every
//! check must have passed. Nothing is expected to fail, and nothing may be left out.

mod report;
mod suite;

use std::path::Path;

use drawbridge_tests::fixture::{Fixture, serve};
use suite::Suite;

/// The suite for MCP 2026-07-28 and before.
const NEW: &str = "@modelcontextprotocol/conformance";
/// The last suite before that revision.
const OLD: &str = "conformance-0.1";

/// The scenarios of the extension `io.modelcontextprotocol/tasks`.
const TASKS: [&str; 9] = [
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-required-task-error",
    "tasks-mrtr-composition",
];
/// The scenario that the suite itself does not check in this version; `tests/it/tasks.rs` checks what it is about.
const SKIPPED_BY_SUITE: [&str; 1] = ["tasks-status-notifications"];

#[tokio::test(flavor = "multi_thread")]
async fn suite_0_2_for_2026_07_28() {
    check(Suite { package: NEW, revision: Some("2026-07-28"), has_requirements: true }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suite_0_2_for_2025_11_25() {
    check(Suite { package: NEW, revision: Some("2025-11-25"), has_requirements: true }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suite_0_2_for_2025_06_18() {
    check(Suite { package: NEW, revision: Some("2025-06-18"), has_requirements: false }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suite_0_1_for_everything() {
    check(Suite { package: OLD, revision: None, has_requirements: false }).await;
}

/// Extensions are outside of the revisions: their scenarios are named here, so that a new one is noticed.
#[tokio::test(flavor = "multi_thread")]
async fn suite_0_2_for_the_tasks_extension() {
    let suite = Suite { package: NEW, revision: None, has_requirements: false };
    let listed = suite.scenarios().await;
    let of_tasks: Vec<&String> = listed.iter().filter(|name| name.starts_with("tasks-")).collect();
    assert_eq!(of_tasks.len(), TASKS.len() + SKIPPED_BY_SUITE.len(), "{of_tasks:?}");
    let fixture = serve::start(Fixture::default()).await.unwrap();
    let results = tempfile::tempdir().unwrap();
    for scenario in TASKS {
        let run = suite.run_one(scenario, fixture.url(), results.path()).await;
        assert!(run.status.success(), "{scenario} ended with {}:\n{}", run.status, run.output);
    }
    let ran = report::read(results.path());
    assert_eq!(ran.len(), TASKS.len());
    let problems: Vec<String> = ran.iter().flat_map(report::Scenario::problems).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    println!("The extension of tasks: {} scenarios, all checks passed.", ran.len());
}

#[test]
fn nothing_is_expected_to_fail() {
    let list = std::fs::read_to_string(suite::expected_failures()).unwrap();
    assert_eq!(list, "", "a failure is mended, not listed");
}

async fn check(suite: Suite) {
    let fixture = serve::start(Fixture::default()).await.unwrap();
    let results = tempfile::tempdir().unwrap();
    let run = suite.run(fixture.url(), results.path()).await;
    println!("{}", run.closing_lines());
    let problems = problems(&suite, results.path()).await;
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(run.status.success(), "the suite ended with {}:\n{}", run.status, run.output);
}

/// What is wrong with the results: scenarios that did not run, and checks that did not pass.
async fn problems(suite: &Suite, results: &Path) -> Vec<String> {
    let ran = report::read(results);
    let listed = suite.scenarios().await;
    let missing = |name: &String| !ran.iter().any(|scenario| scenario.name == *name);
    let mut problems: Vec<String> = suite
        .required()
        .iter()
        .chain(&listed)
        .filter(|name| missing(name))
        .map(|name| format!("{name}: did not run"))
        .collect();
    problems.extend(ran.iter().flat_map(report::Scenario::problems));
    problems.dedup();
    problems
}
