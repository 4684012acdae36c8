//! E: paths that lead elsewhere, and files that never end.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Bridge, CANARY, Home, canaries};

/// A file of this size has no end for practical purposes.
const TERABYTE: u64 = 1 << 40;
/// How much memory the hub may hold whatever it is asked about.
const RESIDENT_BYTES_MAX: u64 = 200 * 1024 * 1024;

/// Every tool that reads at a path.
fn reads(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("files_read", json!({"path": path})),
        ("files_list", json!({"path": path})),
        ("files_tree", json!({"path": path})),
        ("files_find", json!({"path": path, "pattern": "*"})),
        ("files_search", json!({"path": path, "pattern": "canary"})),
        ("files_stat", json!({"path": path, "follow": true})),
        ("files_copy", json!({"from": path, "to": "Drawbridge/copied"})),
    ]
}

/// Every tool that makes or changes something at a path.
fn changes(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("files_write", json!({"path": path, "content": "x"})),
        ("files_write", json!({"path": path, "content": "x", "append": true})),
        ("files_write", json!({"path": path, "content": "x", "make_parents": true})),
        ("files_edit", json!({"path": path, "edits": [{"old_text": "canary", "new_text": "x"}]})),
        ("files_mkdir", json!({"path": path})),
        (
            "files_copy",
            json!({"from": "Drawbridge/plain.txt", "to": path, "overwrite": true, "make_parents": true}),
        ),
        (
            "files_move",
            json!({"from": "Drawbridge/plain.txt", "to": path, "overwrite": true, "make_parents": true}),
        ),
    ]
}

fn bridge() -> Bridge {
    let bridge = Bridge::start();
    fs::write(bridge.home.in_root("plain.txt"), "plain").unwrap();
    bridge
}

/// Checks that every one of these is refused.
fn check(bridge: &mut Bridge, calls: Vec<(&'static str, Value)>) {
    for (tool, arguments) in calls {
        bridge.refuses(tool, arguments);
    }
}

/// Checks that `plain.txt` is all there is in the root, besides `others`.
fn check_root(bridge: &Bridge, others: &[&str]) {
    let mut names: Vec<String> = fs::read_dir(bridge.home.in_root(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".drawbridge-trash")
        .collect();
    names.sort();
    let mut expected = [others, &["plain.txt"]].concat();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn e1_a_sibling_whose_name_begins_like_the_root() {
    let mut bridge = bridge();
    let sibling = bridge.home.path("Drawbridge-too/secret.txt").to_str().unwrap().to_owned();
    for path in [sibling.as_str(), "Drawbridge/../Drawbridge-too/secret.txt"] {
        check(&mut bridge, [reads(path), changes(path)].concat());
    }
    check(&mut bridge, reads("Drawbridge-too/secret.txt"));
    check_root(&bridge, &[]);
    bridge.holds();
}

#[test]
fn e2_a_link_that_points_out() {
    let mut bridge = bridge();
    let (home, root) = (bridge.home.folder().to_owned(), bridge.home.in_root(""));
    symlink(home.join("outside/secret.txt"), root.join("absolute")).unwrap();
    symlink("../outside/secret.txt", root.join("relative")).unwrap();
    symlink("relative", root.join("chain")).unwrap();
    symlink("../Drawbridge/../secret.txt", root.join("out-and-in")).unwrap();
    symlink(home.join("outside"), root.join("folder")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    symlink("/proc/self/root", root.join("magic")).unwrap();
    let below = format!("Drawbridge/magic{}/secret.txt", home.display());
    for path in [
        "Drawbridge/absolute",
        "Drawbridge/relative",
        "Drawbridge/chain",
        "Drawbridge/out-and-in",
        "Drawbridge/folder/secret.txt",
        "Drawbridge/circle",
        &below,
    ] {
        let calls = [reads(path), changes(path)].concat();
        // A link may be replaced, moved and copied as what it is: then nothing is read through it.
        let through =
            |(tool, _): &(&str, Value)| !matches!(*tool, "files_copy" | "files_move" | "files_mkdir");
        check(&mut bridge, calls.into_iter().filter(through).collect());
    }
    check_around(&mut bridge);
    bridge.holds();
}

/// Lists, searches and copies of what holds such links do not follow them.
fn check_around(bridge: &mut Bridge) {
    for (tool, arguments) in [
        ("files_tree", json!({"path": "Drawbridge", "depth": 10})),
        ("files_find", json!({"pattern": "secret*"})),
        ("files_search", json!({"pattern": "canary-"})),
        ("files_read_many", json!({"paths": ["Drawbridge/absolute", "Drawbridge/folder/secret.txt"]})),
        ("files_mkdir", json!({"path": "Drawbridge/in"})),
        ("files_copy", json!({"from": "Drawbridge/folder", "to": "Drawbridge/in/folder"})),
        ("files_copy", json!({"from": "Drawbridge/absolute", "to": "Drawbridge/in/absolute"})),
        ("files_copy", json!({"from": "Drawbridge/in", "to": "Drawbridge/in-2"})),
    ] {
        let answer = bridge.owner.tool(tool, arguments).to_string();
        canaries(&answer);
        assert!(!matches!(tool, "files_tree" | "files_find") || !answer.contains("secret.txt"), "{answer}");
    }
    for entry in fs::read_dir(bridge.home.in_root("in-2")).into_iter().flatten() {
        let path = entry.unwrap().path();
        assert!(path.is_symlink() || path.is_dir(), "{} is a copy of what lies outside", path.display());
    }
}

#[test]
fn e3_a_new_file_below_a_link_that_points_out() {
    let mut bridge = bridge();
    let root = bridge.home.in_root("");
    symlink(bridge.home.path("outside"), root.join("folder")).unwrap();
    symlink("../outside/not-there", root.join("dangling")).unwrap();
    for path in
        ["Drawbridge/folder/new.txt", "Drawbridge/folder/deep/er/new.txt", "Drawbridge/dangling/new.txt"]
    {
        check(&mut bridge, changes(path));
    }
    for (tool, arguments) in &changes("Drawbridge/dangling")[..4] {
        bridge.refuses(tool, arguments.clone());
    }
    check_root(&bridge, &["folder", "dangling"]);
    bridge.holds();
}

#[test]
fn e4_dot_dot_to_what_is_not_there_yet() {
    let mut bridge = bridge();
    for path in [
        "Drawbridge/../new.txt",
        "Drawbridge/no/../../new.txt",
        "Drawbridge/plain.txt/../../new.txt",
        "../new.txt",
        "./../new.txt",
        "Drawbridge/./.././new.txt",
        "Drawbridge/..",
        "Drawbridge//..//new.txt",
    ] {
        check(&mut bridge, changes(path));
    }
    let absolute = bridge.home.path("Drawbridge/../outside/new.txt").to_str().unwrap().to_owned();
    check(&mut bridge, [changes(&absolute), reads(&absolute)].concat());
    bridge.owner.text("files_delete", json!({"path": "Drawbridge/plain.txt"}));
    let kept = bridge.owner.tool("files_trash", json!({}));
    let id = kept["result"]["structuredContent"]["entries"][0]["trash_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{kept}"));
    for to in ["Drawbridge/../restored.txt", "../restored.txt", &absolute] {
        bridge.refuses("files_restore", json!({"trash_id": id, "to": to}));
    }
    for bad in ["../x", "x/../../y", "/etc/passwd", "", "."] {
        bridge.refuses("files_restore", json!({"trash_id": bad}));
    }
    bridge.owner.text("files_restore", json!({"trash_id": id}));
    check_root(&bridge, &[]);
    bridge.holds();
}

#[test]
fn e7_spellings_that_are_only_names() {
    let mut bridge = bridge();
    for path in
        ["Drawbridge/plain.txt\0", "Drawbridge/plain.txt\0.md", "\0", "Drawbridge/\0/../../secret.txt"]
    {
        check(&mut bridge, [reads(path), changes(path)].concat());
    }
    for path in [
        "Drawbridge/%2e%2e/secret.txt",
        "Drawbridge/..%2fsecret.txt",
        "%2e%2e%2fsecret.txt",
        "~/secret.txt",
        "~root/secret.txt",
        "$HOME/secret.txt",
        "Drawbridge/..\\secret.txt",
        "Drawbridge/\u{2024}\u{2024}/secret.txt",
        "Drawbridge/．．/secret.txt",
        "file:///etc/passwd",
        "\\\\?\\C:\\secret.txt",
    ] {
        check(&mut bridge, reads(path));
    }
    let long = format!("Drawbridge/{}", "a/".repeat(100_000));
    check(&mut bridge, vec![("files_read", json!({"path": long})), ("files_mkdir", json!({"path": long}))]);
    check_root(&bridge, &[]);
    // Written, they are names like any other, in the root.
    bridge.owner.text("files_write", json!({"path": "~", "content": "x"}));
    bridge.owner.text("files_write", json!({"path": "%2e%2e", "content": "x"}));
    check_root(&bridge, &["~", "%2e%2e"]);
    bridge.holds();
}

#[test]
fn e8_a_file_of_a_terabyte() {
    let mut bridge = bridge();
    let file = File::create(bridge.home.in_root("vast")).unwrap();
    file.set_len(TERABYTE).unwrap();
    for (tool, arguments) in [
        ("files_read", json!({"path": "Drawbridge/vast"})),
        ("files_read", json!({"path": "Drawbridge/vast", "from_byte": TERABYTE - 16})),
        ("files_read_many", json!({"paths": ["Drawbridge/vast", "Drawbridge/plain.txt"]})),
        ("files_stat", json!({"path": "Drawbridge/vast"})),
        ("files_search", json!({"pattern": "plain"})),
        ("files_find", json!({"pattern": "vast"})),
    ] {
        let begun = Instant::now();
        let answer = bridge.owner.tool(tool, arguments.clone());
        assert!(begun.elapsed() < Duration::from_secs(60), "{tool} {arguments} took {:?}", begun.elapsed());
        assert!(answer.to_string().len() < 16 * 1024 * 1024, "{tool} {arguments}");
    }
    bridge.refuses(
        "files_edit",
        json!({"path": "Drawbridge/vast", "edits": [{"old_text": "a", "new_text": "b"}]}),
    );
    assert!(bridge.hub.resident_bytes() < RESIDENT_BYTES_MAX, "{} bytes", bridge.hub.resident_bytes());
    bridge.holds();
}

#[test]
fn e8_a_pipe_that_never_ends() {
    let mut bridge = bridge();
    let made = std::process::Command::new("mkfifo").arg(bridge.home.in_root("pipe")).status().unwrap();
    assert!(made.success());
    let _socket = UnixListener::bind(bridge.home.in_root("socket")).unwrap();
    symlink("/dev/zero", bridge.home.in_root("zero")).unwrap();
    let begun = Instant::now();
    for name in ["Drawbridge/pipe", "Drawbridge/socket", "Drawbridge/zero"] {
        for (tool, arguments) in [
            ("files_read", json!({"path": name})),
            ("files_write", json!({"path": name, "content": "x", "append": true})),
            ("files_edit", json!({"path": name, "edits": [{"old_text": "a", "new_text": "b"}]})),
        ] {
            bridge.refuses(tool, arguments);
        }
    }
    bridge.owner.tool("files_copy", json!({"from": "Drawbridge/pipe", "to": "Drawbridge/copied"}));
    bridge.owner.text("files_search", json!({"pattern": "plain"}));
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "something waited for the pipe: {:?}",
        begun.elapsed()
    );
    bridge.holds();
}

/// A million of them is asked for with `DRAWBRIDGE_TEST_ENTRIES=1000000`: to make and remove them takes a minute.
#[test]
fn e8_a_folder_of_very_many_entries() {
    const ENTRIES: usize = 50_000;
    let entries: usize =
        std::env::var("DRAWBRIDGE_TEST_ENTRIES").map_or(ENTRIES, |count| count.parse().unwrap());
    let mut bridge = bridge();
    let folder = bridge.home.in_root("many");
    fs::create_dir(&folder).unwrap();
    for index in 0..entries {
        File::create(folder.join(format!("{index:07}"))).unwrap();
    }
    let last = format!("{:07}", entries - 1);
    for (tool, arguments) in [
        ("files_list", json!({"path": "Drawbridge/many"})),
        ("files_list", json!({"path": "Drawbridge/many", "sort": "modified", "descending": true})),
        ("files_tree", json!({"path": "Drawbridge/many"})),
        ("files_find", json!({"path": "Drawbridge/many", "pattern": last})),
        ("files_search", json!({"path": "Drawbridge/many", "pattern": "plain"})),
    ] {
        let answer = bridge.owner.tool(tool, arguments.clone());
        assert!(answer.to_string().len() < 4 * 1024 * 1024, "{tool} {arguments}");
        assert!(tool != "files_find" || answer.to_string().contains(&last), "{answer}");
    }
    assert!(bridge.hub.resident_bytes() < RESIDENT_BYTES_MAX, "{} bytes", bridge.hub.resident_bytes());
    bridge.holds();
}

#[test]
fn e9_names_that_programs_run_or_that_hold_secrets() {
    let mut bridge = bridge();
    for folder in [".git/hooks", ".ssh", ".vscode", "project/.git"] {
        fs::create_dir_all(bridge.home.in_root(folder)).unwrap();
    }
    for file in [".ssh/id_ed25519", ".git/hooks/pre-commit", ".bashrc", ".vscode/tasks.json"] {
        fs::write(bridge.home.in_root(file), if file.starts_with(".ssh") { CANARY } else { "as it was" })
            .unwrap();
    }
    for path in
        ["Drawbridge/.ssh/id_ed25519", "Drawbridge/.SSH/id_ed25519", "Drawbridge/./.ssh/../.ssh/id_ed25519"]
    {
        check(&mut bridge, [reads(path), changes(path)].concat());
    }
    for path in [
        "Drawbridge/.git/hooks/pre-commit",
        "Drawbridge/project/.git/hooks/post-checkout",
        "Drawbridge/.bashrc",
        "Drawbridge/.BASHRC",
        "Drawbridge/.vscode/tasks.json",
        "Drawbridge/.zshrc",
        "Drawbridge/.mcp.json",
    ] {
        check(&mut bridge, changes(path));
        for (tool, arguments) in [
            ("files_move", json!({"from": path, "to": "Drawbridge/x"})),
            ("files_delete", json!({"path": path, "recursive": true})),
        ] {
            bridge.refuses(tool, arguments);
        }
    }
    // By the back door: made harmless elsewhere, then put in place.
    for name in ["hooks", "config"] {
        bridge.owner.tool("files_mkdir", json!({"path": format!("Drawbridge/bare/{name}")}));
    }
    bridge.refuses(
        "files_move",
        json!({"from": "Drawbridge/bare", "to": "Drawbridge/new/.git", "make_parents": true}),
    );
    // A copy leaves out what may not be there.
    bridge.owner.tool(
        "files_copy",
        json!({"from": "Drawbridge/bare", "to": "Drawbridge/bare-2/.git", "make_parents": true}),
    );
    for name in ["hooks", "config"] {
        assert!(!bridge.home.in_root("bare-2/.git").join(name).exists(), "{name} was copied into place");
    }
    for (tool, arguments) in [
        ("files_search", json!({"pattern": "canary-", "hidden": true})),
        ("files_tree", json!({"path": "", "hidden": true})),
    ] {
        canaries(&bridge.owner.tool(tool, arguments).to_string());
    }
    for (file, is) in
        [(".bashrc", "as it was"), (".git/hooks/pre-commit", "as it was"), (".ssh/id_ed25519", CANARY)]
    {
        assert_eq!(fs::read_to_string(bridge.home.in_root(file)).unwrap(), is, "{file}");
    }
    bridge.holds();
}

#[test]
fn e9_the_root_itself() {
    let mut bridge = bridge();
    let absolute = bridge.home.in_root("").to_str().unwrap().to_owned();
    for path in [
        "Drawbridge",
        "Drawbridge/",
        "Drawbridge/.",
        "Drawbridge/plain.txt/..",
        "Drawbridge/x/..",
        ".",
        "",
        &absolute,
    ] {
        for (tool, arguments) in [
            ("files_delete", json!({"path": path, "recursive": true})),
            ("files_move", json!({"from": path, "to": "Drawbridge/inside"})),
            ("files_move", json!({"from": "Drawbridge/plain.txt", "to": path, "overwrite": true})),
            ("files_copy", json!({"from": "Drawbridge/plain.txt", "to": path, "overwrite": true})),
            ("files_write", json!({"path": path, "content": "x"})),
            ("files_purge", json!({"path": path, "recursive": true})),
        ] {
            bridge.refuses(tool, arguments);
        }
    }
    check_root(&bridge, &[]);
    bridge.holds();
}

/// Of roots within roots, the inner one is a root all the same when it is reached through the outer one.
#[test]
fn e9_a_root_within_a_root() {
    let home = Home::new();
    fs::create_dir_all(home.in_root("deep/inner")).unwrap();
    fs::write(home.in_root("plain.txt"), "plain").unwrap();
    home.configure(
        "[[files.roots]]\nname = \"Drawbridge\"\npath = \"~/Drawbridge\"\n\n[[files.roots]]\nname = \"Inner\"\npath = \"~/Drawbridge/deep/inner\"\n",
    );
    let mut bridge = Bridge::start_in(home);
    for path in ["Drawbridge/deep/inner", "Drawbridge/deep"] {
        for (tool, arguments) in [
            ("files_delete", json!({"path": path, "recursive": true})),
            ("files_move", json!({"from": path, "to": "Drawbridge/elsewhere"})),
            ("files_move", json!({"from": "Drawbridge/plain.txt", "to": path, "overwrite": true})),
        ] {
            bridge.refuses(tool, arguments);
        }
    }
    assert!(bridge.home.in_root("deep/inner").is_dir());
    bridge.holds();
}
