//! A hub that runs.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::Connection;

/// The last words of the greeting.
const READY: &str = "Ctrl-C ends.";

pub(crate) struct Hub {
    child: Child,
    greeting: String,
    /// Where it listens.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Kept open: a hub whose output nobody takes is another test.
    _output: BufReader<ChildStdout>,
}

impl Hub {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains(READY) && output.read_line(&mut greeting).unwrap() > 0 {}
        assert!(greeting.contains(READY), "it did not start:\n{greeting}{}", last_words(&mut child));
        let addresses = addresses(&greeting);
        assert!(!addresses.is_empty(), "{greeting}");
        Self { child, greeting, addresses, _output: output }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The owner key, which the first start prints.
    pub(crate) fn key(&self) -> String {
        self.greeting.lines().map(str::trim).find(|line| line.starts_with("drawbridge_")).unwrap().to_owned()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address())
    }

    /// Whether the process is still the one that was started.
    pub(crate) fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What no process can refuse (SIGKILL).
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How much memory it holds, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        resident_bytes(self.pid())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn addresses(greeting: &str) -> Vec<SocketAddr> {
    let line = greeting.lines().next().unwrap_or_default();
    line.split("http://").skip(1).map(|rest| rest.split('/').next().unwrap().parse().unwrap()).collect()
}

fn last_words(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

/// How much memory a process holds, in bytes (`proc(5)`).
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
