//! A person joins a terminal that a program uses.

use std::time::Duration;

use drawbridge_sandbox::{Child, Launch, Sandbox, Signal, Size, Streams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::program::Home;

/// The program lets tools through: what is tried here is what they do.
const ALLOW: &str = "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n[terminal]\nshell = \"bash\"\n";

fn call(home: &Home, tool: &str, arguments: Value) -> String {
    home.run(&["call", tool, &arguments.to_string()]).good()
}

/// A person in front of a terminal in which a command runs.
struct Person {
    child: Child,
    seen: String,
}

impl Person {
    async fn run(sandbox: &Sandbox, home: &Home, words: &str) -> Self {
        // Children of the sandbox get no variable of ours: a shell gives it.
        let command = format!(
            "DRAWBRIDGE_HOME='{}' exec {} {words}",
            home.state().display(),
            env!("CARGO_BIN_EXE_drawbridge")
        );
        let launch =
            Launch::new("/bin/sh").args(["-c", &command]).streams(Streams::Terminal(Size::default()));
        Self { child: sandbox.launch(launch).await.unwrap(), seen: String::new() }
    }

    async fn press(&mut self, keys: &str) {
        self.child.terminal.as_mut().unwrap().write_all(keys.as_bytes()).await.unwrap();
    }

    async fn sees(&mut self, text: &str) {
        let look = async {
            let mut buffer = [0; 4096];
            while !self.seen.contains(text) {
                let count = self.child.terminal.as_mut().unwrap().read(&mut buffer).await.unwrap();
                assert!(count > 0, "it ended before {text:?}:\n{}", self.seen);
                self.seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), look).await.is_err() {
            panic!("never saw {text:?}:\n{}", self.seen);
        }
        self.seen.clear();
    }
}

#[tokio::test]
async fn a_person_joins_types_pauses_and_leaves() {
    let home = Home::new();
    home.configure(ALLOW);
    let _hub = home.serve();
    call(&home, "terminal_open", json!({ "name": "build" }));
    call(
        &home,
        "terminal_write",
        json!({ "session": "build", "text": "echo by a $((6 * 7))", "enter": true, "read": {} }),
    );
    assert!(home.run(&["terminal", "list"]).good().contains("build"));

    let sandbox = Sandbox::new();
    let mut person = Person::run(&sandbox, &home, "terminal attach build").await;
    person.sees("by a 42").await;
    person.press("echo by hand $((6 * 8))\r").await;
    person.sees("by hand 48").await;
    let read = call(&home, "terminal_read", json!({ "session": "build", "until": "now" }));
    assert!(read.contains("by hand 48"), "{read}");

    person.press("\x1dp").await;
    person.sees("programs do not type now").await;
    let write = json!({ "session": "build", "text": "x" }).to_string();
    let refused = home.run(&["call", "terminal_write", &write]);
    assert!(refused.code() == 1 && refused.out().contains("paused"), "{}{}", refused.out(), refused.err());
    person.press("\x1dp").await;
    person.sees("programs may type again").await;

    person.press("\x1dd").await;
    person.sees("Left; it goes on.").await;
    assert!(person.child.wait().await.unwrap().success());
    assert!(call(&home, "terminal_list", json!({})).contains("\"viewers\":0"));
    call(&home, "terminal_close", json!({ "session": "build" }));
}

#[tokio::test]
async fn who_watches_is_told_the_end_and_who_finds_nothing_is_told_so() {
    let home = Home::new();
    home.configure(ALLOW);
    let sandbox = Sandbox::new();
    let mut person = Person::run(&sandbox, &home, "terminal attach build").await;
    person.sees("no hub runs").await;
    let _hub = home.serve();
    let mut person = Person::run(&sandbox, &home, "terminal attach build").await;
    person.sees("there is no terminal").await;
    call(&home, "terminal_open", json!({ "name": "build" }));
    let mut person = Person::run(&sandbox, &home, "terminal attach --watch build").await;
    person.sees("~/Drawbridge").await;
    person.press("echo not typed\r").await;
    call(&home, "terminal_write", json!({ "session": "build", "text": "exit 3", "enter": true }));
    person.sees("It ended with exit code 3.").await;
    person.child.signal(Signal::Kill).unwrap_or_default();
    let read = call(&home, "terminal_read", json!({ "session": "build", "until": "now" }));
    assert!(!read.contains("not typed"), "{read}");
}

#[test]
fn every_key_that_a_program_presses_is_in_the_audit() {
    let home = Home::new();
    home.configure(ALLOW);
    let _hub = home.serve();
    call(&home, "terminal_open", json!({ "name": "build" }));
    let text = format!("echo {}", "k".repeat(2900));
    call(&home, "terminal_write", json!({ "session": "build", "text": text, "keys": ["ctrl-c"] }));
    let audit = home.run(&["--json", "audit", "tail"]).good();
    assert!(audit.contains(&text) && audit.contains("ctrl-c"), "{audit}");
}

#[test]
fn nothing_is_left_when_the_hub_is_killed() {
    let home = Home::new();
    home.configure(ALLOW);
    let mut hub = home.serve();
    call(&home, "terminal_open", json!({ "name": "a", "argv": ["sleep", "987671"] }));
    let line = "(trap '' HUP TERM; setsid sleep 987672) & sleep 987673 &";
    call(&home, "terminal_open", json!({ "name": "b" }));
    call(&home, "terminal_write", json!({ "session": "b", "text": line, "enter": true, "read": {} }));
    let running = || ["987671", "987672", "987673"].map(is_running);
    wait_until(|| running() == [true; 3]);
    hub.child.kill().unwrap();
    wait_until(|| running() == [false; 3]);
}

fn is_running(mark: &str) -> bool {
    std::process::Command::new("pgrep")
        .args(["-f", &format!("^sleep {mark}$")])
        .output()
        .unwrap()
        .status
        .success()
}

fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not come within a minute");
}

/// How many processes carry this word among their words.
fn running(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())).count()
}

async fn until(what: &str, within: Duration, is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn i1_nothing_that_terminals_started_outlives_a_hub_that_is_killed() {
    const HUBS: usize = 3;
    const TERMINALS: usize = 6;
    let home = Home::new();
    home.configure(ALLOW);
    for round in 0..HUBS {
        let mut hub = home.serve();
        // Each has a child in a session of its own, and one whose parent is gone.
        let word = format!("77{}{round}", std::process::id());
        let family = format!("setsid sleep {word} & (sleep {word} &); exec sleep {word}");
        for _ in 0..TERMINALS {
            call(&home, "terminal_open", json!({ "argv": ["sh", "-c", family] }));
        }
        until("all are there", Duration::from_secs(60), || running(&word) >= 3 * TERMINALS).await;
        hub.child.kill().unwrap();
        hub.child.wait().unwrap();
        until("none is left", Duration::from_secs(30), || running(&word) == 0).await;
    }
}
