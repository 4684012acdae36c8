//! A host that starts the program itself and speaks over its standard input and output.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::hub::resident_bytes;

pub(crate) struct StdioHost {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    id: u64,
}

impl StdioHost {
    /// Starts `command` and shakes hands in the revision of 2025-06-18.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_as(command, "2025-06-18", json!({}))
    }

    /// Starts `command` and shakes hands as a host of this revision that has these capabilities.
    pub(crate) fn start_as(mut command: Command, revision: &str, capabilities: Value) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut host = Self { child, to, from, id: 0 };
        let hello = json!({"protocolVersion": revision, "capabilities": capabilities, "clientInfo": {"name": "test", "version": "1"}});
        assert_eq!(host.request("initialize", hello)["result"]["protocolVersion"], revision);
        host.send_raw(
            format!("{}\n", json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).as_bytes(),
        );
        host
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.to.write_all(bytes).unwrap();
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> Value {
        next(&mut self.from)
    }

    /// The whole answer to a request; other messages on the way are passed over.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let message = json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params});
        self.send_raw(format!("{message}\n").as_bytes());
        loop {
            let message = self.next();
            if message["id"] == self.id {
                return message;
            }
        }
    }

    pub(crate) fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": name, "arguments": arguments}))
    }

    pub(crate) fn text(&mut self, name: &str, arguments: Value) -> String {
        let answer = self.tool(name, arguments);
        assert_eq!(answer["result"]["isError"], false, "{name}: {answer}");
        answer["result"]["content"][0]["text"].as_str().unwrap().to_owned()
    }

    /// Its two ends, for two threads, and its process.
    pub(crate) fn split(self) -> (Sender, Receiver, u32) {
        let Self { child, to, from, .. } = self;
        let pid = child.id();
        (Sender(to), Receiver { from, child }, pid)
    }

    /// How much memory it holds.
    pub(crate) fn resident_bytes(&self) -> u64 {
        resident_bytes(self.child.id())
    }

    /// Closes its input, as a host that is done does, and checks that it ends by itself.
    pub(crate) fn hang_up(self) {
        let Self { mut child, to, .. } = self;
        drop(to);
        assert!(child.wait().unwrap().success());
    }
}

fn next(from: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    assert!(from.read_line(&mut line).unwrap() > 0, "it ended");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
}

/// Where a host writes.
pub(crate) struct Sender(ChildStdin);

impl Sender {
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }
}

/// Where a host reads. Dropped, the program ends.
pub(crate) struct Receiver {
    from: BufReader<ChildStdout>,
    child: Child,
}

impl Receiver {
    pub(crate) fn next(&mut self) -> Value {
        next(&mut self.from)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
