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
