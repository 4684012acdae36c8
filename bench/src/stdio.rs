//! Drives one server over its standard input and output: one request, one answer, then the next.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::process::{Process, log_end};
use crate::wire::{ID_FIRST, call_tool, excerpt, initialize, initialized};

/// The revision that every server here knows.
const REVISION: &str = "2025-06-18";

/// As much as a pipe holds, so that long answers take few reads.
const BUFFER_BYTES: usize = 64 << 10;

/// A server as a child.
pub struct StdioServer {
    /// The running server.
    pub process: Process,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    line: Vec<u8>,
    id_next: u32,
}

/// The answer to one call.
pub struct Answered {
    /// From the first byte of the request to the last byte of the answer.
    pub latency: Duration,
    /// The `result` of the answer.
    pub result: Value,
}

impl Answered {
    /// The text of all content blocks.
    pub fn text(&self) -> String {
        let blocks = self.result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        blocks.iter().filter_map(|block| block["text"].as_str()).collect()
    }
}

impl StdioServer {
    /// Starts `command` and says hello; `log` takes its standard error.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not answer `initialize`; the end of its log is in the error.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(command, log)?;
        let stdin = process.child().stdin.take().context("the server has no standard input")?;
        let stdout = process.child().stdout.take().context("the server has no standard output")?;
        let stdout = BufReader::with_capacity(BUFFER_BYTES, stdout);
        let mut server = Self { process, stdin, stdout, line: Vec::new(), id_next: ID_FIRST };
        server.say_hello().with_context(|| format!("the end of its log:\n{}", log_end(log)))?;
        Ok(server)
    }

    fn say_hello(&mut self) -> anyhow::Result<()> {
        self.send(&initialize(REVISION).to_string())?;
        self.read_answer(1)?;
        self.result().context("initialize failed")?;
        self.send(&initialized().to_string())
    }

    /// Calls the tool `name`; the clock runs from the first byte written to the last byte read.
    ///
    /// # Errors
    ///
    /// When the server ends, or answers with an error of the protocol or of the tool.
    pub fn call(&mut self, name: &str, arguments: &Value) -> anyhow::Result<Answered> {
        let id = self.id_next;
        self.id_next += 1;
        let request = call_tool(id, name, arguments).to_string();
        let start = Instant::now();
        self.send(&request)?;
        self.read_answer(id)?;
        let latency = start.elapsed();
        let result = self.result()?;
        ensure!(result["isError"] != true, "{name} failed: {}", excerpt(&self.line));
        Ok(Answered { latency, result })
    }

    fn send(&mut self, message: &str) -> anyhow::Result<()> {
        let line = format!("{message}\n");
        self.stdin.write_all(line.as_bytes()).context("the server closed its standard input")
    }

    /// Reads lines until one answers the request `id`: notifications may come before it.
    fn read_answer(&mut self, id: u32) -> anyhow::Result<()> {
        // Every peer writes compact JSON with the id as a number; anything else is read as an answer and refused there.
        let mark = format!("\"id\":{id}");
        loop {
            self.line.clear();
            let count =
                self.stdout.read_until(b'\n', &mut self.line).context("cannot read from the server")?;
            ensure!(count > 0, "the server ended before it answered");
            if contains(&self.line, mark.as_bytes()) {
                return Ok(());
            }
        }
    }

    fn result(&self) -> anyhow::Result<Value> {
        let mut answer: Value = serde_json::from_slice(&self.line).context("the answer is not JSON")?;
        let result = answer["result"].take();
        if result.is_null() {
            bail!("the server refused: {}", excerpt(&self.line));
        }
        Ok(result)
    }
}

/// Whether `mark` is near the beginning or the end of `line`, where peers put the id: long answers are not scanned whole.
fn contains(line: &[u8], mark: &[u8]) -> bool {
    const EDGE_BYTES: usize = 512;
    let edges = [&line[..line.len().min(EDGE_BYTES)], &line[line.len().saturating_sub(EDGE_BYTES)..]];
    edges.iter().any(|edge| edge.windows(mark.len()).any(|window| window == mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server in shell: it answers `initialize`, then every call with a notification and the text `hi`.
    const SERVER: &str = r#"
        read -r line; echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}'
        read -r line; id=10000000
        while read -r line; do
            echo '{"jsonrpc":"2.0","method":"notifications/message","params":{}}'
            echo '{"jsonrpc":"2.0","id":'$id',"result":{"content":[{"type":"text","text":"hi"}],"isError":'$FAILS'}}'
            id=$((id + 1))
        done"#;

    fn start(fails: &str) -> anyhow::Result<StdioServer> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new("sh");
        command.args(["-c", SERVER]).env("FAILS", fails);
        StdioServer::start(command, &folder.path().join("log"))
    }

    #[test]
    fn answers_are_told_from_notifications() {
        let mut server = start("false").unwrap();
        for _ in 0..3 {
            assert_eq!(server.call("any", &Value::Null).unwrap().text(), "hi");
        }
    }

    #[test]
    fn a_tool_that_fails_is_an_error() {
        assert!(start("true").unwrap().call("any", &Value::Null).is_err());
    }

    #[test]
    fn a_server_that_ends_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(StdioServer::start(Command::new("true"), &folder.path().join("log")).is_err());
    }

    #[test]
    fn an_id_is_found_at_either_end_of_a_long_line() {
        let long = format!(r#"{{"result":"{}","id":10000000}}"#, "x".repeat(10_000));
        assert!(contains(long.as_bytes(), br#""id":10000000"#));
        assert!(!contains(long.as_bytes(), br#""id":10000001"#));
    }
}
