//! One run of one suite, as a child process.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// How long a suite may take; it takes about ten seconds.
const TIME_MAX: Duration = Duration::from_secs(300);

/// The line after which a suite sums up.
const CLOSING: &str = "=== SUMMARY ===";

/// A pinned suite, and the protocol revision to run it for.
pub(super) struct Suite {
    /// As `tests/conformance/package.json` names it.
    pub(super) package: &'static str,
    /// All revisions that the suite knows when there is none.
    pub(super) revision: Option<&'static str>,
    /// Whether the suite says what the revision requires of a server.
    pub(super) has_requirements: bool,
}

/// What a run printed, and how it ended.
pub(super) struct Run {
    pub(super) status: ExitStatus,
    pub(super) output: String,
}

impl Run {
    /// The suite's own summary.
    pub(super) fn closing_lines(&self) -> &str {
        self.output.find(CLOSING).map_or(self.output.as_str(), |at| &self.output[at..])
    }
}

impl Suite {
    /// Runs all scenarios against `url`, with the results below `results`.
    pub(super) async fn run(&self, url: &str, results: &Path) -> Run {
        let mut command = self.command(&["server", "--suite", "all", "--url", url]);
        command.arg("--expected-failures").arg(expected_failures()).arg("--output-dir").arg(results);
        finish(command).await
    }

    /// Runs one scenario, which the revision alone does not ask for.
    pub(super) async fn run_one(&self, scenario: &str, url: &str, results: &Path) -> Run {
        let mut command = self.command(&["server", "--scenario", scenario, "--url", url]);
        command.arg("--expected-failures").arg(expected_failures()).arg("--output-dir").arg(results);
        finish(command).await
    }

    /// The scenarios that the suite has for the revision.
    pub(super) async fn scenarios(&self) -> Vec<String> {
        let listed = finish(self.command(&["list", "--server"])).await;
        let names = listed.output.lines().filter_map(|line| line.strip_prefix("  - "));
        let names: Vec<String> = names.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
        assert!(names.len() > 25, "the suite lists no scenarios:\n{}", listed.output);
        names
    }

    /// The scenarios that the revision requires of a server, frozen by the suite.
    pub(super) fn required(&self) -> Vec<String> {
        let Some(revision) = self.revision.filter(|_| self.has_requirements) else { return Vec::new() };
        let file = self.folder().join("requirements").join(format!("{revision}.yaml"));
        let names = server_section(&std::fs::read_to_string(&file).unwrap());
        assert!(names.len() > 25, "{} requires nothing", file.display());
        names
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(from_xtask("DRAWBRIDGE_TEST_NODE"));
        command.arg(self.folder().join("dist/index.js")).args(arguments);
        command.args(self.revision.into_iter().flat_map(|revision| ["--spec-version", revision]));
        command
    }

    fn folder(&self) -> PathBuf {
        from_xtask("DRAWBRIDGE_TEST_CONFORMANCE").join("node_modules").join(self.package)
    }
}

/// The list of failures that are expected: an empty file.
pub(super) fn expected_failures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/expected-failures.yml")
}

/// A path that `cargo xtask test` puts into the environment.
fn from_xtask(name: &str) -> PathBuf {
    let Some(path) = env::var_os(name) else { panic!("{name} is not set: run `cargo xtask test`") };
    path.into()
}

/// The entries of the list `server:` in a requirements file.
fn server_section(yaml: &str) -> Vec<String> {
    let section = yaml.lines().skip_while(|line| *line != "server:").skip(1);
    section.map_while(|line| line.strip_prefix("  - ")).map(str::to_owned).collect()
}

async fn finish(mut command: Command) -> Run {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(TIME_MAX, command.output()).await.expect("the suite ends in time").unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Run { status: output.status, output: text.concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_requirements_are_read() {
        let yaml = "# words\nserver:\n  - ping\n  - caching\n\nclient:\n  - initialize\n";
        assert_eq!(server_section(yaml), ["ping", "caching"]);
        assert_eq!(server_section("client:\n  - initialize\n"), Vec::<String>::new());
    }
}
