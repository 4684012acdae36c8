//! The hub.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::program::Home;

/// One request without a client library, so that nothing is added that we did not write.
fn http(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{head}Host: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn discover(address: SocketAddr, key: &str) -> String {
    let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{{"_meta":{meta}}}}}"#);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: server/discover\r\n"
    );
    http(address, &head, &body)
}

#[test]
fn it_says_where_it_is_shows_the_key_once_and_ends_on_ctrl_c() {
    let home = Home::new();
    let hub = home.serve();
    let key = hub.key();
    assert!(hub.greeting.contains("drawbridge connect"), "{}", hub.greeting);
    assert!(discover(hub.address, &key).contains("2026-07-28"));
    assert!(hub.interrupt().contains("everything is written"));
    let again = home.serve();
    assert!(!again.greeting.contains("drawbridge_"), "{}", again.greeting);
    assert!(discover(again.address, &key).contains("200 OK"), "the key is still good");
}

#[test]
fn a5_nothing_but_health_answers_without_a_key() {
    let home = Home::new();
    let hub = home.serve();
    let health = http(hub.address, "GET /health HTTP/1.1\r\n", "");
    assert!(health.contains("200 OK") && health.ends_with("ok"), "{health}");
    for path in ["/", "/mcp", "/api/status", "/health/", "/nothing"] {
        let answer = http(hub.address, &format!("GET {path} HTTP/1.1\r\n"), "");
        assert!(
            answer.contains("401 Unauthorized") && answer.contains("drawbridge keys add"),
            "{path}: {answer}"
        );
    }
    let status = http(
        hub.address,
        &format!("GET /api/status HTTP/1.1\r\nAuthorization: Bearer {}\r\n", hub.key()),
        "",
    );
    assert!(status.contains(r#""bridge":"lowered""#), "{status}");
}

#[test]
fn a_second_hub_on_the_same_state_says_where_the_first_is() {
    let home = Home::new();
    let hub = home.serve();
    let second = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(second.code() == 1 && second.err().contains(&hub.address.to_string()), "{}", second.err());
}

#[test]
fn an_address_in_use_is_named() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = home.run(&["serve", "--listen", &address]);
    assert!(refused.err().contains(&address) && refused.err().contains("--listen"), "{}", refused.err());
}

#[test]
fn the_command_line_goes_through_the_running_hub() {
    let home = Home::new();
    let hub = home.serve();
    std::fs::write(home.root().join("a.txt"), "from the hub").unwrap();
    assert_eq!(
        home.run(&["call", "files_read", r#"{"path": "Drawbridge/a.txt"}"#]).good().trim(),
        "from the hub"
    );
    // Reads reach the disk within a tenth of a second.
    let tail = || home.run(&["--json", "audit", "tail"]).good();
    let is_there = |_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        tail().contains(r#""entrance":"mcp.http""#)
    };
    assert!((0..600).any(is_there), "{}", tail());
    home.run(&["raise"]).good();
    assert!(home.run(&["call", "files_list"]).code() != 0, "raising is felt by the running hub at once");
    drop(hub);
}

#[test]
fn the_owner_key_can_be_given_and_placeholders_cannot() {
    let home = Home::new();
    let key = "k3J9x-Qm2Lw8Zt5Vb7Nc4Rp6Ys1Hd0Fg";
    let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("DRAWBRIDGE_OWNER_KEY", key);
    let hub = home.serve_as(command);
    assert!(discover(hub.address, key).contains("200 OK"));
    drop(hub);
    for bad in ["short", "changeme-changeme-changeme-changeme"] {
        let refused = home
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .env("DRAWBRIDGE_OWNER_KEY", bad)
            .output()
            .unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && said.contains("DRAWBRIDGE_OWNER_KEY") && !said.contains(bad),
            "{said}"
        );
    }
}

#[test]
fn after_kill_9_it_starts_again_and_the_audit_is_whole() {
    let home = Home::new();
    for _ in 0..3 {
        let hub = home.serve();
        home.run(&["call", "files_write", r#"{"path": "Drawbridge/a.txt", "content": "x"}"#]).good();
        drop(hub);
    }
    home.run(&["audit", "verify"]).good();
}
