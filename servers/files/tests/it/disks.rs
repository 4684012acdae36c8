//! Another disk mounted inside a root, and a mount that is another way to what is protected.
//!
//! Mounting needs a namespace of its own, so the test runs itself in one. Where the system allows none, it says so.

use std::fs;
use std::process::Command;

use crate::sample::Sample;

/// Set in the process that may mount.
const MAY_MOUNT: &str = "DRAWBRIDGE_TEST_MAY_MOUNT";

/// Runs one test of this file in a mount namespace.
fn in_a_namespace(test: &str) {
    let allowed = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
    if !allowed {
        eprintln!("{test} was not run: this system allows no mount namespaces");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let inner = Command::new("unshare")
        .arg("-rm")
        .arg(program)
        .args(["--exact", test, "--nocapture"])
        .env(MAY_MOUNT, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&inner.stdout) + String::from_utf8_lossy(&inner.stderr);
    assert!(inner.status.success() && said.contains("1 passed"), "{said}");
}

fn may_mount() -> bool {
    std::env::var_os(MAY_MOUNT).is_some()
}

fn mount(arguments: &[&str]) {
    assert!(Command::new("mount").args(arguments).status().unwrap().success(), "mount {arguments:?}");
}

#[test]
fn another_disk_in_a_root() {
    in_a_namespace("disks::on_another_disk");
}

#[test]
fn another_way_to_our_state() {
    in_a_namespace("disks::through_a_mount");
}

/// The inner part of [`another_disk_in_a_root`].
#[tokio::test]
async fn on_another_disk() {
    if !may_mount() {
        return;
    }
    let sample = Sample::new();
    let (kit, disk) = (&sample.kit, sample.at("disk"));
    fs::create_dir(&disk).unwrap();
    mount(&["-t", "tmpfs", "none", disk.to_str().unwrap()]);
    kit.check(
        "files_write",
        r#"{"path": "disk/a/x.txt", "content": "one", "make_parents": true}"#,
        "created",
    )
    .await;
    // What a killed process left beside its target goes with the next write to that folder.
    fs::write(disk.join("a/.drawbridge-staged-1"), "half").unwrap();
    kit.check("files_write", r#"{"path": "disk/a/x.txt", "content": "two"}"#, "trash_id").await;
    assert_eq!(fs::read_dir(disk.join("a")).unwrap().count(), 1);
    kit.check("files_read", r#"{"path": "disk/a/x.txt"}"#, "two").await;
    kit.check("files_list", r#"{"path": "disk/a"}"#, "x.txt").await;
    kit.check("files_search", r#"{"pattern": "two"}"#, "notes/disk/a/x.txt").await;
    fs::create_dir_all(disk.join("a/.git/hooks")).unwrap();
    fs::write(disk.join("a/.git/hooks/run"), "x").unwrap();
    // There and back, and into the trash and back: each over the border between the disks.
    kit.check("files_move", r#"{"from": "disk/a", "to": "b"}"#, "notes/b").await;
    assert_eq!((sample.text("b/x.txt"), disk.join("a").exists()), ("two".to_owned(), false));
    assert!(sample.at("b/.git/hooks/run").exists());
    kit.check("files_move", r#"{"from": "b", "to": "disk/a"}"#, "notes/disk/a").await;
    let deleted = kit.data("files_delete", r#"{"path": "disk/a", "recursive": true}"#).await;
    assert!(!disk.join("a").exists());
    let restore = format!(r#"{{"trash_id": {}}}"#, deleted["trash_id"]);
    kit.check("files_restore", &restore, "notes/disk/a").await;
    assert_eq!(fs::read_to_string(disk.join("a/x.txt")).unwrap(), "two");
    kit.check("files_copy", r#"{"from": "recipes", "to": "disk/r"}"#, r#""files":2"#).await;
    kit.check(
        "files_edit",
        r#"{"path": "disk/r/soup.md", "edits": [{"old_text": "salt", "new_text": "pepper"}]}"#,
        "pepper",
    )
    .await;
    kit.check("files_purge", r#"{"path": "disk/r", "recursive": true}"#, "purged").await;
}

/// The inner part of [`another_way_to_our_state`].
#[tokio::test]
async fn through_a_mount() {
    if !may_mount() {
        return;
    }
    let sample = Sample::with(|mut settings| {
        let home = settings.roots[0].folder.parent().unwrap().join("state");
        fs::create_dir_all(home.join("inner")).unwrap();
        fs::write(home.join("inner/drawbridge.db"), "the-secret-text").unwrap();
        settings.denied_folders = vec![home];
        settings
    });
    let way = sample.at("way");
    fs::create_dir(&way).unwrap();
    mount(&["--bind", sample.home.path().join("state").to_str().unwrap(), way.to_str().unwrap()]);
    assert_eq!(sample.text("way/inner/drawbridge.db"), "the-secret-text");
    for call in [
        r#"files_list {"path": "way"}"#,
        r#"files_list {"path": "way/inner"}"#,
        r#"files_read {"path": "way/inner/drawbridge.db"}"#,
        r#"files_write {"path": "way/inner/drawbridge.db", "content": "x"}"#,
        r#"files_purge {"path": "way/inner", "recursive": true}"#,
        r#"files_move {"from": "way/inner", "to": "stolen"}"#,
        r#"files_copy {"from": "way/inner", "to": "stolen"}"#,
        r#"files_copy {"from": "todo.md", "to": "way/inner/drawbridge.db", "overwrite": true}"#,
    ] {
        let (tool, arguments) = call.split_once(' ').unwrap();
        sample.kit.check(tool, arguments, "refused: notes/way is never given").await;
    }
    sample.kit.check("files_search", r#"{"pattern": "secret"}"#, "[0 lines").await;
    assert_eq!(sample.text("way/inner/drawbridge.db"), "the-secret-text");
}
