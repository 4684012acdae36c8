//! A worker in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Home, PATIENCE};

/// A process that runs jobs, until it is dropped.
pub(crate) struct Worker {
    child: Child,
    health: String,
}

impl Worker {
    /// Starts one that runs two jobs at once; its health is asked for, so that it can be.
    pub(crate) fn start(home: &Home, options: &[&str]) -> Self {
        let words = [&["worker", "--health", "127.0.0.1:0", "--concurrency", "2"], options].concat();
        let mut command: Command = home.command(&words);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let health = told.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("http://")?;
            Some(address.trim_end_matches("/health").to_owned())
        });
        std::thread::spawn(move || told.for_each(drop));
        Self { child, health: health.expect("it says where its health is") }
    }

    /// What it answers: a status, and a word.
    fn answers(&self, path: &str) -> (u16, String) {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(&self.health).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let word = text.rsplit("\r\n\r\n").next().unwrap().to_owned();
        (text.split(' ').nth(1).unwrap().parse().unwrap(), word)
    }

    /// Waits until it answers with this status.
    pub(crate) fn becomes(&self, path: &str, status: u16) {
        let begun = Instant::now();
        while self.answers(path).0 != status {
            assert!(begun.elapsed() < PATIENCE, "{path} is {:?}", self.answers(path));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends it a signal, such as `-TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits until it has ended, which must be as it should.
    pub(crate) fn ends_well(&mut self) {
        assert!(self.child.wait().unwrap().success());
    }

    /// Which of the jobs are its: those whose worker has its process in the name.
    pub(crate) fn is(&self, job: &Value) -> bool {
        job["worker"].as_str().is_some_and(|name| name.ends_with(&format!("-{}", self.child.id())))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
