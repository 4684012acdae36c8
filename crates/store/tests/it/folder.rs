//! What is refused at the door: files that others can touch, and files that are not ours.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};

use drawbridge_store::{DATABASE_FILE, GENERATION_FILE, HEAD_FILE, Store, StoreError};
use rusqlite::Connection;

use crate::support::{record, store};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_is_made_is_private() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/b");
    let store = Store::open(&folder).unwrap();
    store.audit_durable(record("a")).await.unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&outer.path().join("a")), 0o700);
    let mut files = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 5, "database, log, index, generation, head");
}

#[test]
fn a_file_that_others_may_touch_is_refused_by_name() {
    for name in [DATABASE_FILE, GENERATION_FILE, HEAD_FILE] {
        for bits in [0o604, 0o640, 0o620, 0o602] {
            let (folder, store) = store();
            drop(store);
            let path = folder.path().join(name);
            set_mode(&path, bits);
            let error = Store::open(folder.path()).unwrap_err();
            assert!(matches!(&error, StoreError::Unsafe { path: named, .. } if *named == path), "{error}");
            assert!(error.to_string().contains("chmod 600"), "{error}");
            set_mode(&path, 0o600);
            Store::open(folder.path()).unwrap();
        }
    }
}

#[test]
fn a_folder_that_others_may_change_is_refused() {
    let (folder, store) = store();
    drop(store);
    for (bits, fine) in [(0o755, true), (0o775, false), (0o702, false), (0o700, true)] {
        set_mode(folder.path(), bits);
        assert_eq!(Store::open(folder.path()).is_ok(), fine, "{bits:o}");
    }
}

#[test]
fn a_file_of_another_user_is_refused() {
    let (folder, store) = store();
    drop(store);
    let path = folder.path().join(DATABASE_FILE);
    let us = fs::metadata(&path).unwrap().uid();
    if std::os::unix::fs::chown(&path, Some(us + 1), None).is_err() {
        eprintln!("not tried: only root can give files away");
        return;
    }
    let error = Store::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("owns it"), "{error}");
}

#[test]
fn a_link_is_refused_and_its_target_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("precious");
    fs::write(&target, "precious").unwrap();
    set_mode(&target, 0o600);
    let ours = folder.path().join("ours");
    fs::create_dir(&ours).unwrap();
    set_mode(&ours, 0o700);
    symlink(&target, ours.join(DATABASE_FILE)).unwrap();
    assert!(matches!(Store::open(&ours), Err(StoreError::Unsafe { .. })));
    assert_eq!(fs::read_to_string(target).unwrap(), "precious");
}

#[test]
fn a_folder_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}

/// Opens a folder with this file as database; it must fail and leave every byte as it was.
fn check_untouched(make: impl FnOnce(&Path)) -> StoreError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATABASE_FILE);
    make(&path);
    set_mode(&path, 0o600);
    let before = fs::read(&path).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before, "{error}");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, [DATABASE_FILE], "{error}");
    error
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let error = check_untouched(|path| fs::write(path, "Dear diary, today I wrote no database.").unwrap());
    assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
    let error = check_untouched(|path| fs::write(path, [0; 5000]).unwrap());
    assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let error = check_untouched(|path| {
        Connection::open(path).unwrap().execute_batch("CREATE TABLE songs (name)").unwrap();
    });
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn a_newer_format_is_left_alone() {
    let error = check_untouched(|path| {
        let (folder, store) = store();
        drop(store);
        let made = folder.path().join(DATABASE_FILE);
        Connection::open(&made)
            .unwrap()
            .execute_batch("PRAGMA journal_mode = delete; PRAGMA user_version = 99")
            .unwrap();
        fs::copy(made, path).unwrap();
    });
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");
}

#[test]
fn many_may_open_a_new_folder_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(folder.path()).unwrap().sealing_secret();
    let secrets = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(secrets.iter().all(|secret| *secret == secrets[0]), "all have the same sealing secret");
    assert_ne!(secrets[0], [0; 32]);
    assert_ne!(secrets[0], store().1.sealing_secret(), "another folder has another");
}
