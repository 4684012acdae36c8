//! A client of MCP LM Terminal, with nothing changed but the address and the token.

use std::time::Instant;

use serde_json::{Value, json};

use super::socket::Socket;
use super::{post, with_terminals};
use crate::program::{Bridge, Request};

const STREAM: &str = "/terminal/stream";

fn command(bridge: &Bridge, body: &Value) -> Value {
    let answer = post(bridge, "/terminal/cmd", &bridge.key, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn commands_answer_as_they_did_and_tell_the_truth() {
    let bridge = with_terminals();
    let status = Request::new("GET", "/status").and("Authorization", format!("Bearer {}", bridge.key));
    assert_eq!(
        bridge.hub.connect().ask(&status).json()["terminal"],
        json!({"status": "available", "timeout": "20s"})
    );

    let said = command(&bridge, &json!({"cmd": "echo hi; echo no >&2"}));
    assert_eq!((&said["stdout"], &said["stderr"]), (&json!("hi"), &json!("no")));
    assert_eq!(
        (&said["success"], &said["exit_code"], &said["command"]),
        (&json!(true), &json!(0), &json!("echo hi; echo no >&2"))
    );
    assert!(said["execution_time"].as_f64().unwrap() < 20.0);

    let failed = command(&bridge, &json!({"cmd": "exit 3"}));
    assert_eq!((&failed["success"], &failed["exit_code"]), (&json!(false), &json!(3)));
    assert_eq!(command(&bridge, &json!({"cmd": "no-such-program"}))["exit_code"], 127);

    let begun = Instant::now();
    let late = command(&bridge, &json!({"cmd": "echo begun; sleep 30 & sleep 30", "timeout": 1}));
    assert!(begun.elapsed().as_secs() < 25, "its children did not hold it up");
    assert_eq!(
        (&late["success"], &late["exit_code"], &late["stdout"]),
        (&json!(false), &json!(-1), &json!("begun"))
    );
    assert!(late["stderr"].as_str().unwrap().starts_with("[TIMEOUT]"), "{late}");
    bridge.holds();
}

#[test]
fn a_stream_is_a_shell_that_remembers_and_waits_for_late_output() {
    let bridge = with_terminals();
    let mut socket = Socket::open(&bridge, STREAM, &bridge.key).ok().unwrap();
    assert_eq!(socket.json()["type"], "connected");
    let mut ask = |line: &str| {
        socket.text(line);
        let answer = socket.json();
        assert_eq!((&answer["type"], &answer["command"]), (&json!("output"), &json!(line)), "{answer}");
        answer["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask("echo hi"), "hi", "no echo, no prompt, no escapes");
    assert_eq!(ask("sleep 2; echo late"), "late");
    assert_eq!(ask("cd /; NAME=value"), "");
    assert_eq!(ask("pwd; echo $NAME"), "/\nvalue");
    socket.text("exit");
    assert_eq!(socket.json()["type"], "info");
    assert_eq!(socket.end().0, 1000);
    let listed = post(&bridge, "/api/tools/terminal_list", &bridge.key, &json!({}));
    assert!(!listed.text().contains("\"session\":"), "nothing is left open: {}", listed.text());
    bridge.holds();
}

#[test]
fn without_the_owners_leave_nothing_runs() {
    let bridge = Bridge::start();
    let asked = post(&bridge, "/terminal/cmd", &bridge.key, &json!({"cmd": "touch made"}));
    assert_eq!(asked.status, 428, "{}", asked.text());
    assert!(asked.json()["detail"].as_str().unwrap().contains("drawbridge approvals approve"));
    let mut socket = Socket::open(&bridge, STREAM, &bridge.key).ok().unwrap();
    let error = socket.json();
    assert!(error["type"] == "error" && error["message"].as_str().unwrap().contains("approve"), "{error}");
    assert_eq!(socket.end().0, 1011);
    assert_eq!(Socket::open(&bridge, STREAM, "wrong").err(), Some(401));
    assert!(!bridge.home.in_root("made").exists());
    bridge.holds();
}
