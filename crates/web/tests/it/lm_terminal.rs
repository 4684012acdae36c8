//! The routes of MCP LM Terminal, with its documented shapes.

use drawbridge_contract::Refusal;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::house::{House, Socket, eventually};

const STREAM: &str = "/terminal/stream";

#[tokio::test]
async fn the_status_has_its_shape() {
    let answer = House::open().await.get("/status").await.json();
    let expected = json!({
        "status": "online",
        "lm_studio": {"connected": false, "host": "", "model": "", "available": false},
        "terminal": {"status": "available", "timeout": "20s"},
        "version": env!("CARGO_PKG_VERSION"),
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_command_is_answered_in_the_old_words_and_truthfully() {
    let house = House::open().await;
    let ask = async |body: &str| house.post("/terminal/cmd", body).await;
    assert_eq!(
        ask(r#"{"cmd": "ls", "timeout": 3}"#).await.json(),
        json!({"success": true, "command": "ls", "stdout": "ls within 3000 ms", "stderr": "", "exit_code": 0, "execution_time": 0.0125})
    );
    assert_eq!(ask(r#"{"cmd": "ls"}"#).await.json()["stdout"], "ls within 20000 ms");
    assert_eq!(ask(r#"{"cmd": "ls", "timeout": 86400}"#).await.json()["stdout"], "ls within 600000 ms");
    let failed = ask(r#"{"cmd": "exit 3"}"#).await;
    assert_eq!(
        (failed.status.as_u16(), &failed.json()["success"], &failed.json()["exit_code"]),
        (200, &json!(false), &json!(3))
    );
    let late = ask(r#"{"cmd": "hang", "timeout": 1}"#).await.json();
    assert_eq!((&late["success"], &late["exit_code"]), (&json!(false), &json!(-1)));
    assert!(late["stderr"].as_str().unwrap().starts_with("[TIMEOUT]"), "{late}");
    let broken = ask(r#"{"cmd": "missing"}"#).await;
    assert_eq!(
        (broken.status.as_u16(), broken.json()),
        (500, json!({"detail": "Terminal error: there is no shell"}))
    );
}

#[tokio::test]
async fn what_does_not_fit_is_answered_in_the_old_form() {
    let house = House::open().await;
    let answer = house.post("/terminal/cmd", r#"{"command": "ls"}"#).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "cmd"]));
    house.door.refuse(Refusal::NeedsApproval("ask the owner".to_owned()));
    let refused = house.post("/terminal/cmd", r#"{"cmd": "ls"}"#).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["detail"]), (428, &json!("ask the owner")));
}

async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        let message = tokio::time::timeout(std::time::Duration::from_secs(60), socket.next())
            .await
            .expect("nothing came");
        match message?.unwrap() {
            Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

async fn say(socket: &mut Socket, line: &str) {
    socket.send(Message::text(line)).await.unwrap();
}

fn output(command: &str, result: &str) -> Option<Value> {
    Some(json!({"type": "output", "command": command, "result": result}))
}

#[tokio::test]
async fn lines_go_one_way_and_answers_the_other() {
    let house = House::open().await;
    let mut socket = house.socket(STREAM).await;
    assert_eq!(next(&mut socket).await.unwrap()["type"], "connected");
    say(&mut socket, "echo hi\n").await;
    assert_eq!(next(&mut socket).await, output("echo hi", "hi"));
    say(&mut socket, "").await;
    assert_eq!(next(&mut socket).await, output("", ""), "a blank line is answered too");
    say(&mut socket, "echo a").await;
    say(&mut socket, "echo b").await;
    assert_eq!(
        next(&mut socket).await,
        output("echo a", "a"),
        "lines that come at once are answered one by one"
    );
    assert_eq!(next(&mut socket).await, output("echo b", "b"));
    say(&mut socket, " Quit ").await;
    assert_eq!(next(&mut socket).await.unwrap()["type"], "info");
    assert_eq!(next(&mut socket).await, None);
    assert_eq!(house.terminal.typed(), ["echo hi", "echo a", "echo b"]);
    eventually("the terminal was closed", || house.terminal.closed() == 1).await;
}

#[tokio::test]
async fn a_program_that_stays_takes_the_lines_that_follow() {
    let house = House::open().await;
    let mut socket = house.socket(STREAM).await;
    next(&mut socket).await;
    say(&mut socket, "repl").await;
    assert_eq!(next(&mut socket).await, output("repl", "welcome"));
    say(&mut socket, "hello").await;
    assert_eq!(next(&mut socket).await, output("hello", "you said hello"));
    say(&mut socket, "done").await;
    assert_eq!(next(&mut socket).await, output("done", "left"));
    say(&mut socket, "echo back").await;
    assert_eq!(next(&mut socket).await, output("echo back", "back"));
    drop(socket);
    eventually("the terminal was closed for one who left", || house.terminal.closed() == 1).await;
}

#[tokio::test]
async fn what_is_refused_is_an_error_and_the_end() {
    let house = House::open().await;
    let mut socket = house.socket(STREAM).await;
    next(&mut socket).await;
    house.door.refuse(Refusal::Denied("no".to_owned()));
    say(&mut socket, "echo hi").await;
    assert_eq!(next(&mut socket).await, Some(json!({"type": "error", "message": "denied: no"})));
    assert_eq!(next(&mut socket).await, None);
    let stranger =
        house.open_socket(STREAM, |request| drop(request.headers_mut().remove("authorization"))).await;
    assert_eq!(stranger.unwrap_err().status(), 401, "the stream has a lock now");
}
