//! The results that a suite leaves: a folder for each scenario, with its checks as JSON.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// What follows a scenario's name in the name of its folder: `-2026-11-20T18-28-49-239Z`.
const TIMESTAMP_LENGTH: usize = 25;

/// The checks that the suite itself adds to each scenario; they alone say nothing about it.
const ADDED_BY_SUITE: [&str; 2] = ["wire-schema-valid", "wire-schema-harness-error"];

/// One scenario that ran.
pub(super) struct Scenario {
    pub(super) name: String,
    checks: Vec<Value>,
}

/// All scenarios below `results`.
pub(super) fn read(results: &Path) -> Vec<Scenario> {
    let entries = fs::read_dir(results).unwrap().map(|entry| entry.unwrap());
    let mut scenarios: Vec<Scenario> =
        entries.map(|entry| scenario(&entry.file_name().to_string_lossy(), &entry.path())).collect();
    scenarios.sort_by(|one, other| one.name.cmp(&other.name));
    scenarios
}

fn scenario(folder: &str, path: &Path) -> Scenario {
    let name = folder.strip_prefix("server-").unwrap_or(folder);
    let name = name[..name.len().saturating_sub(TIMESTAMP_LENGTH)].to_owned();
    // A scenario that broke off leaves no checks, which is a problem of its own.
    let checks = fs::read(path.join("checks.json")).unwrap_or_default();
    Scenario { name, checks: serde_json::from_slice(&checks).unwrap_or_default() }
}

impl Scenario {
    /// Every check that did not pass, and the scenario itself when nothing of its own was checked.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> =
            self.checks.iter().filter(|check| !is_good(check)).map(|check| self.problem(check)).collect();
        if !self.checks.iter().any(|check| check["status"] == "SUCCESS" && !is_added(check)) {
            problems.push(format!("{}: nothing was checked", self.name));
        }
        problems
    }

    fn problem(&self, check: &Value) -> String {
        let [status, id, description, error] = ["status", "id", "description", "errorMessage"]
            .map(|member| check[member].as_str().unwrap_or_default());
        format!("{}: {status} {id}: {description}: {error}", self.name)
    }
}

/// Whether a check passed, or only tells something. A warning is a problem: somebody's host trips over it.
fn is_good(check: &Value) -> bool {
    check["status"] == "SUCCESS" || check["status"] == "INFO"
}

fn is_added(check: &Value) -> bool {
    ADDED_BY_SUITE.iter().any(|id| check["id"] == *id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(checks: &Value) -> Vec<String> {
        let results = tempfile::tempdir().unwrap();
        let folder = results.path().join("server-ping-2026-11-20T18-28-49-239Z");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("checks.json"), checks.to_string()).unwrap();
        let scenarios = read(results.path());
        assert_eq!(scenarios[0].name, "ping");
        scenarios[0].problems()
    }

    #[test]
    fn success_alone_is_no_problem() {
        let good = json!({ "id": "ping", "status": "SUCCESS" });
        assert_eq!(problems(&json!([good])), Vec::<String>::new());
        assert_eq!(problems(&json!([good, { "id": "note", "status": "INFO" }])), Vec::<String>::new());
        for status in ["FAILURE", "WARNING", "SKIPPED", "ELSE"] {
            let bad = json!({ "id": "x", "status": status, "errorMessage": "why" });
            let problems = problems(&json!([good, bad]));
            assert!(problems.len() == 1 && problems[0].contains("why"), "{problems:?}");
        }
    }

    #[test]
    fn a_scenario_that_checked_nothing_is_a_problem() {
        let added = json!({ "id": "wire-schema-valid", "status": "SUCCESS" });
        for checks in [json!([]), json!(null), json!([added]), json!([{ "id": "note", "status": "INFO" }])] {
            assert_eq!(problems(&checks), ["ping: nothing was checked"]);
        }
    }
}
