use std::fs::{File, create_dir, remove_file, rename};
use std::path::Path;

use super::*;

/// The names of a folder as [`Known`] tells them, sorted.
fn listed(known: &Known, path: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let visit = |name: &OsStr, kind: KindIfKnown| {
        names.push(format!(
            "{}{}",
            name.to_str().unwrap(),
            if kind == Some(Kind::Directory) { "/" } else { "" }
        ));
        Ok::<(), io::Error>(())
    };
    known.each(&Folder::open_root(path).unwrap(), |error| error, visit).unwrap();
    names.sort();
    names
}

fn kept(known: &Known) -> usize {
    known.0.lock().unwrap().folders.len()
}

/// Reads a folder until it is old enough to be kept.
fn learn(known: &Known, path: &Path) {
    while kept(known) == 0 {
        listed(known, path);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_comes_goes_changes_its_name_or_its_kind_is_seen_at_once() {
    let (home, known) = (tempfile::tempdir().unwrap(), Known::default());
    let (path, at) = (home.path(), |name: &str| home.path().join(name));
    File::create(at("a")).unwrap();
    assert_eq!(listed(&known, path), ["a"]);
    assert_eq!(kept(&known), 0, "it changed a moment ago");
    learn(&known, path);
    assert_eq!(listed(&known, path), ["a"]);

    File::create(at("b")).unwrap();
    assert_eq!(listed(&known, path), ["a", "b"]);
    rename(at("b"), at("c")).unwrap();
    assert_eq!(listed(&known, path), ["a", "c"]);
    remove_file(at("a")).unwrap();
    create_dir(at("a")).unwrap();
    assert_eq!(listed(&known, path), ["a/", "c"]);
}

#[test]
fn every_change_is_seen_however_fast_they_follow() {
    let (home, known) = (tempfile::tempdir().unwrap(), Known::default());
    for round in 0..2_000 {
        File::create(home.path().join(format!("{round}"))).unwrap();
        assert_eq!(listed(&known, home.path()).len(), round + 1);
    }
    assert_eq!(kept(&known), 0);
}

#[test]
fn a_time_that_is_set_by_hand_hides_nothing() {
    let (home, known) = (tempfile::tempdir().unwrap(), Known::default());
    learn(&known, home.path());
    let before = home.path().metadata().unwrap().modified().unwrap();
    File::create(home.path().join("new")).unwrap();
    File::open(home.path()).unwrap().set_modified(before).unwrap();
    assert_eq!(listed(&known, home.path()), ["new"]);
}

#[test]
fn what_is_kept_is_bounded() {
    let known = Known::default();
    let version = |inode| Version { identity: Identity { device: 1, inode }, changed_ns: 0 };
    let names = |count: usize| {
        (0..count).try_fold(Names::default(), |names, _| names.with(OsStr::new("x"), Some(Kind::File)))
    };
    for inode in 0..3 * FOLDERS_MAX as u64 {
        known.keep(version(inode), names(1).unwrap());
        assert!(kept(&known) <= FOLDERS_MAX);
    }
    assert!(names(ENTRIES_MAX).is_some());
    assert!(names(ENTRIES_MAX + 1).is_none());
    assert!(Names::default().with(OsStr::new("x"), None).is_none());
    let large =
        || Names::default().with(OsStr::new(&"x".repeat(NAMES_BYTES_MAX / 2)), Some(Kind::File)).unwrap();
    for _ in 0..5 {
        known.keep(version(7), large());
        let kept = known.0.lock().unwrap();
        let names_bytes: usize = kept.folders.values().map(|(_, names)| names.bytes.len()).sum();
        assert_eq!(kept.names_bytes, names_bytes);
        assert!(names_bytes <= NAMES_BYTES_MAX);
    }
}
