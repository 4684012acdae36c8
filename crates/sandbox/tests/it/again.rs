//! Everything once more as an ordinary user, where the tests were started by root.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::tools::program;

/// The user that owns nothing.
pub(crate) const NOBODY: u32 = 65534;

#[test]
fn as_an_ordinary_user_too() {
    if !rustix::process::geteuid().is_root() {
        // Then every other test has just run as one.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("tests");
    std::fs::copy(program(), &copy).unwrap();
    let output = Command::new(&copy)
        .args(["--skip", "again::", "--test-threads", "2"])
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("escape::secrets_cannot_be_read ... ok"), "{said}");
}
