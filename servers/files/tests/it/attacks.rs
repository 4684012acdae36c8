//! The attacks of the list that concern files: each refused, without any effect.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use drawbridge_contract::kit::Kit;
use drawbridge_files::{Files, FilesSettings, RootSettings};

use crate::sample::Sample;

/// What no answer may contain.
const SECRET: &str = "the-secret-text";

/// A sample with things outside its root that must not be reached.
fn besieged() -> Sample {
    let sample = Sample::new();
    let outside = sample.home.path().join("outside");
    fs::create_dir_all(outside.join("inner")).unwrap();
    fs::write(outside.join("secret.txt"), SECRET).unwrap();
    fs::write(outside.join("inner/secret.txt"), SECRET).unwrap();
    fs::create_dir_all(sample.home.path().join("notes-private")).unwrap();
    fs::write(sample.home.path().join("notes-private/x"), SECRET).unwrap();
    sample
}

/// Everything outside the root, to compare.
fn outside(sample: &Sample) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut pending = vec![sample.home.path().join("outside"), sample.home.path().join("notes-private")];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let shown = path.display().to_string();
            match path.is_dir() {
                true => pending.push(path),
                false => found.push((shown, fs::read_to_string(path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

/// Tries every tool with every argument that takes a path; none may succeed, or tell the secret.
async fn every_tool_refuses(sample: &Sample, path: &str) {
    let before = outside(sample);
    let quoted = serde_json::to_string(path).unwrap();
    for call in [
        r#"files_list {"path": P}"#,
        r#"files_tree {"path": P}"#,
        r#"files_stat {"path": P, "follow": true}"#,
        r#"files_find {"path": P, "pattern": "*"}"#,
        r#"files_search {"path": P, "pattern": "secret"}"#,
        r#"files_read {"path": P}"#,
        r#"files_write {"path": P, "content": "x"}"#,
        r#"files_write {"path": P, "content": "x", "append": true}"#,
        r#"files_write {"path": P, "content": "x", "make_parents": true}"#,
        r#"files_edit {"path": P, "edits": [{"old_text": "secret", "new_text": "x"}]}"#,
        r#"files_mkdir {"path": P}"#,
        r#"files_copy {"from": P, "to": "stolen"}"#,
        r#"files_copy {"from": "todo.md", "to": P, "overwrite": true, "make_parents": true}"#,
        r#"files_move {"from": P, "to": "stolen"}"#,
        r#"files_move {"from": "todo.md", "to": P, "overwrite": true, "make_parents": true}"#,
        r#"files_delete {"path": P, "recursive": true}"#,
        r#"files_purge {"path": P, "recursive": true}"#,
    ] {
        let (tool, arguments) = call.split_once(' ').unwrap();
        let arguments = arguments.replace('P', &quoted);
        let said = sample.kit.says(tool, &arguments).await;
        assert!(said.starts_with("error: "), "{tool} {arguments} said {said}");
        assert!(!said.contains(SECRET), "{tool} {arguments} said {said}");
    }
    let many = sample.kit.says("files_read_many", &format!(r#"{{"paths": [{quoted}]}}"#)).await;
    assert!(many.contains("<==\n[") && !many.contains(SECRET), "{many}");
    assert_eq!(outside(sample), before);
    assert!(sample.at("todo.md").exists() && !sample.at("stolen").exists(), "{path}");
}

#[tokio::test]
async fn e1_a_folder_whose_name_begins_like_the_root() {
    let sample = besieged();
    let private = sample.home.path().join("notes-private/x");
    every_tool_refuses(&sample, private.to_str().unwrap()).await;
    every_tool_refuses(&sample, "../notes-private/x").await;
    every_tool_refuses(&sample, "notes/../notes-private/x").await;
    every_tool_refuses(&sample, "/etc/passwd").await;
}

#[tokio::test]
async fn e2_a_link_that_points_out() {
    let sample = besieged();
    symlink(sample.home.path().join("outside/secret.txt"), sample.at("absolute")).unwrap();
    symlink("../outside/secret.txt", sample.at("relative")).unwrap();
    symlink("relative", sample.at("twice")).unwrap();
    let before = outside(&sample);
    for link in ["absolute", "relative", "twice"] {
        for call in [
            r#"files_read {"path": "L"}"#,
            r#"files_write {"path": "L", "content": "x"}"#,
            r#"files_write {"path": "L", "content": "x", "append": true}"#,
            r#"files_edit {"path": "L", "edits": [{"old_text": "the", "new_text": "x"}]}"#,
            r#"files_stat {"path": "L", "follow": true}"#,
            r#"files_copy {"from": "L", "to": "stolen"}"#,
            r#"files_search {"path": "L", "pattern": "secret"}"#,
        ] {
            let (tool, arguments) = call.split_once(' ').unwrap();
            let said = sample.kit.says(tool, &arguments.replace('L', link)).await;
            assert!(said.contains("leads out of its root"), "{call}: {said}");
        }
    }
    // A search of the folder does not follow it either.
    let said = sample.kit.says("files_search", &format!(r#"{{"pattern": "{SECRET}"}}"#)).await;
    assert!(said.starts_with("[0 lines"), "{said}");
    // The link itself can be looked at, moved and removed; what it points to is not touched.
    sample.kit.check("files_stat", r#"{"path": "relative"}"#, r#""kind":"symlink""#).await;
    sample.kit.check("files_move", r#"{"from": "relative", "to": "recipes/link"}"#, "recipes/link").await;
    sample.kit.check("files_purge", r#"{"path": "recipes/link"}"#, "recipes/link").await;
    sample.kit.check("files_delete", r#"{"path": "absolute"}"#, "trash_id").await;
    assert_eq!(outside(&sample), before);
}

#[tokio::test]
async fn e3_a_new_file_below_a_link_that_points_out() {
    let sample = besieged();
    symlink("../outside", sample.at("door")).unwrap();
    symlink(sample.home.path().join("outside/new.txt"), sample.at("dangling")).unwrap();
    every_tool_refuses(&sample, "door/new.txt").await;
    every_tool_refuses(&sample, "door/inner/secret.txt").await;
    every_tool_refuses(&sample, "door/../outside/secret.txt").await;
    let said = sample.kit.says("files_write", r#"{"path": "dangling", "content": "x"}"#).await;
    assert!(said.contains("leads out of its root"), "{said}");
    assert!(!sample.home.path().join("outside/new.txt").exists());
}

#[tokio::test]
async fn e4_dots_to_what_does_not_exist_yet() {
    let sample = besieged();
    for path in
        ["../new.txt", "notes/../../new.txt", "recipes/../../new.txt", "missing/../../x", "./../new.txt"]
    {
        every_tool_refuses(&sample, path).await;
    }
    assert!(!sample.home.path().join("new.txt").exists());
    // Within the root they are as good as any.
    sample.kit.check("files_read", r#"{"path": "recipes/../log.txt"}"#, "monday").await;
    sample.kit.check("files_list", r#"{"path": "recipes/.."}"#, "todo.md").await;
}

#[tokio::test]
async fn e7_nothing_in_a_path_is_expanded_or_decoded() {
    let sample = besieged();
    sample.kit.check("files_write", r#"{"path": "~", "content": "a name"}"#, r#""path":"notes/~""#).await;
    sample
        .kit
        .check("files_write", r#"{"path": "%2e%2e", "content": "a name"}"#, r#""path":"notes/%2e%2e""#)
        .await;
    for path in [
        "todo.md\0.txt",
        "%2e%2e/outside/secret.txt",
        "..%2foutside%2fsecret.txt",
        "~/x",
        "~root/x",
        "..\\outside",
    ] {
        every_tool_refuses_or_makes(&sample, path).await;
    }
    assert!(sample.at("~").is_file() && sample.at("%2e%2e").is_file());
    let long = serde_json::json!({ "path": "a/".repeat(3000) });
    sample.kit.check("files_list", &long.to_string(), "at most 4096 are allowed").await;
    let name = serde_json::json!({ "path": "n".repeat(300), "content": "" });
    assert!(sample.kit.says("files_write", &name.to_string()).await.starts_with("error: "));
}

/// What is a strange name may be made inside the root, and never anywhere else.
async fn every_tool_refuses_or_makes(sample: &Sample, path: &str) {
    let before = outside(sample);
    let arguments = serde_json::json!({ "path": path, "content": "x", "make_parents": true });
    sample.kit.says("files_write", &arguments.to_string()).await;
    let read = sample.kit.says("files_read", &serde_json::json!({ "path": path }).to_string()).await;
    assert!(!read.contains(SECRET), "{path}");
    assert_eq!(outside(sample), before);
}

#[tokio::test]
async fn e8_endless_pipes_and_devices_are_never_opened() {
    let sample = Sample::new();
    let pipe = sample.at("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(sample.at("socket")).unwrap();
    for name in ["pipe", "socket"] {
        for call in [
            r#"files_read {"path": "N"}"#,
            r#"files_write {"path": "N", "content": "x"}"#,
            r#"files_write {"path": "N", "content": "x", "append": true}"#,
            r#"files_edit {"path": "N", "edits": [{"old_text": "a", "new_text": "b"}]}"#,
            r#"files_copy {"from": "N", "to": "copy"}"#,
            r#"files_search {"path": "N", "pattern": "x"}"#,
        ] {
            let (tool, arguments) = call.split_once(' ').unwrap();
            sample.kit.check(tool, &arguments.replace('N', name), "is a pipe, socket or device").await;
        }
    }
    sample.kit.check("files_search", r#"{"pattern": "monday"}"#, "1 line in 1 file").await;
    sample.kit.check("files_copy", r#"{"from": "recipes", "to": "r2"}"#, r#""files":2"#).await;
}

#[tokio::test]
async fn e9_what_programs_run_and_what_is_secret() {
    let sample = besieged();
    let refused = "is not changed by callers";
    for (path, content) in
        [(".git/hooks/pre-commit", "#!/bin/sh"), (".bashrc", "alias"), (".vscode/tasks.json", "{}")]
    {
        fs::create_dir_all(sample.at(path).parent().unwrap()).unwrap();
        fs::write(sample.at(path), content).unwrap();
        let quoted = serde_json::to_string(path).unwrap();
        sample.kit.check("files_read", &format!(r#"{{"path": {quoted}}}"#), content).await;
        sample
            .kit
            .check("files_write", &format!(r#"{{"path": {quoted}, "content": "evil"}}"#), refused)
            .await;
        sample.kit.check("files_delete", &format!(r#"{{"path": {quoted}}}"#), refused).await;
        sample
            .kit
            .check(
                "files_move",
                &format!(r#"{{"from": "todo.md", "to": {quoted}, "overwrite": true}}"#),
                refused,
            )
            .await;
        sample
            .kit
            .check(
                "files_copy",
                &format!(r#"{{"from": "todo.md", "to": {quoted}, "overwrite": true}}"#),
                refused,
            )
            .await;
        assert_eq!(sample.text(path), content);
    }
    fs::create_dir(sample.at(".ssh")).unwrap();
    fs::write(sample.at(".ssh/id_ed25519"), SECRET).unwrap();
    symlink(".ssh", sample.at("keys")).unwrap();
    symlink(".git/hooks", sample.at("harmless")).unwrap();
    for path in [".ssh/id_ed25519", ".SSH/id_ed25519", "keys/id_ed25519", "recipes/../.ssh/nothing-there"] {
        every_tool_refuses(&sample, path).await;
    }
    sample.kit.check("files_write", r#"{"path": "harmless/post-merge", "content": "x"}"#, refused).await;
    let said =
        sample.kit.says("files_search", &format!(r#"{{"pattern": "{SECRET}", "hidden": true}}"#)).await;
    assert!(said.starts_with("[0 lines"), "{said}");
    let said = sample.kit.says("files_find", r#"{"pattern": "*ed25519*", "hidden": true}"#).await;
    assert!(said.contains(r#""total":0"#), "{said}");
}

#[tokio::test]
async fn e9_a_harmless_folder_does_not_become_a_dangerous_one() {
    let sample = Sample::new();
    let refused = "is not changed by callers";
    sample
        .kit
        .check("files_write", r#"{"path": "p/x/HOOKS/run", "content": "x", "make_parents": true}"#, "created")
        .await;
    sample.kit.check("files_move", r#"{"from": "p/x", "to": "p/.git"}"#, refused).await;
    sample
        .kit
        .check(
            "files_copy",
            r#"{"from": "p/x", "to": "p/.git"}"#,
            r#""left_out":["HOOKS (programs run it)"]"#,
        )
        .await;
    assert!(!sample.at("p/.git/HOOKS").exists());
    // The trash is no way around it.
    let data = sample.kit.data("files_delete", r#"{"path": "p/x", "recursive": true}"#).await;
    let id = data["trash_id"].as_str().unwrap();
    sample.kit.check("files_purge", r#"{"path": "p/.git", "recursive": true}"#, "purged").await;
    sample.kit.check("files_restore", &format!(r#"{{"trash_id": "{id}", "to": "p/.git"}}"#), refused).await;
    sample.kit.check("files_restore", &format!(r#"{{"trash_id": "{id}"}}"#), "notes/p/x").await;
}

#[tokio::test]
async fn e9_a_secret_is_not_freed_by_another_name_for_its_folder() {
    let sample = Sample::new();
    fs::create_dir_all(sample.at("home/.docker")).unwrap();
    fs::write(sample.at("home/.docker/config.json"), SECRET).unwrap();
    fs::write(sample.at("home/.docker/notes"), "public").unwrap();
    let moved = r#"{"from": "home/.docker", "to": "home/docker"}"#;
    sample.kit.check("files_move", moved, "home/.docker is never given").await;
    let left_out = r#""left_out":["config.json (secret)"]"#;
    sample.kit.check("files_copy", r#"{"from": "home/.docker", "to": "copy"}"#, left_out).await;
    assert!(sample.at("copy/notes").exists() && !sample.at("copy/config.json").exists());
    let data = sample.kit.data("files_delete", r#"{"path": "home/.docker", "recursive": true}"#).await;
    let id = data["trash_id"].as_str().unwrap();
    let elsewhere = format!(r#"{{"trash_id": "{id}", "to": "home/docker"}}"#);
    sample.kit.check("files_restore", &elsewhere, "is never given").await;
    sample
        .kit
        .check("files_restore", &format!(r#"{{"trash_id": "{id}"}}"#), r#""path":"notes/home/.docker""#)
        .await;
    // With the folder around it, it stays what it is.
    sample.kit.check("files_move", r#"{"from": "home", "to": "house"}"#, r#""to":"notes/house""#).await;
    sample.kit.check("files_read", r#"{"path": "house/.docker/config.json"}"#, "is never given").await;
}

#[tokio::test]
async fn e9_the_root_itself_stays() {
    let sample = Sample::new();
    for call in [
        r#"files_delete {"path": "notes", "recursive": true}"#,
        r#"files_delete {"path": "", "recursive": true}"#,
        r#"files_delete {"path": "recipes/..", "recursive": true}"#,
        r#"files_purge {"path": "notes/", "recursive": true}"#,
        r#"files_purge {"path": ".", "recursive": true}"#,
        r#"files_move {"from": "notes", "to": "elsewhere"}"#,
        r#"files_move {"from": "log.txt", "to": "notes", "overwrite": true}"#,
        r#"files_copy {"from": "recipes", "to": "notes", "overwrite": true}"#,
        r#"files_write {"path": "notes", "content": ""}"#,
    ] {
        let (tool, arguments) = call.split_once(' ').unwrap();
        sample.kit.check(tool, arguments, "is the root itself").await;
    }
    assert!(sample.at("todo.md").exists());
}

#[tokio::test]
async fn our_own_folder_is_not_to_be_seen_or_touched() {
    let sample = Sample::new();
    sample.kit.check("files_delete", r#"{"path": "old.txt"}"#, "trash_id").await;
    for path in [
        ".drawbridge-trash",
        ".Drawbridge-Trash",
        ".drawbridge-trash/staging",
        "recipes/../.drawbridge-trash",
    ] {
        every_tool_refuses(&sample, path).await;
    }
    let said = sample.kit.says("files_list", r#"{"hidden": true}"#).await;
    assert!(!said.contains("drawbridge"), "{said}");
    let said = sample.kit.says("files_find", r#"{"pattern": "*", "hidden": true, "ignored": true}"#).await;
    assert!(!said.contains("drawbridge"), "{said}");
}

/// A root with Drawbridge's own state in it, and ways there that look like something else.
fn with_our_state() -> Sample {
    Sample::with(|mut settings| {
        let root = settings.roots[0].folder.clone();
        let state = root.join("app/state");
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("drawbridge.db"), SECRET).unwrap();
        fs::hard_link(state.join("drawbridge.db"), root.join("alias.db")).unwrap();
        symlink("app/state", root.join("way")).unwrap();
        settings.denied_folders = vec![state];
        settings
    })
}

#[tokio::test]
async fn d3_our_own_state_is_out_of_reach_by_any_path() {
    let sample = with_our_state();
    let absolute = sample.at("app/state/drawbridge.db");
    for path in [
        "app/state/drawbridge.db",
        "way/drawbridge.db",
        "app/x/../state/drawbridge.db",
        absolute.to_str().unwrap(),
        "alias.db",
    ] {
        every_tool_refuses(&sample, path).await;
    }
    for path in ["app/state", "way/../state", "way/."] {
        every_tool_refuses(&sample, path).await;
    }
    // The folder around it cannot be taken away either.
    for call in [
        r#"files_move {"from": "app", "to": "elsewhere"}"#,
        r#"files_delete {"path": "app", "recursive": true}"#,
        r#"files_purge {"path": "app", "recursive": true}"#,
    ] {
        let (tool, arguments) = call.split_once(' ').unwrap();
        sample.kit.check(tool, arguments, "refused: notes/app is never given").await;
    }
    assert_eq!(sample.text("app/state/drawbridge.db"), SECRET);
    let said = sample.kit.says("files_search", &format!(r#"{{"pattern": "{SECRET}"}}"#)).await;
    assert!(said.starts_with("[0 lines"), "{said}");
    let copied = sample.kit.says("files_copy", r#"{"from": "app", "to": "copy"}"#).await;
    assert!(copied.contains(r#""left_out":["state (Drawbridge's own)"]"#), "{copied}");
    assert!(!sample.at("copy/state/drawbridge.db").exists());
    sample.kit.check("files_write", r#"{"path": "app/mine.txt", "content": "x"}"#, "created").await;
}

#[tokio::test]
async fn d3_a_root_cannot_lie_in_our_state() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("state/inner");
    fs::create_dir_all(&root).unwrap();
    let settings = |root: &Path, state: &Path| {
        let mut settings = FilesSettings::of(vec![RootSettings::new("r", root)]);
        settings.denied_folders = vec![state.to_owned()];
        settings
    };
    let error = Files::open(settings(&root, &home.path().join("state"))).err().unwrap();
    assert!(error.to_string().contains("belongs to Drawbridge"), "{error}");
    let error = Files::open(settings(&root, &home.path().join("missing"))).err().unwrap();
    assert!(error.to_string().contains("missing"), "{error}");
}

#[tokio::test]
async fn a_read_only_root_stays_as_it_is() {
    let sample = Sample::with(|mut settings| {
        settings.roots = settings.roots.into_iter().map(RootSettings::read_only).collect();
        settings
    });
    for call in [
        r#"files_write {"path": "x", "content": ""}"#,
        r#"files_edit {"path": "todo.md", "edits": [{"old_text": "milk", "new_text": "x"}]}"#,
        r#"files_mkdir {"path": "x"}"#,
        r#"files_copy {"from": "todo.md", "to": "x"}"#,
        r#"files_move {"from": "todo.md", "to": "x"}"#,
        r#"files_delete {"path": "todo.md"}"#,
        r#"files_purge {"path": "todo.md"}"#,
    ] {
        let (tool, arguments) = call.split_once(' ').unwrap();
        sample.kit.check(tool, arguments, "the root notes is read-only").await;
    }
    sample.kit.check("files_read", r#"{"path": "todo.md"}"#, "milk").await;
    sample.kit.check("files_roots", "{}", r#""access":"read-only""#).await;
    assert!(!sample.at(".drawbridge-trash").exists());
}

#[tokio::test]
async fn a_circle_of_links_ends() {
    let sample = Sample::new();
    symlink("b", sample.at("a")).unwrap();
    symlink("a", sample.at("b")).unwrap();
    sample.kit.check("files_read", r#"{"path": "a"}"#, "more than 40 links").await;
    sample.kit.check("files_read", r#"{"path": "a/x"}"#, "more than 40 links").await;
    // A link that stays inside works, also an absolute one.
    symlink(sample.at("recipes"), sample.at("food")).unwrap();
    sample.kit.check("files_read", r#"{"path": "food/soup.md"}"#, "onions").await;
    sample
        .kit
        .check("files_write", r#"{"path": "food/new.md", "content": ""}"#, "notes/recipes/new.md")
        .await;
}

#[tokio::test]
async fn several_roots_do_not_mix() {
    let home = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        fs::create_dir(home.path().join(name)).unwrap();
        fs::write(home.path().join(name).join("x.txt"), name).unwrap();
    }
    symlink("../two/x.txt", home.path().join("one/link")).unwrap();
    let root = |name: &str| RootSettings::new(name, home.path().join(name));
    let kit = Kit::of(Files::open(FilesSettings::of(vec![root("one"), root("two").read_only()])).unwrap());
    kit.check("files_list", "{}", "one/\ntwo/\n[2 of 2 entries of /.]").await;
    kit.check("files_read", r#"{"path": "two/x.txt"}"#, "two").await;
    kit.check("files_read", r#"{"path": "x.txt"}"#, "begin with one of: one, two").await;
    kit.check("files_read", r#"{"path": "one/link"}"#, "leads out of its root").await;
    kit.check("files_read", r#"{"path": "one/../two/x.txt"}"#, "leads out of its root").await;
    let absolute = home.path().join("two/x.txt");
    kit.check("files_read", &serde_json::json!({ "path": absolute }).to_string(), "two").await;
    kit.check("files_move", r#"{"from": "one/x.txt", "to": "two/y.txt"}"#, "the root two is read-only").await;
    kit.check("files_move", r#"{"from": "two/x.txt", "to": "one/y.txt"}"#, "the root two is read-only").await;
    kit.check("files_copy", r#"{"from": "two/x.txt", "to": "one/y.txt"}"#, "one/y.txt").await;
}
