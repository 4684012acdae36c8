//! Without a person: one line, or a script.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use super::home;
use crate::program::Home;

/// Runs a line; gives the status, and what it printed to both outputs.
fn line(home: &Home, line: &str) -> (i32, String, String) {
    let ran = home.run(&["shell", "-c", line]);
    (ran.code(), ran.out(), ran.err())
}

/// Runs a script from standard input.
pub(super) fn script(home: &Home, arguments: &[&str], text: &str) -> (i32, String, String) {
    let mut command = home.command(&[&["shell"], arguments].concat());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_line_is_run_with_and_without_a_hub() {
    let home = home();
    let story = || {
        assert_eq!(
            line(&home, "cd notes; pwd; ls"),
            (0, "/Drawbridge/notes\ntodo list.md\n".to_owned(), String::new())
        );
        let (code, out, _) = line(&home, "files_list --details | json");
        let listed: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &listed["entries"][1]["size_bytes"]), (0, &12.into()));
        assert_eq!(line(&home, "ls | get entries.0.name").1, "notes\n");
        assert_eq!(line(&home, "cat 'notes/todo list.md' a.txt").1, "- milk\nhello\nworld\n");
        assert_eq!(line(&home, "grep -i MILK | text").1.lines().nth(1), Some("1: - milk"));
    };
    story();
    let _hub = home.serve();
    story();
}

/// The shell's own door speaks the older dialect as a hub's socket does.
#[test]
fn the_older_methods_go_by_name_without_a_hub_too() {
    let home = home();
    let story = || {
        let (code, out, err) = line(&home, "mcp.fs.list / | get 0.name");
        assert_eq!((code, &*out), (0, "a.txt\n"), "{err}");
        let (code, out, err) = line(&home, "mcp.kv.set colour red; mcp.kv.get colour | get value");
        assert!(code == 0 && out.ends_with("red\n"), "{out}{err}");
        let (code, out, err) = line(&home, "licence");
        assert!(code == 0 && out.contains("OWNER"), "{out}{err}");
        let (code, out, err) = line(&home, "mcp.fs.read nothing.txt");
        assert!(code == 3 && err.contains("nothing.txt"), "{out}{err}");
        let (code, _, err) = line(&home, "mcp.fs.embed /");
        assert!(code == 3 && err.contains("mcp.fs.search finds words"), "{err}");
        assert!(line(&home, "help").1.contains("licence"));
    };
    story();
    let _hub = home.serve();
    story();
}

#[test]
fn the_status_says_what_went_wrong() {
    let home = home();
    let _hub = home.serve();
    for (text, code, says) in [
        ("cat nothing.txt; pwd", 1, "there is nothing at"),
        ("hepl", 2, "do you mean help?"),
        ("ls --sort colour", 2, "one of name, size, modified"),
        ("ls | wc", 2, "no view"),
        ("ls 'x", 2, "is open"),
        ("files_purge a.txt", 3, "needs your answer"),
        ("exit 7", 7, ""),
        ("cd a.txt", 1, "is no folder"),
    ] {
        let (got, out, err) = line(&home, text);
        assert_eq!(got, code, "{text}: {out}{err}");
        assert!(err.contains(says) && out.is_empty(), "{text}: {out}{err}");
    }
    assert!(home.root().join("a.txt").exists());
}

#[test]
fn a_script_ends_at_its_first_failure_unless_told() {
    let home = home();
    let _hub = home.serve();
    let text = "# a script\npwd\ncat nothing.txt\nfiles_read {\n  \"path\": \"a.txt\"\n}\n";
    let (code, out, err) = script(&home, &[], text);
    assert_eq!((code, &*out), (1, "/Drawbridge\n"), "{err}");
    let (code, out, err) = script(&home, &["--keep-going"], text);
    assert_eq!((code, &*out), (1, "/Drawbridge\nhello\nworld\n"), "{err}");
    assert_eq!(script(&home, &[], "pwd\n'open").0, 2);
    assert_eq!(script(&home, &[], "").0, 0);
}

#[test]
fn answers_go_to_files_and_replace_none_unasked() {
    let home = home();
    let _hub = home.serve();
    let target = home.path("here.txt");
    let there = || std::fs::read_to_string(&target).unwrap();
    let run = |how: &str| line(&home, &format!("cat a.txt {how} '{}'", target.display()));
    assert_eq!(run(">").0, 0);
    assert_eq!(there(), "hello\nworld\n");
    std::fs::write(&target, "mine").unwrap();
    let (code, _, err) = run(">");
    assert!(code == 1 && err.contains("exists already") && there() == "mine", "{err}");
    assert_eq!(run(">>").0, 0);
    assert_eq!(there(), "minehello\nworld\n");
    assert_eq!(run(">|").0, 0);
    assert_eq!(there(), "hello\nworld\n");
    // Bytes come as they are.
    let picture = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 40]].concat();
    std::fs::write(home.root().join("p.png"), &picture).unwrap();
    let copy = home.path("copy.png");
    assert_eq!(line(&home, &format!("cat p.png > {}", copy.display())).0, 0);
    assert_eq!(std::fs::read(copy).unwrap(), picture);
}

#[test]
fn files_are_copied_moved_and_removed_as_people_expect() {
    let home = home();
    let _hub = home.serve();
    let is = |name: &str| home.root().join(name).exists();
    assert_eq!(line(&home, "cp a.txt notes; cp a.txt notes/b.txt; mkdir x y; mv a.txt x").0, 0);
    assert!(is("notes/a.txt") && is("notes/b.txt") && is("x/a.txt") && is("y") && !is("a.txt"));
    assert_eq!(line(&home, "cd notes; rm a.txt b.txt; cd ..; rm -r x").0, 0);
    assert!(!is("notes/a.txt") && !is("notes/b.txt") && !is("x"));
    assert_eq!(line(&home, "rm notes").0, 1, "a folder that is not empty needs -r");
}

#[test]
fn a_hub_elsewhere_wants_a_key_and_the_older_methods_go_by_name() {
    let home = home();
    let hub = home.serve();
    let url = format!("ws://{}", hub.address);
    let remote = |key: &str, text: &str| {
        let mut command = home.command(&["shell", "--url", &url, "-c", text]);
        command.env("DRAWBRIDGE_HOME", home.path("elsewhere")).env("DRAWBRIDGE_KEY", key);
        let output = command.output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    };
    assert_eq!(remote(&hub.key(), "ls"), (0, "notes/  a.txt\n".to_owned()));
    let (code, said) = remote("drawbridge_wrong", "ls");
    assert!(code == 1 && said.contains("refused with 401"), "{said}");
    let (code, said) = remote(&hub.key(), "mcp.hello | json");
    assert!(code == 0 && said.contains("mcp.fs.list"), "{said}");
    let (code, said) = remote(&hub.key(), "mcp.nothing.here");
    assert!(code == 3, "{said}");
    let luca = home.path("luca");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_drawbridge"), &luca).unwrap();
    let mut command = std::process::Command::new(&luca);
    command.args(["-c", "pwd"]).env("DRAWBRIDGE_HOME", home.state()).stdin(Stdio::null());
    assert_eq!(command.output().unwrap().stdout, b"/Drawbridge\n");
}
