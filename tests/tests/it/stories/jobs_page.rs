//! `docs/jobs.md` says what happens: every block of commands in it is run, and prints what it shows.

use std::process::Command;

use crate::program::{Home, Ran};

const PAGE: &str = include_str!("../../../../docs/jobs.md");

/// The commands of a block, and the lines that they print, in their order.
fn parts(block: &str) -> (String, Vec<&str>) {
    let (commands, shown): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| line.starts_with("$ "));
    let script = commands.iter().map(|line| &line[2..]).collect::<Vec<_>>().join("\n");
    (script, shown.into_iter().filter(|line| !line.is_empty()).collect())
}

/// A shell in which `drawbridge` is the program under test.
fn shell(home: &Home, script: &str) -> Ran {
    let program = home.command(&[]).get_program().to_owned();
    let bin = home.path("bin");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(program, bin.join("drawbridge")).unwrap();
    }
    let mut command = Command::new("/bin/sh");
    command.args(["-ec", script]).env_clear().env("HOME", home.folder()).env("DRAWBRIDGE_HOME", home.state());
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    Ran::of(command)
}

#[test]
fn the_page_tells_the_truth() {
    let home = Home::new();
    home.configure(
        "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n[terminal]\nconfinement = \"off\"\n",
    );
    let _hub = home.serve();
    let blocks = PAGE.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut tried = 0;
    for (script, shown) in blocks.map(parts) {
        let ran = shell(&home, &script);
        let mut printed = ran.out();
        assert_eq!(ran.code(), 0, "{script}\n{printed}{}", ran.err());
        for line in shown {
            let found = printed.find(line);
            assert!(found.is_some(), "{script}\n  printed {printed}\n  the page says {line}");
            printed = printed.split_off(found.unwrap() + line.len());
        }
        tried += 1;
    }
    assert!(tried >= 4, "the page has lost its examples");
}
