//! What callers rely on, committed: a change of it shows in review. What the tools do is tried in the tests of the whole
//! house, where there are jobs.

use std::fmt::Write as _;

use drawbridge_contract::kit::Kit;
use drawbridge_contract::{Server, ToolSpec};
use drawbridge_server_jobs::{jobs, schedules, webhooks};
use expect_test::{ExpectFile, expect_file};

fn specs_of(server: &dyn Server) -> Vec<ToolSpec> {
    server.tools().iter().map(|tool| tool.spec().clone()).collect()
}

fn specs() -> Vec<ToolSpec> {
    let servers: [&dyn Server; 3] = [&jobs(), &schedules(), &webhooks()];
    servers.into_iter().flat_map(specs_of).collect()
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
    }
    let servers: [&dyn Server; 3] = [&jobs(), &schedules(), &webhooks()];
    for server in servers {
        let prefix = format!("{}_", server.name());
        assert!(specs_of(server).iter().all(|spec| spec.name.starts_with(&prefix)), "{prefix}");
    }
}

#[tokio::test]
async fn without_jobs_every_tool_says_so() {
    all_say_so(jobs()).await;
    all_say_so(schedules()).await;
    all_say_so(webhooks()).await;
}

async fn all_say_so(server: impl Server) {
    let specs = specs_of(&server);
    let kit = Kit::of(server);
    for spec in specs {
        kit.check(&spec.name, spec.examples[0].args, "no jobs can be taken here now").await;
    }
}

/// The part of the documentation that comes from the specs is in step with them.
#[test]
fn the_documentation_is_in_step() {
    check_page(&jobs(), "jobs", expect_file!["../../../../docs/jobs-tools.md"]);
    check_page(&schedules(), "schedules", expect_file!["../../../../docs/schedules-tools.md"]);
    check_page(&webhooks(), "webhooks", expect_file!["../../../../docs/webhooks-tools.md"]);
}

fn check_page(server: &dyn Server, name: &str, page: ExpectFile) {
    let mut tools = String::new();
    for spec in specs_of(server) {
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
        "# The tools of the {name} server\n\n<!-- Made by the test `the_documentation_is_in_step` from the tools' own \
         descriptions: run it with UPDATE_EXPECT=1 to renew this file. -->\n\nWhat holds for all of them is in \
         [{name}.md]({name}.md).\n\n{}\n",
        tools.trim_end()
    );
    page.assert_eq(&generated);
}
