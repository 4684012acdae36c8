//! A server that runs for a measurement: started, asked for its processor time and memory, and ended for certain.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, bail};

/// How long a server may take to say where it listens. Python needs about a second; a loaded machine several.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A child process that is killed and reaped when this is dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command` with its standard error in the file `log`.
    ///
    /// # Errors
    ///
    /// When the program cannot be started or the log cannot be made.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let errors = File::create(log).with_context(|| format!("cannot make the log {}", log.display()))?;
        command.stderr(errors);
        let child =
            command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// The child, to take its standard streams from.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Processor time of all its threads so far, in user and kernel mode; exact to about 10 ms.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu(&self.proc_file("stat")?)
    }

    /// Resident memory, in bytes.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        resident_bytes(&self.proc_file("status")?).context("/proc/<pid>/status has an unknown form")
    }

    fn proc_file(&self, name: &str) -> anyhow::Result<String> {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).context("the server has ended")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the child has already ended, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that listens on a loopback port.
pub struct HttpServer {
    /// The running server.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

impl HttpServer {
    /// Starts `command` and waits until it prints where it listens, which any line with `127.0.0.1:<port>` does.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends, or says nothing within a minute; the end of its log is in the error.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Process::start(command, log)?;
        let stdout = process.child().stdout.take().context("the server has no standard output")?;
        let (found, announced) = mpsc::channel();
        // Reads on for as long as the server lives: a full pipe would stop it.
        std::thread::spawn(move || read_lines(stdout, &found));
        match announced.recv_timeout(START_TIMEOUT) {
            Ok(address) => Ok(Self { process, address }),
            Err(_) => bail!("the server did not say where it listens. The end of its log:\n{}", log_end(log)),
        }
    }
}

fn read_lines(stdout: impl Read, found: &mpsc::Sender<SocketAddr>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Some(address) = announced_address(&line) {
            // Nobody waits for a second announcement.
            let _ = found.send(address);
        }
    }
}

fn announced_address(line: &str) -> Option<SocketAddr> {
    let rest = &line[line.find("127.0.0.1:")?..];
    let end = rest.find(|byte: char| !matches!(byte, '0'..='9' | '.' | ':')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The last lines that a server wrote to its log.
pub fn log_end(log: &Path) -> String {
    const LINES_MAX: usize = 12;
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_MAX)..].join("\n")
}

/// Processor time of this process so far: what the load generator itself needs.
///
/// # Errors
///
/// When `/proc` is not there.
pub fn own_cpu() -> anyhow::Result<Duration> {
    cpu(&std::fs::read_to_string("/proc/self/stat")
        .context("there is no /proc: the benchmarks need Linux")?)
}

fn cpu(stat: &str) -> anyhow::Result<Duration> {
    let ticks = cpu_ticks(stat).context("/proc/<pid>/stat has an unknown form")?;
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// `utime` plus `stime` of a `/proc/<pid>/stat` line. The name in brackets may hold blanks and brackets itself.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<_> = stat[stat.rfind(')')? + 1..].split_ascii_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_any_line() {
        let found = announced_address("listening on http://127.0.0.1:4747/mcp (press Ctrl-C)");
        assert_eq!(found, Some(([127, 0, 0, 1], 4747).into()));
        assert_eq!(announced_address("127.0.0.1:80"), Some(([127, 0, 0, 1], 80).into()));
        assert_eq!(announced_address("127.0.0.1:"), None);
        assert_eq!(announced_address("ready"), None);
    }

    #[test]
    fn processor_time_is_read_behind_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 4 0 100 1000 200";
        assert_eq!(cpu_ticks(stat), Some(12));
        assert_eq!(cpu_ticks("42 (a"), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
    }

    #[test]
    fn a_process_has_used_memory_and_ends_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("60");
        let mut process = Process::start(command, &folder.path().join("log")).unwrap();
        assert!(process.resident_bytes().unwrap() > 0);
        let id = process.child().id();
        drop(process);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn a_server_that_ends_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such port >&2"]);
        let error = HttpServer::start(command, &folder.path().join("log")).err().unwrap();
        assert!(error.to_string().contains("no such port"), "{error}");
    }
}
