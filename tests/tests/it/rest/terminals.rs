//! A terminal that a program opened, and people who join it.

use serde_json::{Value, json};

use super::socket::Socket;
use super::{post, with_terminals};
use crate::program::Bridge;

const STREAM: &str = "/api/terminals/build/stream";

/// Calls a tool over REST.
fn call(bridge: &Bridge, tool: &str, arguments: &Value) -> Value {
    let answer = post(bridge, &format!("/api/tools/{tool}"), &bridge.key, arguments);
    assert_eq!(answer.status, 200, "{tool}: {}", answer.text());
    answer.json()
}

fn opened() -> Bridge {
    let bridge = with_terminals();
    let opened =
        call(&bridge, "terminal_open", &json!({"name": "build", "shell": "bash", "columns": 80, "rows": 24}));
    assert_eq!(opened["is_error"], false, "{opened}");
    bridge
}

fn join(bridge: &Bridge, path: &str) -> Socket {
    Socket::open(bridge, path, &bridge.key).ok().unwrap()
}

#[test]
fn a_program_and_two_people_share_one_terminal() {
    let bridge = opened();
    let (mut typing, mut watching) = (join(&bridge, STREAM), join(&bridge, &format!("{STREAM}?mode=watch")));
    typing.bytes(b"echo by-a-person\r");
    typing.shows("by-a-person\r\n");
    watching.shows("by-a-person\r\n");
    let told = call(
        &bridge,
        "terminal_write",
        &json!({"session": "build", "text": "echo by-a-program", "enter": true, "read": {}}),
    );
    assert!(told["structured"]["text"].as_str().unwrap_or_default().contains("by-a-program"), "{told}");
    watching.shows("by-a-program\r\n");
    typing.text(r#"{"resize":{"columns":101,"rows":31}}"#);
    typing.bytes(b"stty size\r");
    typing.shows("31 101");
    let mut late = join(&bridge, STREAM);
    late.shows("by-a-program");
    bridge.holds();
}

#[test]
fn a_person_pauses_the_typing_of_programs_and_takes_over() {
    let bridge = opened();
    let mut person = join(&bridge, STREAM);
    person.text(r#"{"pause":true}"#);
    while person.json()["paused"] != true {}
    let refused =
        call(&bridge, "terminal_write", &json!({"session": "build", "text": "touch made", "enter": true}));
    assert_eq!(refused["is_error"], true, "{refused}");
    person.bytes(b"echo mine\r");
    person.shows("mine\r\n");
    person.text(r#"{"pause":false}"#);
    while person.json()["paused"] != false {}
    let told = call(
        &bridge,
        "terminal_write",
        &json!({"session": "build", "text": "echo again", "enter": true, "read": {}}),
    );
    assert!(told["structured"]["text"].as_str().unwrap_or_default().contains("again"), "{told}");
    assert!(!bridge.home.in_root("made").exists());
    bridge.holds();
}

#[test]
fn others_do_not_find_it_and_a_lost_right_ends_it() {
    let bridge = opened();
    let guest = bridge.home.add_key("guest", &["--scope", "terminal_*"]);
    assert_eq!(Socket::open(&bridge, STREAM, &guest).err(), Some(404));
    assert_eq!(Socket::open(&bridge, "/api/terminals/none/stream", &bridge.key).err(), Some(404));
    let outsider = bridge.home.add_key("outsider", &["--scope", "files_*"]);
    assert_eq!(Socket::open(&bridge, STREAM, &outsider).err(), Some(404));

    let opened =
        post(&bridge, "/api/tools/terminal_open", &guest, &json!({"name": "theirs", "shell": "bash"}));
    assert_eq!(opened.status, 200, "{}", opened.text());
    let mut theirs = Socket::open(&bridge, "/api/terminals/theirs/stream?mode=watch", &guest).ok().unwrap();
    bridge.home.run(&["keys", "revoke", "guest"]).good();
    assert_eq!(theirs.end().0, 4401);

    let mut mine = join(&bridge, STREAM);
    bridge.home.run(&["raise"]).good();
    let (code, why) = mine.end();
    assert!(code == 4403 && why.contains("raised"), "{code} {why}");
    assert_eq!(Socket::open(&bridge, STREAM, &bridge.key).err(), Some(423));
    bridge.home.run(&["lower"]).good();
    let mut again = join(&bridge, STREAM);
    again.bytes(b"echo alive\r");
    again.shows("alive\r\n");
    bridge.holds();
}

#[test]
fn the_end_of_the_program_is_the_end_of_the_stream() {
    let bridge = opened();
    let mut socket = join(&bridge, STREAM);
    socket.bytes(b"exit 3\r");
    while socket.json()["ended"]["exit_code"] != 3 {}
    assert_eq!(socket.end().0, 1000);
    bridge.holds();
}
