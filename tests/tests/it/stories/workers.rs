//! Workers in processes of their own, on the engine in the hub's own file.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Home, Request};

/// The hub itself runs nothing.
const CONFIGURATION: &str = "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n[terminal]\nconfinement = \"off\"\n\
                             [jobs]\nconcurrency = 0\n";
/// As long as a lease, and some more.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that runs jobs, until it is dropped.
struct Worker {
    child: Child,
    health: String,
}

impl Worker {
    fn start(home: &Home, options: &[&str]) -> Self {
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

    fn becomes(&self, path: &str, status: u16) {
        let begun = Instant::now();
        while self.answers(path).0 != status {
            assert!(begun.elapsed() < Duration::from_secs(20), "{path} is {:?}", self.answers(path));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Which of the jobs are its: those whose worker has its process in the name.
    fn is(&self, job: &Value) -> bool {
        job["worker"].as_str().is_some_and(|name| name.ends_with(&format!("-{}", self.child.id())))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn home() -> Home {
    let home = Home::new();
    home.configure(CONFIGURATION);
    home
}

fn submit(home: &Home, command: &str, options: &[&str]) -> String {
    let arguments = json!({ "command": command }).to_string();
    let words = [&["jobs", "submit", "terminal_run", &arguments, "-q"], options].concat();
    home.run(&words).good().trim().to_owned()
}

fn becomes(home: &Home, id: &str, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let shown: Value = serde_json::from_str(&home.run(&["--json", "jobs", "status", id]).good()).unwrap();
        if shown["job"]["state"] == state {
            return shown["job"].clone();
        }
        assert!(begun.elapsed() < PATIENCE, "it never became {state}: {shown}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_a_killed_worker_had_is_done_once_by_another() {
    let home = home();
    let _hub = home.serve();
    let first = Worker::start(&home, &[]);
    first.becomes("/health", 200);
    let mark = home.path("mark").display().to_string();
    let id = submit(&home, &format!("echo begun >> {mark}; sleep 2; echo done >> {mark}"), &["--retry-safe"]);
    let job = becomes(&home, &id, "running");
    assert!(first.is(&job), "{job}");
    let second = Worker::start(&home, &[]);
    second.becomes("/ready", 200);
    std::thread::sleep(Duration::from_millis(500));
    first.signal("-KILL");
    let job = becomes(&home, &id, "completed");
    assert_eq!(job["attempt"], 2, "{job}");
    let marked = std::fs::read_to_string(&mark).unwrap();
    assert_eq!(marked, "begun\nbegun\ndone\n", "begun twice, done once");
    home.verify();
}

#[test]
fn workers_outlive_the_hub_and_what_they_did_meanwhile_counts() {
    let home = home();
    let hub = home.serve();
    let worker = Worker::start(&home, &[]);
    worker.becomes("/health", 200);
    let id = submit(&home, "sleep 2; echo done", &[]);
    becomes(&home, &id, "running");
    hub.kill();
    worker.becomes("/health", 503);
    std::thread::sleep(Duration::from_secs(2));
    let _hub = home.serve();
    worker.becomes("/health", 200);
    let job = becomes(&home, &id, "completed");
    assert_eq!(job["attempt"], 1, "its only attempt went on: {job}");
    assert!(home.run(&["jobs", "result", &id]).good().contains("done"));
}

#[test]
fn asked_to_end_a_worker_takes_nothing_more_and_ends_what_it_has() {
    let home = home();
    let _hub = home.serve();
    let mut worker = Worker::start(&home, &["--tools", "terminal_*"]);
    worker.becomes("/ready", 200);
    let other = home.run(&["jobs", "submit", "files_list", "-q"]).good().trim().to_owned();
    let id = submit(&home, "sleep 2; echo done", &[]);
    becomes(&home, &id, "running");
    worker.signal("-TERM");
    worker.becomes("/ready", 503);
    let late = submit(&home, "echo late", &[]);
    assert!(worker.child.wait().unwrap().success());
    becomes(&home, &id, "completed");
    becomes(&home, &late, "queued");
    becomes(&home, &other, "queued");
    assert!(!home.run(&["keys", "list"]).good().contains("worker-"), "its key ended with it");
}

#[test]
fn only_the_owner_gets_at_the_jobs_of_everybody() {
    let home = home();
    let hub = home.serve();
    let (owner, agent) = (hub.key(), home.add_key("agent", &[]));
    let plain = |key: &str| Request::new("GET", "/api/worker").with("authorization", format!("Bearer {key}"));
    for (key, status) in [(&agent, 403), (&owner, 101)] {
        let request = plain(key).with("connection", "upgrade").with("upgrade", "drawbridge-worker");
        assert_eq!(hub.connect().ask(&request).status, status);
    }
    assert_eq!(hub.connect().ask(&plain(&owner)).status, 400);
}
