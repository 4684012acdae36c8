//! Another process exchanges folders and links while files are read and written: nothing outside is ever touched.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags, openat, renameat_with};

use crate::sample::Sample;

/// Tells the child process which folder to stir.
const STIRRED: &str = "DRAWBRIDGE_TEST_STIR";
/// How many calls are made in all.
const CALLS: u64 = 100_000;
const TASKS: u64 = 8;

/// Ends the child when the test ends, however it does.
struct Stirring(Child);

impl Drop for Stirring {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test of its own: what the child process does.
#[test]
fn stir() {
    let Some(root) = std::env::var_os(STIRRED) else { return };
    let open = |path: &str| {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(CWD, Path::new(&root).join(path), flags, Mode::empty()).unwrap()
    };
    // By handles, or it would follow its own links and bring what is outside into the root.
    let (root, dir, inner) = (open(""), open("dir"), open("dir/inner"));
    let exchange = |folder: &OwnedFd, one: &str, other: &str| {
        renameat_with(folder, one, &root, other, RenameFlags::EXCHANGE).unwrap();
    };
    println!("stirring");
    loop {
        exchange(&root, "dir", "link");
        exchange(&dir, "inner", "inner-link");
        exchange(&root, "file", "file-link");
        exchange(&inner, "deep", "deep-link");
        exchange(&dir, "inner", "inner-link");
        exchange(&inner, "deep", "deep-link");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_outside_is_read_or_written() {
    let sample = Sample::new();
    let outside = sample.home.path().join("outside");
    for folder in [outside.join("inner/deep"), sample.at("dir/inner/deep")] {
        fs::create_dir_all(folder).unwrap();
    }
    for path in ["x", "inner/x", "inner/deep/x", "file"] {
        fs::write(outside.join(path), "the-secret-text").unwrap();
        fs::write(sample.at("dir").join(path), "inside").unwrap();
    }
    fs::write(sample.at("file"), "inside").unwrap();
    symlink(&outside, sample.at("link")).unwrap();
    symlink(outside.join("inner"), sample.at("inner-link")).unwrap();
    symlink(outside.join("inner/deep"), sample.at("deep-link")).unwrap();
    symlink(outside.join("file"), sample.at("file-link")).unwrap();
    let before = everything(&outside);
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program);
    child.args(["--exact", "swap::stir", "--nocapture"]).env(STIRRED, sample.at(""));
    let _stirring = Stirring(child.stdout(std::process::Stdio::null()).spawn().unwrap());
    let done = std::sync::Arc::new(Done::default());
    let tasks: Vec<_> =
        (0..TASKS).map(|task| tokio::spawn(calls(sample.kit.clone(), task, done.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(everything(&outside), before);
    let (well, refused) = (done.well.load(Ordering::Relaxed), done.refused.load(Ordering::Relaxed));
    // Both must have happened, or nothing was tried.
    assert!(well > CALLS / 50 && refused > CALLS / 50, "{well} went well, {refused} were refused");
}

#[derive(Default)]
struct Done {
    well: AtomicU64,
    refused: AtomicU64,
}

async fn calls(kit: drawbridge_contract::kit::Kit, task: u64, done: std::sync::Arc<Done>) {
    let places = ["dir/x", "dir/inner/x", "dir/inner/deep/x", "file"];
    for call in 0..CALLS / TASKS {
        let place = places[usize::try_from((call + task) % 4).unwrap()];
        let said = match call % 50 {
            0 => kit.says("files_search", r#"{"pattern": "secret|inside"}"#).await,
            1 => kit.says("files_list", r#"{"path": "dir/inner"}"#).await,
            2 => {
                kit.says(
                    "files_copy",
                    &format!(r#"{{"from": "{place}", "to": "copy-{task}", "overwrite": true}}"#),
                )
                .await
            }
            3 => {
                kit.says(
                    "files_write",
                    &format!(r#"{{"path": "{place}", "content": "inside", "append": true}}"#),
                )
                .await
            }
            4..12 => kit.says("files_write", &format!(r#"{{"path": "{place}", "content": "inside"}}"#)).await,
            12 => {
                kit.says(
                    "files_write",
                    &format!(r#"{{"path": "dir/inner/new-{task}-{call}", "content": "inside"}}"#),
                )
                .await
            }
            13 => {
                kit.says("files_delete", &format!(r#"{{"path": "dir/inner/new-{task}-{}"}}"#, call - 1)).await
            }
            _ => kit.says("files_read", &format!(r#"{{"path": "{place}"}}"#)).await,
        };
        assert!(!said.contains("the-secret-text"), "{said}");
        let counter = if said.starts_with("error") { &done.refused } else { &done.well };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn everything(folder: &Path) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let inner = if path.is_dir() { everything(&path) } else { Vec::new() };
        found.push((path.display().to_string(), fs::read_to_string(&path).ok()));
        found.extend(inner);
    }
    found.sort();
    found
}
