//! H: text that is more than text.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Bridge, Home, Modern, Ran};

/// File names and arguments that would do something to a terminal, or to who reads it.
const EVIL: &[&str] = &[
    "red\u{1b}[31m.txt",
    "clear\u{1b}[2J\u{1b}[H.txt",
    "clipboard\u{1b}]52;c;ZXZpbA==\u{7}.txt",
    "title\u{1b}]0;evil\u{1b}\\.txt",
    "one-byte\u{9b}2J\u{9d}52;c;ZXZpbA==\u{9c}.txt",
    "back\u{8}\u{8}\u{8}\u{7f}.txt",
    "return\rok.txt",
    "bidi\u{202e}fdp.exe",
    "isolated\u{2066}x\u{2069}\u{200f}.txt",
    "tags\u{e0041}\u{e0042}.txt",
    "line\n     1 2026-01-01 00:00:00 owner        files_list ok.txt",
];

/// A hub whose root holds a file of each of these names, and whose caller has asked for them by name.
fn bridge() -> Bridge {
    let bridge = Bridge::configured("[[rules]]\ntools = [\"files_mkdir\"]\nthen = \"ask\"\n");
    for name in EVIL {
        fs::write(bridge.home.in_root(name), "plain").unwrap();
    }
    bridge
}

/// Runs a command as on a terminal with colours, and checks that nothing but our own colours reaches it.
fn check(home: &Home, arguments: &[&str]) -> String {
    let mut command = home.command(arguments);
    command.env("CLICOLOR_FORCE", "1").env("TERM", "xterm-256color");
    let ran = Ran::of(command);
    for text in [ran.out(), ran.err()] {
        let plain = without_colours(&text);
        let bad: Vec<char> = plain.chars().filter(|character| is_bad(*character)).collect();
        assert!(bad.is_empty(), "{arguments:?} printed {bad:?}:\n{plain:?}");
    }
    without_colours(&ran.out())
}

fn is_bad(character: char) -> bool {
    let hides = matches!(
        character,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{e0000}'..='\u{e007f}'
    );
    hides || (character.is_control() && !matches!(character, '\n' | '\t'))
}

/// Without the sequences that set colours (ECMA-48, SGR): those we print ourselves.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('m') {
            Some((code, rest)) if code.chars().all(|letter| letter.is_ascii_digit() || letter == ';') => {
                plain += rest;
            }
            _ => plain = plain + "\u{1b}[" + piece,
        }
    }
    plain
}

#[test]
fn h4_in_what_commands_print() {
    let mut bridge = bridge();
    for name in EVIL {
        let path = format!("Drawbridge/{name}");
        bridge.owner.tool("files_read", json!({"path": path}));
        bridge.owner.tool("files_stat", json!({"path": format!("{path}-not-there")}));
        bridge.owner.tool("files_mkdir", json!({"path": format!("{path}-folder")}));
        bridge.owner.tool(name, json!({"path": path}));
        for json in [&[][..], &["--json"]] {
            let with = |rest: &[&str]| check(&bridge.home, &[json, rest].concat());
            with(&["call", "files_read", &json!({"path": path}).to_string()]);
            with(&["call", "files_stat", &json!({"path": format!("{path}-not-there")}).to_string()]);
            with(&["call", name]);
            with(&["tools", name]);
        }
    }
    bridge.home.audited("the last call", |record| record["target"] == *EVIL.last().unwrap());
    for json in [&[][..], &["--json"]] {
        let with = |rest: &[&str]| check(&bridge.home, &[json, rest].concat());
        for arguments in [
            &["audit", "tail", "-n", "500"][..],
            &["approvals", "list"],
            &["approvals", "list", "--all"],
            &["call", "files_list", "{}"],
            &["call", "files_tree", "{}"],
            &["call", "files_find", r#"{"pattern": "*"}"#],
            &["call", "files_search", r#"{"pattern": "."}"#],
            &["keys", "list"],
            &["status"],
        ] {
            with(arguments);
        }
        for record in bridge.home.audit().iter().filter(|record| record["entrance"] == "mcp.http") {
            with(&["audit", "show", &record["seq"].to_string()]);
        }
    }
    bridge.holds();
}

/// What `--json` prints is still what it was, for programs.
#[test]
fn h4_json_loses_nothing() {
    let bridge = bridge();
    for name in EVIL {
        let path = format!("Drawbridge/{name}-not-there");
        check(&bridge.home, &["call", "files_write", &json!({"path": path, "content": ""}).to_string()]);
        let printed = check(&bridge.home, &["--json", "audit", "tail", "-n", "1", "--tool", "files_write"]);
        let record: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(record["target"], "files_write");
        let printed =
            check(&bridge.home, &["--json", "call", "files_stat", &json!({"path": path}).to_string()]);
        let looked: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(looked["structuredContent"]["path"], path);
    }
    bridge.holds();
}

/// The question that the owner's host shows is the last thing before a yes: nothing in it may hide or turn round.
#[test]
fn h4_in_the_question_to_the_owner() {
    let bridge = bridge();
    let mut owner = Modern::new(bridge.hub.address(), &bridge.key).with_elicitation();
    for name in EVIL {
        let asked = owner.tool("files_mkdir", json!({"path": format!("Drawbridge/{name}-folder")}));
        let question = &asked["result"]["inputRequests"]["drawbridge_approval"]["params"]["message"];
        let question = question.as_str().unwrap_or_else(|| panic!("{asked}"));
        let bad: Vec<char> = question.chars().filter(|character| is_bad(*character)).collect();
        assert!(bad.is_empty(), "{bad:?} in {question:?}");
    }
    bridge.holds();
}

#[test]
fn h10_newlines_into_audit_and_log() {
    const FORGED: &str = "forged-line";
    let forged = format!("x\r\n{FORGED}\n{FORGED}\u{2028}{FORGED}\u{85}{FORGED}");
    let mut bridge = bridge();
    for arguments in [json!({"path": forged.clone()}), json!({forged.clone(): 1})] {
        bridge.owner.tool("files_read", arguments.clone());
        bridge.owner.tool("files_mkdir", arguments.clone());
        bridge.owner.tool(&forged, arguments);
    }
    bridge.owner.ask("resources/read", json!({"uri": format!("file:///{forged}")}));
    bridge.owner.ask("prompts/get", json!({"name": forged}));
    let named_wrongly = bridge.owner.request(&forged, json!({})).with("Mcp-Method", "tools/list");
    bridge.owner.send(&named_wrongly);
    let mut request = bridge.owner.request("tools/list", json!({}));
    request.body =
        String::from_utf8(request.body).unwrap().replace("\"test\"", &json!(forged).to_string()).into_bytes();
    bridge.owner.send(&request);
    let stranger =
        Modern::new(bridge.hub.address(), "x").raw("tools/list", forged.clone()).and("User-Agent", FORGED);
    bridge.hub.connect().ask(&stranger);

    bridge.home.audited("the last of them", |record| {
        record["target"].as_str().is_some_and(|target| target.contains("prompt:"))
    });
    let records = bridge.home.audit();
    let printed = check(&bridge.home, &["audit", "tail", "-n", "1000"]);
    assert_eq!(printed.lines().count(), records.len(), "one line for each record");
    for text in [printed, bridge.home.log()] {
        let forged = |line: &&str| line.trim_start().starts_with(FORGED);
        assert_eq!(text.lines().find(forged), None, "a line was forged");
    }
    let told = |record: &&Value| record.to_string().contains(FORGED);
    assert!(records.iter().filter(told).count() >= 5, "what was tried is told");
    bridge.holds();
}
