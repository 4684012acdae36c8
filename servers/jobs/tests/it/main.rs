//! What callers rely on, committed: a change of it shows in review. What the tools do is tried in the tests of the whole
//! house, where there are jobs.
#![expect(clippy::unwrap_used, reason = "a test that is wrong should say so")]

use std::fmt::Write as _;

use drawbridge_contract::kit::Kit;
use drawbridge_contract::{Server as _, ToolSpec};
use drawbridge_server_jobs::Jobs;
use expect_test::expect_file;

fn specs() -> Vec<ToolSpec> {
    Jobs::new().tools().iter().map(|tool| tool.spec().clone()).collect()
}

#[test]
fn the_contract_is_unchanged() {
    let contract = serde_json::to_string_pretty(&specs()).unwrap();
    expect_file!["../../contract.json"].assert_eq(&(contract + "\n"));
}

#[test]
fn every_tool_is_well_described() {
    for spec in specs() {
        assert_eq!(spec.problems(), Vec::<String>::new(), "{}", spec.name);
        assert!(!spec.examples.is_empty(), "{} has no example", spec.name);
        assert!(spec.name.starts_with("jobs_"));
    }
}

#[tokio::test]
async fn without_jobs_every_tool_says_so() {
    let kit = Kit::of(Jobs::new());
    for spec in specs() {
        kit.check(&spec.name, spec.examples[0].args, "no jobs can be taken here now").await;
    }
}

/// The part of the documentation that comes from the specs is in step with them.
#[test]
fn the_documentation_is_in_step() {
    let mut tools = String::new();
    for spec in specs() {
        let kind = match (spec.annotations.read_only, spec.annotations.destructive) {
            (true, _) => "reads",
            (_, true) => "destroys",
            _ => "changes",
        };
        let _ = write!(tools, "### `{}` ({kind})\n\n{}\n\n", spec.name, spec.description);
        for example in spec.examples {
            let _ = write!(tools, "{}\n\n```json\n{}\n```\n\n", example.says, example.args);
        }
    }
    let generated = format!(
        "# The tools of the jobs server\n\n<!-- Made by the test `the_documentation_is_in_step` from the tools' own \
         descriptions: run it with UPDATE_EXPECT=1 to renew this file. -->\n\nWhat holds for all of them is in \
         [jobs.md](jobs.md).\n\n{}\n",
        tools.trim_end()
    );
    expect_file!["../../../../docs/jobs-tools.md"].assert_eq(&generated);
}
