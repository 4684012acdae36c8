//! The unix socket under attack, and keys that go while a connection is open.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::socket_of;
use crate::program::{Bridge, Modern};

/// A connection to the hub's socket.
struct Socket {
    stream: UnixStream,
    rest: Vec<u8>,
}

impl Socket {
    fn open(bridge: &Bridge) -> Self {
        let stream = UnixStream::connect(socket_of(bridge)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream, rest: Vec::new() }
    }

    fn say(&mut self, message: &str) {
        self.stream.write_all(format!("{message}\0").as_bytes()).unwrap();
    }

    /// The next message; `None` when the hub closed.
    fn hear(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == 0) {
                let message: Vec<u8> = self.rest.drain(..=end).take(end).collect();
                return Some(serde_json::from_slice(&message).unwrap());
            }
            let mut piece = [0; 64 * 1024];
            match self.stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(length) => self.rest.extend_from_slice(&piece[..length]),
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.say(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string());
        self.hear().unwrap()
    }
}

#[test]
fn b4_the_socket_survives_what_is_no_message() {
    let bridge = Bridge::start();
    let mut socket = Socket::open(&bridge);
    for bad in ["{", "[]", "1", "\u{feff}{}", r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#] {
        socket.say(bad);
        assert!(socket.hear().unwrap()["error"]["code"].is_i64(), "{bad}");
    }
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"mcp.fs.read","params":{}{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    socket.say(&deep);
    assert!(socket.hear().unwrap()["error"]["code"].is_i64());
    // A frame without an end is thrown away as it comes, and answered when its end does come.
    let before = bridge.hub.resident_bytes();
    let piece = vec![b'x'; 1024 * 1024];
    for _ in 0..100 {
        socket.stream.write_all(&piece).unwrap();
    }
    let held = bridge.hub.resident_bytes().saturating_sub(before);
    assert!(held < 64 * 1024 * 1024, "{held} bytes are held");
    socket.say("");
    assert_eq!(socket.hear().unwrap()["error"]["code"], -32700);
    assert!(socket.ask("mcp.hello", json!([]))["result"].is_array());
    bridge.holds();
}

#[test]
fn i2_one_that_asks_and_never_reads_holds_up_nobody() {
    let bridge = Bridge::start();
    std::fs::write(bridge.home.in_root("large.txt"), "x".repeat(256 * 1024)).unwrap();
    let mut deaf = Socket::open(&bridge);
    deaf.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let ask = |id: u32| {
        format!(
            "{}\0",
            json!({"jsonrpc": "2.0", "id": id, "method": "mcp.fs.read", "params": ["/large.txt"]})
        )
    };
    for id in 0..5_000 {
        // The hub stops reading when too much waits for us.
        if deaf.stream.write_all(ask(id).as_bytes()).is_err() {
            break;
        }
    }
    let begun = Instant::now();
    let mut other = Socket::open(&bridge);
    assert!(other.ask("mcp.fs.list", json!(["/"]))["result"].is_array());
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(bridge.hub.resident_bytes() < 400 * 1024 * 1024, "{}", bridge.hub.resident_bytes());
    bridge.holds();
}

#[test]
fn a_raised_bridge_refuses_what_is_open_already() {
    let bridge = Bridge::start();
    let mut socket = Socket::open(&bridge);
    assert!(socket.ask("mcp.fs.list", json!(["/"]))["result"].is_array());
    bridge.home.run(&["raise"]).good();
    assert_eq!(socket.ask("mcp.fs.list", json!(["/"]))["error"]["code"], -32002);
    bridge.home.run(&["lower"]).good();
    assert!(socket.ask("mcp.fs.list", json!(["/"]))["result"].is_array());
    bridge.holds();
}

#[test]
fn a6_a_command_of_a_tool_is_not_the_owner() {
    let bridge = Bridge::configured(
        "[terminal]\nunix_sockets = true\nconfinement = 'off'\n[[rules]]\ntools = ['terminal_*']\nthen = 'allow'\n",
    );
    let place = socket_of(&bridge);
    let code = format!(
        "import socket; s=socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect('{}'); \
         s.sendall(b'{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"mcp.fs.list\",\"params\":[\"/\"]}}\\0'); print(s.recv(4096))",
        place.display()
    );
    let mut owner = Modern::new(bridge.hub.address(), &bridge.key);
    let said = owner
        .tool("terminal_run", json!({"command": format!("python3 -c \"{}\"", code.replace('"', "\\\""))}))
        .to_string();
    assert!(said.contains("-32000") && !said.contains("modified_at"), "{said}");
    bridge.holds();
}

#[test]
fn a_hub_that_was_killed_leaves_no_socket_in_the_way() {
    let bridge = Bridge::start();
    let (place, home) = (socket_of(&bridge), bridge.home);
    bridge.hub.kill();
    assert!(place.exists(), "a killed hub cannot tidy up");
    let hub = home.serve();
    let mut stream = UnixStream::connect(&place).unwrap();
    stream.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"mcp.hello\"}\0").unwrap();
    let mut piece = [0; 16];
    assert!(stream.read(&mut piece).unwrap() > 0);
    drop(hub);
}
