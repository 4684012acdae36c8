//! The older dialect, as its scripts and shells spoke it: raw WebSockets and sockets, with only address and key changed.

mod sockets;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::llm::double;
use crate::program::{Bridge, Ran};

/// The Python that has what these scripts need.
fn python() -> PathBuf {
    let name = "DRAWBRIDGE_TEST_OLDER_PYTHON";
    let Some(path) = std::env::var_os(name) else { panic!("{name} is not set: run `cargo xtask test`") };
    PathBuf::from(path).join("bin/python")
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("older-python").join(name)
}

/// The hub's unix socket, as its lock file says.
fn socket_of(bridge: &Bridge) -> PathBuf {
    let lock = std::fs::read(bridge.home.state().join("hub.lock")).unwrap();
    let lock: Value = serde_json::from_slice(&lock).unwrap();
    PathBuf::from(lock["socket"].as_str().unwrap())
}

#[test]
fn scripts_of_the_older_dialect_get_what_they_expect() {
    let bridge = Bridge::configured(&format!(
        "[llm]\ndiscover = false\n[llm.provider.model]\nkind = 'compatible'\naddress = '{}'\n\
         [[llm.quota]]\ncallers = ['key:limited']\ntokens_per_day = 20\n",
        double::start()
    ));
    let limited = bridge.home.add_key("limited", &[]);
    let mut command = Command::new(python());
    command.arg(script("older.py")).arg(bridge.hub.address().to_string()).args([&bridge.key, &limited]);
    command.arg(socket_of(&bridge)).stdin(Stdio::null());
    let ran = Ran::of(command);
    assert!(ran.good().contains("all well"), "{ran:?}");
    bridge.holds();
}

#[test]
fn a_shell_of_the_older_dialect_works_as_it_did() {
    let bridge = Bridge::start();
    std::fs::create_dir(bridge.home.in_root("notes")).unwrap();
    std::fs::write(bridge.home.in_root("notes/todo.md"), "- milk\n").unwrap();
    let mut command = Command::new(python());
    command.arg(script("luca.py")).arg(bridge.hub.address().to_string()).arg(&bridge.key);
    let said = talk(
        command,
        "ls\ncd notes\nls\ncat todo.md\npwd\nrm todo.md\nls\ncat todo.md\nlicence\nmcp.kv.incrby visits 3\n",
    );
    let expected = "/ luca> ls\nnotes/\n/ luca> cd notes\n/notes luca> ls\ntodo.md\n/notes luca> cat todo.md\n- milk\n\n\
                    /notes luca> pwd\n/notes\n/notes luca> rm todo.md\nsuccess\n/notes luca> ls\n/notes luca> cat todo.md\n\
                    error -32013: ";
    assert!(said.starts_with(expected), "{said}");
    let end = "/notes luca> licence\nOWNER\n/notes luca> mcp.kv.incrby visits 3\n{\"key\": \"visits\", \"value\": 3}\n";
    assert!(said.ends_with(end), "{said}");
    bridge.holds();
}

/// What a program says to these lines.
fn talk(mut command: Command, lines: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
