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
