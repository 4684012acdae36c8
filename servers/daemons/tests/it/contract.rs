//! What callers rely on, committed: a change of it shows in review.

use std::fmt::Write as _;

use drawbridge_contract::{Server as _, ToolSpec};
use drawbridge_daemons::{Daemons, DaemonsSettings, ProcessSettings};
use expect_test::expect_file;

use crate::desk::Desk;

fn specs() -> Vec<ToolSpec> {
    let desk = Desk::new();
    let daemons = Daemons::open(&desk.settings()).unwrap();
    daemons.tools().iter().map(|tool| tool.spec().clone()).collect()
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
    }
}

#[test]
fn the_documentation_is_in_step() {
    let mut tools = String::new();
    for spec in specs() {
        let kind = if spec.annotations.read_only { "reads" } else { "changes" };
        let _ = write!(tools, "### `{}` ({kind})\n\n{}\n\n", spec.name, spec.description);
        for example in spec.examples {
            let _ = write!(tools, "{}\n\n```json\n{}\n```\n\n", example.says, example.args);
        }
    }
    let generated = format!(
        "# The tools of the daemons server\n\n<!-- Made by the test `the_documentation_is_in_step` from the tools' own \
         descriptions: run it with UPDATE_EXPECT=1 to renew this file. -->\n\nThe tools of daemons themselves come from \
         their descriptions; [daemons.md](daemons.md) tells how.\n\n{}\n",
        tools.trim_end()
    );
    expect_file!["../../../../docs/daemons-tools.md"].assert_eq(&generated);
}

/// Hosts refuse what does not fit its own schema.
#[test]
fn what_is_listed_fits_its_schema() {
    let desk = Desk::new();
    desk.describe("a", &["b"]);
    desk.describe("files", &["b"]);
    let processes = vec![ProcessSettings::new("c", vec!["true".to_owned()])];
    let daemons = Daemons::open(&DaemonsSettings { processes, ..desk.settings() }).unwrap();
    let spec = daemons.tools()[0].spec().clone();
    let schema = serde_json::from_str(spec.output_schema.unwrap().get()).unwrap();
    let status = daemons.status();
    assert_eq!(
        (status["daemons"].as_array().unwrap().len(), status["refused"].as_array().unwrap().len()),
        (2, 1)
    );
    jsonschema::validate(&schema, &status).unwrap();
}

/// The examples of the page are those that are run, and the description in it is one that counts.
#[test]
fn the_page_shows_what_works() {
    let page = include_str!("../../../../docs/daemons.md");
    let python = include_str!("../../../../examples/daemons/weather.py");
    assert!(page.contains(python.trim()), "the page has another example than examples/daemons/weather.py");
    let described = page.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let desk = Desk::new();
    desk.write("weather.cap.json", &serde_json::from_str(described).unwrap(), 0o600);
    let daemons = Daemons::open(&desk.settings()).unwrap();
    assert_eq!(crate::desk::tools(&daemons), ["weather_today"], "{:#}", daemons.status());
    assert_eq!(daemons.status()["daemons"][0]["problems"], serde_json::json!([]));
}
