//! `docs/shell.md` says what happens: every block in it is run, and prints what it shows.

use std::process::Command;

use super::scripts::script;
use crate::program::Home;

const PAGE: &str = include_str!("../../../../../docs/shell.md");

/// The home that the page speaks of.
fn home() -> Home {
    let home = Home::new();
    std::fs::create_dir_all(home.root().join("notes")).unwrap();
    std::fs::write(home.root().join("a.txt"), "hello\n").unwrap();
    std::fs::write(home.root().join("notes/todo.md"), "- milk\n").unwrap();
    home
}

fn blocks(kind: &str) -> Vec<&'static str> {
    PAGE.split(&format!("```{kind}\n")).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// What was typed in a block, and the lines that it shows.
fn parts<'a>(block: &'a str, typed: impl Fn(&'a str) -> Option<&'a str>) -> (String, Vec<&'a str>) {
    let commands: Vec<&str> = block.lines().filter_map(&typed).collect();
    let shown = block.lines().filter(|line| typed(line).is_none() && !line.is_empty()).collect();
    (commands.join("\n"), shown)
}

fn check(what: &str, printed: &str, shown: Vec<&str>) {
    let mut rest = printed;
    for line in shown {
        let found = rest.find(line);
        assert!(found.is_some(), "{what}\n  printed {printed}\n  the page says {line}");
        rest = &rest[found.unwrap() + line.len()..];
    }
}

#[test]
fn what_is_typed_at_the_prompt_shows_what_the_page_shows() {
    let home = home();
    let _hub = home.serve();
    let typed = |line: &'static str| {
        line.strip_prefix("/Drawbridge").and_then(|rest| rest.split_once("> ")).map(|(_, typed)| typed)
    };
    let blocks = blocks("text");
    assert!(blocks.len() >= 2, "the page has lost its examples");
    for (lines, shown) in blocks.into_iter().map(|block| parts(block, typed)) {
        let (_, out, err) = script(&home, &["--keep-going"], &lines);
        check(&lines, &format!("{out}{err}"), shown);
    }
}

#[test]
fn commands_print_what_the_page_shows() {
    let home = home();
    let _hub = home.serve();
    let bin = home.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_drawbridge"), bin.join("drawbridge")).unwrap();
    let blocks = blocks("console");
    assert!(blocks.len() >= 3, "the page has lost its examples");
    for (lines, shown) in blocks.into_iter().map(|block| parts(block, |line| line.strip_prefix("$ "))) {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-ec", &lines])
            .env_clear()
            .env("HOME", home.path(""))
            .env("DRAWBRIDGE_HOME", home.state());
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).current_dir(home.path(""));
        let output = command.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{lines}\n{out}{err}");
        check(&lines, &out, shown);
    }
}
