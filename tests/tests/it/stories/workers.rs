//! Workers in processes of their own, on the engine in the hub's own file.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Gate, Home, NONE, PATIENCE, Request, Worker, wait_for};

/// The hub itself runs nothing.
const CONFIGURATION: &str = "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n[terminal]\nconfinement = \"off\"\n\
                             [jobs]\nconcurrency = 0\n";

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

/// What the hub says of its workers.
fn connected(home: &Home) -> Value {
    let mut status: Value = serde_json::from_str(&home.run(&["--json", "status"]).good()).unwrap();
    status["jobs"]["workers"].take()
}

#[test]
fn what_a_killed_worker_had_is_done_once_by_another() {
    let home = home();
    let _hub = home.serve();
    let first = Worker::start(&home, &[]);
    first.becomes("/health", 200);
    let gate = Gate::new(&home, "mark");
    let command = gate.command(&format!("echo done >> {}", gate.mark()));
    let id = submit(&home, &command, &["--retry-safe"]);
    let job = becomes(&home, &id, "running");
    assert!(first.is(&job), "{job}");
    let second = Worker::start(&home, &[]);
    second.becomes("/ready", 200);
    gate.until_begun(1);
    let both = json!({"connected": 2, "running": 1});
    wait_for("both are told", || (connected(&home) == both).then_some(()));
    assert!(home.run(&["status"]).good().contains("drawbridge worker: 2 connected, 1 running"));
    first.signal("-KILL");
    wait_for("the lost one is gone", || (connected(&home)["connected"] == 1).then_some(()));
    gate.until_begun(2);
    gate.open();
    let job = becomes(&home, &id, "completed");
    assert_eq!(job["attempt"], 2, "{job}");
    assert_eq!(gate.marked(), "begun\nbegun\ndone\n", "begun twice, done once");
    home.verify();
}

#[test]
fn workers_outlive_the_hub_and_what_they_did_meanwhile_counts() {
    let home = home();
    let hub = home.serve();
    let worker = Worker::start(&home, &[]);
    worker.becomes("/health", 200);
    let gate = Gate::new(&home, "mark");
    let id = submit(&home, &gate.command(&format!("echo done | tee -a {}", gate.mark())), &[]);
    becomes(&home, &id, "running");
    hub.kill();
    worker.becomes("/health", 503);
    gate.open();
    wait_for("the end of the command", || gate.marked().contains("done").then_some(()));
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
    let gate = Gate::new(&home, "mark");
    let id = submit(&home, &gate.command("echo done"), &[]);
    becomes(&home, &id, "running");
    worker.signal("-TERM");
    worker.becomes("/ready", 503);
    let late = submit(&home, "echo late", &[]);
    gate.open();
    worker.ends_well();
    becomes(&home, &id, "completed");
    becomes(&home, &late, "queued");
    becomes(&home, &other, "queued");
    assert!(!home.run(&["keys", "list"]).good().contains("worker-"), "its key ended with it");
}

#[test]
fn a7_only_the_owner_gets_at_the_jobs_of_everybody() {
    let home = home();
    let hub = home.serve();
    let (owner, agent) = (hub.key(), home.add_key("agent", &[]));
    let plain = |key: &str| Request::new("GET", "/api/worker").with("authorization", format!("Bearer {key}"));
    let pipe = |request: Request| request.with("connection", "upgrade").with("upgrade", "drawbridge-worker");
    let made_up = "drawbridge_of_nobody".to_owned();
    for (key, status) in [(&made_up, 401), (&agent, 403), (&owner, 101)] {
        assert_eq!(hub.connect().ask(&pipe(plain(key))).status, status);
    }
    assert_eq!(hub.connect().ask(&pipe(plain("").with("authorization", NONE))).status, 401);
    assert_eq!(hub.connect().ask(&plain(&owner)).status, 400);
}
