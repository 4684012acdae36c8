//! Programs that draw, driven through the tools as an AI does it, with what a person would see.

use expect_test::{Expect, expect};
use serde_json::json;

use crate::desk::Desk;

/// A terminal of this size in which nothing is of the person who tests.
async fn desk(program: &[&str]) -> Desk {
    let desk = Desk::new();
    let variables = json!({ "HOME": desk.at(""), "LC_ALL": "C.UTF-8", "PYTHON_BASIC_REPL": "1" });
    desk.owner
        .data(
            "terminal_open",
            json!({ "name": "t", "argv": program, "columns": 60, "rows": 10, "env": variables }),
        )
        .await;
    desk
}

async fn check(desk: &Desk, pattern: &str, expected: Expect) {
    let screen = desk.owner.screen_with("t", pattern).await;
    let cursor = match (&screen["cursor_row"], &screen["cursor_column"]) {
        (row, column) if row.is_u64() => format!("cursor {row},{column}"),
        _ => "no cursor".to_owned(),
    };
    let whole = if screen["alternate_screen"] == true { ", whole screen" } else { "" };
    expected.assert_eq(&format!("{}\n[{cursor}{whole}]", screen["text"].as_str().unwrap()));
}

#[tokio::test]
async fn vim_edits_a_file() {
    let desk = desk(&[
        "vim",
        "-u",
        "NONE",
        "-i",
        "NONE",
        "-n",
        "-c",
        "set ruler showmode nocompatible",
        "notes.txt",
    ])
    .await;
    check(
        &desk,
        "notes.txt",
        expect![[r#"

        ~
        ~
        ~
        ~
        ~
        ~
        ~
        ~
        "notes.txt" [New File]                    0,0-1         All
        [cursor 1,1, whole screen]"#]],
    )
    .await;
    desk.owner.keys("t", "iHello, bridge", &["enter"]).await;
    desk.owner.keys("t", "second line", &["up", "home"]).await;
    check(
        &desk,
        "1,1 ",
        expect![[r#"
        Hello, bridge
        second line
        ~
        ~
        ~
        ~
        ~
        ~
        ~
        -- INSERT --                              1,1           All
        [cursor 1,1, whole screen]"#]],
    )
    .await;
    desk.owner.keys("t", "", &["escape"]).await;
    desk.owner.keys("t", ":wq", &["enter"]).await;
    let ended = desk.owner.data("terminal_read", json!({ "session": "t", "pattern": "never" })).await;
    assert_eq!(ended["ended"]["exit_code"], 0);
    assert_eq!(std::fs::read_to_string(desk.at("notes.txt")).unwrap(), "Hello, bridge\nsecond line\n");
}

#[tokio::test]
async fn python_is_talked_to() {
    let desk = desk(&["python3", "-q", "-i", "-c", "import sys; sys.ps1 = '>>> '"]).await;
    desk.owner.screen_with("t", "^>>>").await;
    let answer = desk.owner.line("t", "print(6 * 7)").await;
    assert_eq!(answer["text"], "print(6 * 7)\n42\n>>> ");
    let arguments = json!({ "session": "t", "text": "while True: pass\n", "enter": true });
    desk.owner.data("terminal_write", arguments).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    desk.owner.keys("t", "", &["ctrl-c"]).await;
    desk.owner.screen_with("t", "^KeyboardInterrupt").await;
    desk.owner.keys("t", "1/0", &["enter"]).await;
    desk.owner.screen_with("t", "^ZeroDivisionError").await;
    desk.owner.keys("t", "exit(5)", &["enter"]).await;
    let ended = desk.owner.data("terminal_read", json!({ "session": "t", "pattern": "never" })).await;
    assert_eq!(ended["ended"]["exit_code"], 5);
}

#[tokio::test]
async fn top_shows_and_quits() {
    let desk = desk(&["top", "-d", "1"]).await;
    let screen = desk.owner.screen_with("t", "PID +USER").await;
    let text = screen["text"].as_str().unwrap();
    let masked = regex::Regex::new("[0-9]+").unwrap().replace_all(text, "N");
    let first: String =
        masked.lines().take(3).map(|line| line.split(',').next().unwrap().to_owned() + "\n").collect();
    assert!(first.starts_with("top - N:N:N up"), "{first}");
    assert!(first.lines().nth(1).unwrap().starts_with("Tasks:"), "{first}");
    assert!(first.lines().nth(2).unwrap().starts_with("%Cpu"), "{first}");
    desk.owner.keys("t", "q", &[]).await;
    let ended = desk.owner.data("terminal_read", json!({ "session": "t", "pattern": "never" })).await;
    assert_eq!(ended["ended"]["exit_code"], 0);
}

#[tokio::test]
async fn a_shell_with_colours_is_seen_with_and_without_them() {
    let desk = Desk::new();
    std::fs::create_dir(desk.at("folder")).unwrap();
    std::fs::write(desk.at("plain.txt"), "").unwrap();
    let variables = json!({ "PROMPT": r"\[\e[1;32m\]me\[\e[0m\]$ " });
    desk.owner
        .open(json!({ "name": "t", "shell": "bash", "columns": 60, "rows": 10, "env": variables }))
        .await;
    desk.owner.line("t", "ls --color=always; printf '\\033[7mreverse\\033[0m\\n'").await;
    check(
        &desk,
        "^me\\$$",
        expect![[r#"
        me$ ls --color=always; printf '\033[7mreverse\033[0m\n'
        folder  plain.txt
        reverse
        me$
        [cursor 4,5]"#]],
    )
    .await;
    let coloured = desk.owner.data("terminal_screen", json!({ "session": "t", "colors": true })).await;
    let lines: Vec<&str> = coloured["text"].as_str().unwrap().lines().take(4).collect();
    expect![[r#"
        ESC[32;1mmeESC[m$ ls --color=always; printf '\033[7mreverse\033[0m\n'
        ESC[34;1mfolderESC[m  plain.txt
        ESC[7mreverse
        ESC[32;1;27mmeESC[m$ "#]]
    .assert_eq(&lines.join("\n").replace('\x1b', "ESC"));
}

#[tokio::test]
async fn less_has_the_whole_screen_and_gives_it_back() {
    let desk = Desk::new();
    std::fs::write(desk.at("long"), (1..=100).map(|n| format!("line {n}\n")).collect::<String>()).unwrap();
    desk.owner.open(json!({ "name": "t", "shell": "bash", "columns": 60, "rows": 10 })).await;
    desk.owner.keys("t", "less long", &["enter"]).await;
    desk.owner.screen_with("t", "^line 9$").await;
    desk.owner.keys("t", "", &["page-down"]).await;
    check(
        &desk,
        "^line 18$",
        expect![[r#"
        line 10
        line 11
        line 12
        line 13
        line 14
        line 15
        line 16
        line 17
        line 18
        :
        [cursor 10,2, whole screen]"#]],
    )
    .await;
    desk.owner.keys("t", "q", &[]).await;
    check(
        &desk,
        "^\\$$",
        expect![[r#"
        $ less long
        $
        [cursor 2,3]"#]],
    )
    .await;
}
