//! The commands that need no hub.

use serde_json::Value;

use crate::program::Home;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_tool_is_called_in_process_when_no_hub_runs() {
    let home = Home::new();
    let written = home.run(&["call", "files_write", r#"{"path": "Drawbridge/a.txt", "content": "hello"}"#]);
    written.good();
    assert_eq!(std::fs::read_to_string(home.root().join("a.txt")).unwrap(), "hello");
    assert_eq!(home.run(&["call", "files_read", r#"{"path": "Drawbridge/a.txt"}"#]).good().trim(), "hello");
}

#[test]
fn the_exit_status_tells_failure_from_usage() {
    let home = Home::new();
    let missing = home.run(&["call", "files_read", r#"{"path": "Drawbridge/none.txt"}"#]);
    assert_eq!(missing.code(), 1, "{}", missing.out());
    let unknown = home.run(&["call", "files_fly"]);
    assert_eq!((unknown.code(), unknown.err().contains("files_fly")), (1, true));
    let garbled = home.run(&["call", "files_read", "path=a"]);
    assert!(garbled.err().contains("not a JSON object"), "{}", garbled.err());
    assert_eq!(home.run(&["fly"]).code(), 2);
}

#[test]
fn arguments_come_from_standard_input_too() {
    let home = Home::new();
    let mut child = home
        .command(&["call", "files_list", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), br#"{"path": "Drawbridge"}"#).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn keys_are_added_shown_once_listed_and_revoked() {
    let home = Home::new();
    let added = json(
        &home.run(&["--json", "keys", "add", "laptop", "--scope", "files_*", "--expires", "30d"]).good(),
    );
    let secret = added["secret"].as_str().unwrap();
    assert!(secret.starts_with("drawbridge_"));
    let listed = home.run(&["keys", "list"]).good();
    assert!(listed.contains("laptop") && listed.contains("files_*") && !listed.contains(secret), "{listed}");
    for file in std::fs::read_dir(home.state()).unwrap() {
        let path = file.unwrap().path();
        let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "the secret is in {}",
            path.display()
        );
    }
    let twice = home.run(&["keys", "add", "laptop"]);
    assert!(twice.code() == 1 && twice.err().contains("laptop"), "{}", twice.err());
    home.run(&["keys", "revoke", "laptop"]).good();
    assert!(!home.run(&["keys", "list"]).good().contains("laptop"));
    assert_eq!(home.run(&["keys", "revoke", "laptop"]).code(), 1);
}

#[test]
fn a_bad_scope_or_time_is_refused_before_anything_is_written() {
    let home = Home::new();
    assert!(home.run(&["keys", "add", "x", "--scope", "files_["]).err().contains("files_["));
    assert_eq!(home.run(&["keys", "add", "x", "--expires", "soon"]).code(), 2);
    assert!(home.run(&["keys", "list"]).good().contains("no key"));
}

#[test]
fn a_raised_bridge_refuses_and_a_lowered_one_does_not() {
    let home = Home::new();
    home.run(&["raise"]).good();
    let refused = home.run(&["call", "files_list"]);
    assert!(refused.code() != 0 && (refused.out() + &refused.err()).contains("raised"));
    assert!(home.run(&["status"]).good().contains("raised"));
    home.run(&["lower"]).good();
    home.run(&["call", "files_list"]).good();
}

#[test]
fn the_configuration_is_checked_field_by_field() {
    let home = Home::new();
    assert!(home.run(&["config", "check"]).good().contains("right"));
    home.configure("listen = 5\nlisten_to = \"x\"\n[log]\nformat = \"xml\"\n");
    let checked = home.run(&["config", "check"]);
    assert_eq!(checked.code(), 1);
    for field in ["listen:", "listen_to:", "log.format:"] {
        assert!(checked.out().contains(field), "{field} is not named in {}", checked.out());
    }
    let started = home.run(&["serve"]);
    assert!(started.code() == 1 && started.err().contains("3 fields"), "{}", started.err());
}

#[test]
fn the_audit_tells_what_was_done_and_notices_tampering() {
    let home = Home::new();
    home.run(&["call", "files_mkdir", r#"{"path": "Drawbridge/new"}"#]).good();
    let tail = home.run(&["audit", "tail"]).good();
    assert!(tail.contains("files_mkdir") && tail.contains("ok"), "{tail}");
    assert!(home.run(&["audit", "verify"]).good().contains("whole"));
    assert!(home.run(&["audit", "show", "1"]).good().contains("files_mkdir"));
    let database = rusqlite::Connection::open(home.state().join("drawbridge.db")).unwrap();
    database.execute("UPDATE audit SET target = 'files_list' WHERE seq = 1", ()).unwrap();
    drop(database);
    let verified = home.run(&["audit", "verify"]);
    assert!(verified.code() == 1 && verified.out().contains("record 1"), "{}", verified.out());
}

#[test]
fn a_question_waits_for_the_owner_and_is_answered_on_the_command_line() {
    let home = Home::new();
    home.configure("[[rules]]\ntools = [\"files_mkdir\"]\nthen = \"ask\"\n");
    let asked = home.run(&["call", "files_mkdir", r#"{"path": "Drawbridge/new"}"#]);
    assert!(asked.code() != 0 && asked.err().contains("approval"), "{}", asked.err());
    let waiting = json(&home.run(&["--json", "approvals", "list"]).good());
    let id = waiting[0]["id"].as_str().unwrap();
    home.run(&["approvals", "approve", id]).good();
    home.run(&["call", "files_mkdir", r#"{"path": "Drawbridge/new"}"#]).good();
    assert!(home.root().join("new").is_dir());
    assert!(home.run(&["approvals", "list"]).good().contains("Nothing waits"));
}

#[test]
fn connect_shows_first_then_writes_and_undoes() {
    let home = Home::new();
    let file = home.path(".cursor/mcp.json");
    assert!(home.run(&["connect", "cursor", "--dry-run"]).good().contains("+"));
    assert!(!file.exists());
    home.run(&["connect", "cursor"]).good();
    let entry = json(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(entry["mcpServers"]["drawbridge"]["args"], serde_json::json!(["stdio"]));
    assert!(home.run(&["connect", "cursor"]).good().contains("already"));
    home.run(&["connect", "cursor", "--remove"]).good();
    assert!(!file.exists());
    assert!(home.run(&["connect"]).good().contains("cursor"));
    assert!(home.run(&["connect", "netscape"]).err().contains("netscape"));
}

#[test]
fn doctor_says_what_is_wrong_and_what_to_do() {
    let home = Home::new();
    home.run(&["call", "files_list"]).good();
    let doctor = home.run(&["doctor"]).good();
    assert!(doctor.contains("all end with the hub"), "{doctor}");
    home.configure("[[files.roots]]\nname = \"gone\"\npath = \"/nowhere/at/all\"\n");
    let doctor = home.run(&["doctor"]);
    assert!(doctor.code() == 1 && doctor.out().contains("/nowhere/at/all"), "{}", doctor.out());
}

#[test]
fn completions_man_pages_and_help_are_there() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(home.run(&["completions", shell]).good().contains("drawbridge"), "{shell}");
    }
    home.run(&["man", home.path("man").to_str().unwrap()]).good();
    assert!(home.path("man/drawbridge-audit-tail.1").exists());
    for command in ["serve", "call", "connect", "keys", "approvals", "audit", "config", "tools"] {
        assert!(home.run(&[command, "--help"]).good().contains("Example"), "{command} --help has no example");
    }
}

#[test]
fn a_state_folder_that_others_can_change_is_refused_by_name() {
    let home = Home::new();
    home.configure("");
    std::fs::set_permissions(home.state(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let refused = home.run(&["call", "files_list"]);
    assert!(
        refused.code() == 1 && refused.err().contains(home.state().to_str().unwrap()),
        "{}",
        refused.err()
    );
}
