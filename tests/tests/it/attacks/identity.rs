//! C: who somebody is.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use crate::program::{Bridge, Home, Modern, Ran, Request, Session, went_well};

#[test]
fn c1_session_ids_are_unique_and_unguessable() {
    const SESSIONS: usize = 500;
    let bridge = Bridge::start();
    let (address, key) = (bridge.hub.address(), &bridge.key);
    let ids: std::collections::HashSet<String> =
        (0..SESSIONS).map(|_| Session::open(address, key, "2025-11-25").session_id).collect();
    assert_eq!(ids.len(), SESSIONS);
    assert!(ids.iter().all(|id| id.len() >= 32 && id.chars().all(|letter| letter.is_ascii_graphic())));
    // No two begin alike: nothing in them counts up or tells the time.
    let begins: std::collections::HashSet<&str> = ids.iter().map(|id| &id[..8]).collect();
    assert!(begins.len() > SESSIONS - 2, "{} of {SESSIONS}", begins.len());
    bridge.holds();
}

#[test]
fn c2_a_session_of_another_key() {
    let bridge = Bridge::start();
    let address = bridge.hub.address();
    let mut session = Session::open(address, &bridge.key, "2025-11-25");
    let guest = bridge.home.add_key("guest", &[]);
    let arguments = json!({"path": "Drawbridge/by-a-guest.txt", "content": "x"});
    let call = session.request("tools/call", json!({"name": "files_write", "arguments": arguments}));
    let listen = Request { method: "GET".to_owned(), body: Vec::new(), ..call.clone() };
    let end = Request { method: "DELETE".to_owned(), ..listen.clone() };
    let notice = session
        .raw("POST", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#);
    for request in [call, listen, end, notice] {
        let stolen = request.clone().with("Authorization", format!("Bearer {guest}"));
        let answer = bridge.hub.connect().ask(&stolen);
        assert_eq!(answer.status, 404, "{}: {}", request.method, answer.text());
        let invented = request.with("Mcp-Session-Id", "0".repeat(32));
        assert_eq!(bridge.hub.connect().ask(&invented).text(), answer.text(), "whose it is cannot be told");
    }
    assert!(!bridge.home.in_root("by-a-guest.txt").exists());
    assert!(went_well_in(&mut session), "its owner still has it");
    bridge.holds();
}

fn went_well_in(session: &mut Session) -> bool {
    session.tool("files_list", json!({}))["result"]["isError"] == false
}

#[test]
fn c4_identity_anywhere_but_in_the_key() {
    let bridge = Bridge::start();
    let key = &bridge.key;
    let claims = |request: Request| {
        request
            .and("X-Forwarded-For", "127.0.0.1")
            .and("Forwarded", "for=127.0.0.1;by=owner")
            .and("X-Real-IP", "127.0.0.1")
            .and("X-Forwarded-User", "owner")
            .and("X-Drawbridge-Caller", "owner")
            .and("Remote-User", "owner")
    };
    let mut nobody = Modern::new(bridge.hub.address(), "");
    let call = nobody.request("tools/list", json!({})).without("Authorization");
    for target in [
        format!("/mcp?key={key}"),
        format!("/mcp?access_token={key}"),
        format!("/mcp/{key}"),
        format!("/{key}/mcp"),
    ] {
        let request = claims(Request { target: target.clone(), ..call.clone() });
        assert_eq!(bridge.hub.connect().ask(&request).status, 401, "{target}");
    }

    let mut guest = bridge.guest("guest", &["--scope", "files_list"]);
    let write = json!({"name": "files_write", "arguments": {"path": "Drawbridge/x", "content": "x"}, "caller": "owner"});
    let request = guest.request("tools/call", write);
    let request = claims(Request { target: "/mcp?caller=owner&tier=owner".to_owned(), ..request });
    let answer = bridge.hub.connect().ask(&request).json();
    assert!(!went_well(&answer) && !bridge.home.in_root("x").exists(), "{answer}");
    let record = bridge.home.audited("the guest's call", |record| record["target"] == "files_write");
    assert_eq!((&record["caller"], &record["phase"]), (&json!("key:guest"), &json!("refused")));
    let log = bridge.home.log();
    assert!(!log.contains(key.as_str()), "a key in a path or query got into the log");
    bridge.holds();
}

#[test]
fn c7_a_placeholder_as_owner_key() {
    for bad in [
        "",
        "short",
        "changeme-changeme-changeme-changeme",
        "your-key-here-your-key-here-your-key",
        "drawbridge_example_drawbridge_example",
        "00000000000000000000000000000000",
        "0123456789abcdef0123456789abcdef",
        "a key with blanks in it, 32 and more",
    ] {
        let home = Home::new();
        let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("DRAWBRIDGE_OWNER_KEY", bad);
        let ran = Ran::of(command);
        let said = ran.err();
        assert!(ran.code() == 1 && said.contains("DRAWBRIDGE_OWNER_KEY"), "{bad:?}: {said}");
        assert!(bad.is_empty() || !said.contains(bad), "{said}");
        let keys = home.run(&["--json", "keys", "list", "--all"]).good();
        assert_eq!(keys.trim(), "[]", "{bad:?} made a key");
    }
}

/// Everything in the state folder that holds a secret, and the folder itself.
#[test]
fn c7_a_secret_that_others_can_read() {
    let home = Home::new();
    drop(home.serve());
    let database: Vec<_> =
        files_of(&home.state()).into_iter().filter(|name| name.starts_with("drawbridge.db")).collect();
    assert!(!database.is_empty());
    for name in database {
        for mode in [0o640, 0o604, 0o620, 0o602, 0o666] {
            check_refused(&home, &home.state().join(&name), mode);
        }
    }
    for mode in [0o777, 0o770, 0o702] {
        check_refused(&home, &home.state(), mode);
    }
    let hub = home.serve();
    assert_eq!(hub.addresses.len(), 1, "with the modes set right it starts again");
}

/// Whoever can change the configuration can give away everything.
#[test]
fn c7_a_configuration_that_others_can_change() {
    let home = Home::new();
    home.configure("");
    for mode in [0o666, 0o660, 0o602] {
        check_refused(&home, &home.state().join("config.toml"), mode);
    }
    home.run(&["call", "files_list"]).good();
}

fn files_of(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// With this mode on `path`, nothing starts, and what it says names the file and the cure.
fn check_refused(home: &Home, path: &Path, mode: u32) {
    let before = fs::metadata(path).unwrap().permissions();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["stdio"], &["call", "files_list"]] {
        let ran = home.run(arguments);
        let said = ran.err();
        let (named, cure) = (said.contains(path.to_str().unwrap()), said.contains("chmod"));
        assert!(ran.code() == 1 && named && cure, "{arguments:?} with mode {mode:o}: {said}");
    }
    fs::set_permissions(path, before).unwrap();
}

#[test]
fn c7_a_database_behind_a_link() {
    let home = Home::new();
    drop(home.serve());
    let (database, moved) = (home.state().join("drawbridge.db"), home.path("outside/moved.db"));
    fs::rename(&database, &moved).unwrap();
    symlink(&moved, &database).unwrap();
    let ran = home.run(&["call", "files_list"]);
    assert!(ran.code() == 1 && ran.err().contains(database.to_str().unwrap()), "{}", ran.err());
}

#[test]
fn c7_what_is_made_is_for_the_owner_alone() {
    let home = Home::new();
    let mut hub = home.serve();
    assert!(hub.lives());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.state()), 0o700);
    for name in files_of(&home.state()).iter().filter(|name| *name != "logs") {
        let path = home.state().join(name);
        let alone = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), alone, "{name}");
    }
}
