//! D: from a tool call to what the program itself runs on.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::program::{Bridge, CANARY, Home, canaries};

/// What the state folder holds, by name.
const OURS: &[&str] = &["config.toml", "drawbridge.db", "drawbridge.db-wal", "hub.lock", "logs", "."];

/// A hub whose only root is this folder; the configuration holds what nobody may see.
fn with_root(home: Home, root: &str) -> Bridge {
    home.configure(&format!("# {CANARY}\n[[files.roots]]\nname = \"R\"\npath = {root:?}\n"));
    Bridge::start_in(home)
}

/// Every tool that takes a path, asked for `path`: to be read, written, moved, copied and removed.
fn every_way(path: &str) -> Vec<(&'static str, Value)> {
    let fresh = "R/fresh-copy";
    let all = [
        ("files_read", json!({"path": path})),
        ("files_read", json!({"path": path, "encoding": "base64"})),
        ("files_list", json!({"path": path, "hidden": true})),
        ("files_tree", json!({"path": path, "hidden": true})),
        ("files_find", json!({"path": path, "pattern": "*", "hidden": true, "ignored": true})),
        ("files_search", json!({"path": path, "pattern": "canary", "hidden": true, "ignored": true})),
        ("files_write", json!({"path": path, "content": "x"})),
        ("files_write", json!({"path": path, "content": "x", "append": true})),
        ("files_write", json!({"path": format!("{path}/new"), "content": "x", "make_parents": true})),
        ("files_edit", json!({"path": path, "edits": [{"old_text": "root", "new_text": "x"}]})),
        ("files_mkdir", json!({"path": format!("{path}/new-folder")})),
        ("files_move", json!({"from": path, "to": fresh})),
        ("files_copy", json!({"from": path, "to": fresh})),
        ("files_copy", json!({"from": "R/plain.txt", "to": path, "overwrite": true})),
        ("files_move", json!({"from": "R/plain.txt", "to": path, "overwrite": true})),
        ("files_delete", json!({"path": path, "recursive": true})),
        ("files_purge", json!({"path": path, "recursive": true})),
    ];
    all.to_vec()
}

/// Tries every tool on `path`. Each call must fail, or at least show and change nothing.
fn check(bridge: &mut Bridge, path: &str) {
    for (tool, arguments) in every_way(path) {
        let answer = bridge.owner.tool(tool, arguments.clone());
        canaries(&answer.to_string());
        let failed = answer["result"]["isError"] == true || answer.get("error").is_some();
        // What destroys is asked for first, and nobody says yes here.
        let asked = answer["result"]["resultType"] == "input_required";
        assert!(failed || asked, "{tool} {arguments}: {answer}");
        let fresh = bridge.home.folder().join("fresh-copy");
        assert!(!fresh.exists(), "{tool} {arguments} made a copy");
    }
}

/// The state, as it must stay: what it is made of, but for what the hub itself writes.
fn state_of(home: &Home) -> (String, Vec<String>) {
    let mut names: Vec<String> = fs::read_dir(home.state())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    (fs::read_to_string(home.state().join("config.toml")).unwrap(), names)
}

/// Checks that the hub still works on the state it began with.
fn check_whole(mut bridge: Bridge, before: &(String, Vec<String>)) {
    assert_eq!(state_of(&bridge.home), *before);
    assert!(bridge.hub.lives());
    assert!(bridge.owner.text("files_list", json!({"path": "R"})).contains("plain.txt"));
    bridge.home.run(&["keys", "list"]).good();
    bridge.home.verify();
}

fn home() -> Home {
    let home = Home::new();
    fs::write(home.path("plain.txt"), "plain").unwrap();
    home
}

#[test]
fn d3_a_root_that_holds_the_state() {
    let home = home();
    let folder = home.folder().to_str().unwrap().to_owned();
    let mut bridge = with_root(home, &folder);
    let before = state_of(&bridge.home);
    for name in OURS {
        for path in [
            format!("R/state/{name}"),
            format!("R/outside/../state/{name}"),
            format!("{folder}/state/{name}"),
        ] {
            check(&mut bridge, &path);
        }
    }
    check_whole(bridge, &before);
}

#[test]
fn d3_what_lies_above_the_state() {
    let home = Home::new();
    fs::create_dir_all(home.path("above/below")).unwrap();
    fs::write(home.path("plain.txt"), "plain").unwrap();
    let folder = home.folder().to_str().unwrap().to_owned();
    let state = home.path("above/below/state");
    let home = home.with_state(state);
    let mut bridge = with_root(home, &folder);
    let before = state_of(&bridge.home);
    for (tool, arguments) in [
        ("files_move", json!({"from": "R/above", "to": "R/elsewhere"})),
        ("files_move", json!({"from": "R/above/below", "to": "R/elsewhere"})),
        ("files_move", json!({"from": "R/plain.txt", "to": "R/above", "overwrite": true})),
        ("files_delete", json!({"path": "R/above", "recursive": true})),
        ("files_delete", json!({"path": "R/above/below", "recursive": true})),
    ] {
        let answer = bridge.owner.tool(tool, arguments.clone());
        assert!(answer["result"]["isError"] == true, "{tool} {arguments}: {answer}");
    }
    // A copy and the lists leave it out, or refuse.
    for (tool, arguments) in [
        ("files_copy", json!({"from": "R/above", "to": "R/copied"})),
        ("files_tree", json!({"path": "R", "depth": 10})),
        ("files_find", json!({"pattern": "*.toml", "path": "R"})),
        ("files_search", json!({"pattern": "canary-", "path": "R/above"})),
    ] {
        let answer = bridge.owner.tool(tool, arguments.clone());
        assert!(!answer.to_string().contains("config.toml"), "{tool}: {answer}");
        canaries(&answer.to_string());
    }
    assert!(!bridge.home.path("copied/below/state").exists(), "the state was copied");
    check_whole(bridge, &before);
}

#[test]
fn d3_links_to_the_state() {
    let home = home();
    let folder = home.folder().to_str().unwrap().to_owned();
    home.configure("");
    symlink(home.state(), home.path("link")).unwrap();
    symlink("state", home.path("relative-link")).unwrap();
    symlink(home.state().join("config.toml"), home.path("link.toml")).unwrap();
    fs::hard_link(home.state().join("config.toml"), home.path("second-name.toml")).unwrap();
    let mut bridge = with_root(home, &folder);
    fs::hard_link(bridge.home.state().join("drawbridge.db"), bridge.home.path("second-name.db")).unwrap();
    let before = state_of(&bridge.home);
    for path in ["R/link/config.toml", "R/link/drawbridge.db", "R/relative-link/config.toml"] {
        check(&mut bridge, path);
    }
    for path in ["R/second-name.toml", "R/second-name.db", "R/link.toml"] {
        for (tool, arguments) in every_way(path).into_iter().filter(|(_, arguments)| arguments["to"] != path)
        {
            let answer = bridge.owner.tool(tool, arguments.clone());
            canaries(&answer.to_string());
            // A link itself may be moved and removed: that does nothing to what it points to.
            if !matches!(tool, "files_move" | "files_delete" | "files_purge") {
                assert!(answer["result"]["isError"] == true, "{tool} {arguments}: {answer}");
            }
        }
    }
    check_whole(bridge, &before);
}

#[test]
fn d3_the_whole_machine_as_root() {
    let home = home();
    let (state, folder) = (home.state(), home.folder().to_owned());
    let mut bridge = with_root(home, "/");
    let before = state_of(&bridge.home);
    let pid = bridge.hub.pid();
    let database = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .find(|entry| fs::read_link(entry.path()).is_ok_and(|link| link == state.join("drawbridge.db")));
    let open_file = database.unwrap().file_name().into_string().unwrap();
    let state = state.to_str().unwrap();
    for path in [
        format!("{state}/config.toml"),
        format!("R{state}/config.toml"),
        format!("/proc/self/root{state}/config.toml"),
        format!("/proc/{pid}/root{state}/config.toml"),
        format!("/proc/self/fd/{open_file}"),
        format!("/proc/{pid}/fd/{open_file}"),
        format!("/proc/thread-self/fd/{open_file}"),
        format!("/dev/fd/{open_file}"),
    ] {
        check(&mut bridge, &path);
    }
    for path in [format!("/proc/{pid}/mem"), "/proc/self/mem".to_owned(), format!("/proc/{pid}/environ")] {
        for arguments in
            [json!({"path": path, "content": "x", "append": true}), json!({"path": path, "content": "x"})]
        {
            let answer = bridge.owner.tool("files_write", arguments);
            assert_eq!(answer["result"]["isError"], true, "{path}: {answer}");
        }
    }
    let plain = bridge.owner.text("files_read", json!({"path": folder.join("plain.txt")}));
    assert!(plain.contains("plain"), "what is not ours is served");
    assert_eq!(state_of(&bridge.home), before);
    assert!(bridge.hub.lives());
    bridge.home.verify();
}

/// A root whose path is another spelling of a folder that holds the state, as a bind mount would be.
#[test]
fn d3_another_spelling_of_the_root() {
    let home = home();
    symlink(home.folder(), home.path("itself")).unwrap();
    let spelling = format!("/proc/self/root{}", home.folder().display());
    let mut bridge = with_root(home, &spelling);
    let before = state_of(&bridge.home);
    for path in ["R/state/config.toml", "R/itself/state/config.toml", "R/itself/itself/state/drawbridge.db"] {
        check(&mut bridge, path);
    }
    check_whole(bridge, &before);
}

#[test]
fn d3_the_state_itself_as_root() {
    let home = home();
    for root in [home.state(), home.state().join("logs")] {
        home.configure("");
        fs::create_dir_all(home.state().join("logs")).unwrap();
        home.configure(&format!("[[files.roots]]\nname = \"R\"\npath = {:?}\n", root.to_str().unwrap()));
        let ran = home.run(&["call", "files_list"]);
        assert!(ran.code() == 1 && ran.err().contains("belongs to Drawbridge itself"), "{}", ran.err());
    }
}
