//! The program as a host starts it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::program::Home;

/// A host of the revision of 2025-06-18.
struct Host {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    id: u64,
}

impl Host {
    fn start(home: &Home) -> Self {
        let mut child =
            home.command(&["stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut host = Self { child, to, from, id: 0 };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        assert_eq!(host.request("initialize", hello)["protocolVersion"], "2025-06-18");
        writeln!(host.to, "{}", json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).unwrap();
        host
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        writeln!(self.to, "{}", json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}))
            .unwrap();
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "it ended");
            let mut message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == self.id {
                return message["result"].take();
            }
        }
    }

    fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": name, "arguments": arguments}))
    }

    fn text(&mut self, name: &str, arguments: Value) -> String {
        let result = self.tool(name, arguments);
        assert_ne!(result["isError"], true, "{result}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_host_lists_writes_reads_edits_and_searches_real_files() {
    let home = Home::new();
    let mut host = Host::start(&home);
    let tools = host.request("tools/list", json!({}))["tools"].as_array().unwrap().len();
    assert!(tools >= 13, "{tools} tools");
    host.text("files_write", json!({"path": "Drawbridge/notes.md", "content": "# Notes\n- milk\n- bread\n"}));
    assert!(host.text("files_list", json!({"path": "Drawbridge"})).contains("notes.md"));
    host.text(
        "files_edit",
        json!({"path": "Drawbridge/notes.md", "edits": [{"old_text": "- milk", "new_text": "- oat milk"}]}),
    );
    assert!(host.text("files_read", json!({"path": "Drawbridge/notes.md"})).contains("oat milk"));
    assert!(host.text("files_search", json!({"pattern": "oat", "path": "Drawbridge"})).contains("notes.md"));
    assert_eq!(
        std::fs::read_to_string(home.root().join("notes.md")).unwrap(),
        "# Notes\n- oat milk\n- bread\n"
    );
    drop(host.to);
    assert!(host.child.wait().unwrap().success(), "it ends when the host closes its input");
}

#[test]
fn a_host_that_cannot_ask_is_told_where_to_approve() {
    let home = Home::new();
    home.configure("[[rules]]\ntools = [\"files_mkdir\"]\nthen = \"ask\"\n");
    let mut host = Host::start(&home);
    let asked = host.tool("files_mkdir", json!({"path": "Drawbridge/new"}));
    let said = asked["content"][0]["text"].as_str().unwrap().to_owned();
    assert!(asked["isError"] == true && said.contains("drawbridge approvals approve"), "{said}");
    let id = said.split("approve ").nth(2).unwrap().split('`').next().unwrap();
    home.run(&["approvals", "approve", id]).good();
    host.text("files_mkdir", json!({"path": "Drawbridge/new"}));
    assert!(home.root().join("new").is_dir());
}

#[test]
fn garbage_on_the_line_is_answered_and_loses_nothing() {
    let home = Home::new();
    let mut host = Host::start(&home);
    for garbage in ["{", "\u{feff}{}", "[]", "null", r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#] {
        writeln!(host.to, "{garbage}").unwrap();
    }
    host.text("files_list", json!({"path": "Drawbridge"}));
}

/// Lets tools through without asking.
const ALLOW: &str = "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n[terminal]\nshell = \"bash\"\n";

#[test]
fn a_host_on_stdio_is_served_by_the_hub_that_runs_and_its_terminal_is_seen_there() {
    let home = Home::new();
    home.configure(ALLOW);
    let hub = home.serve();
    let mut host = Host::start(&home);
    let opened = host.tool("terminal_open", json!({"name": "shared"}));
    assert_ne!(opened["isError"], true, "{opened}");
    let typed = json!({"session": "shared", "text": "echo by a $((6 * 7))", "enter": true, "read": {}});
    assert!(host.text("terminal_write", typed).contains("by a 42"));
    assert!(home.run(&["terminal", "list"]).good().contains("shared"), "the hub has it");
    drop(host.to);
    assert!(host.child.wait().unwrap().success(), "it ends when the host closes its input");
    assert!(home.run(&["terminal", "list"]).good().contains("shared"), "it outlives the host");
    let keys: Value = serde_json::from_str(&home.run(&["keys", "list", "--all", "--json"]).good()).unwrap();
    let left = |key: &&Value| key["kind"] == "session" && key["revoked_us"].is_null();
    assert_eq!(keys.as_array().unwrap().iter().find(left), None, "its key is gone");
    let records = home.run(&["audit", "tail", "--json"]).good();
    assert!(records.contains("mcp.stdio") && records.contains("terminal_write"), "{records}");
    home.run(&["audit", "verify"]).good();
    hub.interrupt();
}

/// Whether a process with these words runs.
fn runs(words: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line.starts_with(words.as_bytes()))
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed().as_secs() < 60, "it never was so: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn through_the_hub_a_host_still_hears_of_progress_cancels_and_is_refused_while_the_bridge_is_raised() {
    let home = Home::new();
    home.configure(ALLOW);
    let hub = home.serve();
    let mut host = Host::start(&home);
    let long = json!({"command": "echo begun; sleep 6173"});
    let call = json!({"jsonrpc": "2.0", "id": "long", "method": "tools/call", "params": {
        "name": "terminal_run", "arguments": long, "_meta": {"progressToken": "p"}}});
    writeln!(host.to, "{call}").unwrap();
    let mut line = String::new();
    while !line.contains("notifications/progress") {
        line.clear();
        assert!(host.from.read_line(&mut line).unwrap() > 0, "it ended");
    }
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "long"}});
    wait_until("the shell starts it after what it says", || runs("sleep\x006173"));
    writeln!(host.to, "{cancel}").unwrap();
    wait_until("the call is cancelled", || !runs("sleep\x006173"));
    host.text("files_list", json!({"path": "Drawbridge"}));
    home.run(&["raise"]).good();
    let refused = host.tool("files_list", json!({"path": "Drawbridge"}));
    assert!(refused.is_null() || refused["isError"] == true, "{refused}");
    home.run(&["lower"]).good();
    host.text("files_list", json!({"path": "Drawbridge"}));
    hub.interrupt();
    assert!(host.child.wait().unwrap().code().is_some(), "it ends with the hub");
}

#[test]
fn a_hub_that_cannot_be_reached_is_no_hindrance() {
    let home = Home::new();
    home.configure(ALLOW);
    let hub = home.serve();
    // It holds its folder and answers nobody.
    let stop = std::process::Command::new("kill").args(["-STOP", &hub.child.id().to_string()]).status();
    assert!(stop.unwrap().success());
    let mut host = Host::start(&home);
    host.text("files_list", json!({"path": "Drawbridge"}));
}
