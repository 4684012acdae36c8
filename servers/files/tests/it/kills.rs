//! A process that is killed while it writes leaves files wholly old or wholly new.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use drawbridge_contract::kit::Kit;
use drawbridge_files::{Files, FilesSettings, RootSettings};

/// Tells the child process where to write.
const ROOT: &str = "DRAWBRIDGE_TEST_WRITE";
const KILLS: u64 = 60;
/// Large enough that a kill often meets a write half done.
const BYTES: usize = 300_000;

fn kit(root: &std::path::Path) -> Kit {
    Kit::of(Files::open(FilesSettings::of(vec![RootSettings::new("r", root)])).unwrap())
}

/// Not a test of its own: what the child process does.
#[tokio::test]
async fn write_for_ever() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let kit = kit(root.as_ref());
    for round in 0_u64.. {
        let letter = char::from(b'a' + u8::try_from(round % 26).unwrap());
        let content = letter.to_string().repeat(BYTES);
        kit.says("files_write", &format!(r#"{{"path": "target", "content": "{content}"}}"#)).await;
        kit.says("files_write", r#"{"path": "log", "content": "0123456789\n", "append": true}"#).await;
        let edit = format!(
            r#"{{"path": "edited", "edits": [{{"old_text": "{round};", "new_text": "{round};{};"}}]}}"#,
            round + 1
        );
        kit.says("files_edit", &edit).await;
        kit.says("files_copy", r#"{"from": "tree", "to": "tree-2", "overwrite": true}"#).await;
    }
}

#[test]
fn a_kill_leaves_the_old_or_the_new() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("tree")).unwrap();
    for number in 0..20 {
        fs::write(home.path().join(format!("tree/{number}")), "x").unwrap();
    }
    for kill in 0..KILLS {
        fs::write(home.path().join("edited"), "0;").unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::write_for_ever", "--nocapture"])
            .env(ROOT, home.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(30 + kill * 7 % 90));
        child.kill().unwrap();
        child.wait().unwrap();
        check(home.path());
        kit(home.path());
        let staging = home.path().join(".drawbridge-trash/staging");
        let left_over: Vec<_> =
            fs::read_dir(staging).map(|entries| entries.flatten().collect()).unwrap_or_default();
        assert!(left_over.is_empty(), "{left_over:?}");
        let beside: Vec<_> =
            fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(beside.iter().all(|name| !name.to_string_lossy().contains("staged")), "{beside:?}");
    }
    assert!(home.path().join("target").exists() && home.path().join("log").exists());
}

fn check(root: &std::path::Path) {
    if let Ok(target) = fs::read(root.join("target")) {
        assert_eq!(target.len(), BYTES);
        assert!(target.iter().all(|byte| *byte == target[0]));
    }
    if let Ok(log) = fs::read_to_string(root.join("log")) {
        assert!(log.lines().all(|line| line == "0123456789") && log.ends_with('\n'));
    }
    if let Ok(copy) = fs::read_dir(root.join("tree-2")) {
        assert_eq!(copy.count(), 20);
    }
    let edited = fs::read_to_string(root.join("edited")).unwrap();
    let numbers: Vec<usize> = edited.split_terminator(';').map(|number| number.parse().unwrap()).collect();
    assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>());
}
