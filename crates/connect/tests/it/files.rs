//! Files as they are on real machines: links, permissions, other writers.

use drawbridge_connect::{ConnectError, FILE_BYTES_MAX, find};

use super::*;

const SETTINGS: &str = "{\n  \"theme\": \"dark\"\n}\n";

fn zed() -> &'static Host {
    find("zed").unwrap()
}

#[test]
fn the_first_backup_is_never_overwritten() {
    let machine = Machine::with(zed(), SETTINGS);
    machine.connect(zed());
    let other = drawbridge_connect::Entry::stdio(format!("{PROGRAM}2")).unwrap();
    plan(zed(), &machine.places, &other).unwrap().apply().unwrap();
    assert_eq!(fs::read_to_string(machine.backup(zed())).unwrap(), SETTINGS);
}

#[test]
fn nothing_else_is_left_in_the_folder() {
    let machine = Machine::with(zed(), SETTINGS);
    machine.connect(zed());
    let folder = machine.file(zed()).parent().unwrap().to_path_buf();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["settings.json", "settings.json.drawbridge-backup"]);
}

#[test]
fn a_file_that_changed_meanwhile_is_not_replaced() {
    let machine = Machine::with(zed(), SETTINGS);
    let plan = machine.plan(zed()).unwrap();
    machine.write(zed(), "{ \"theme\": \"light\" }\n");
    assert!(matches!(plan.apply(), Err(ConnectError::Changed { .. })));
    assert_eq!(machine.read(zed()).unwrap(), "{ \"theme\": \"light\" }\n");
    assert!(!machine.backup(zed()).exists());
}

#[test]
fn a_file_that_appeared_meanwhile_is_not_replaced() {
    let machine = Machine::new();
    let plan = machine.plan(zed()).unwrap();
    machine.write(zed(), SETTINGS);
    assert!(matches!(plan.apply(), Err(ConnectError::Changed { .. })));
    assert_eq!(machine.read(zed()).unwrap(), SETTINGS);
}

#[test]
fn a_plan_alone_writes_nothing() {
    let machine = Machine::new();
    assert!(machine.plan(zed()).unwrap().diff().starts_with("--- /dev/null\n"));
    assert_eq!(machine.read(zed()), None);
    assert!(!machine.file(zed()).parent().unwrap().exists());
}

#[test]
fn a_folder_in_the_way_is_refused() {
    let machine = Machine::new();
    fs::create_dir_all(machine.file(zed())).unwrap();
    assert!(matches!(machine.plan(zed()), Err(ConnectError::NotAFile { .. })));
}

#[test]
fn a_file_at_the_size_limit_is_read_and_one_above_is_not() {
    let machine = Machine::new();
    let text = |bytes: u64| format!("{{{}}}", " ".repeat(usize::try_from(bytes).unwrap() - 2));
    machine.write(zed(), &text(FILE_BYTES_MAX));
    assert!(machine.plan(zed()).is_ok());
    machine.write(zed(), &text(FILE_BYTES_MAX + 1));
    assert!(matches!(machine.plan(zed()), Err(ConnectError::TooLarge { .. })));
}

#[test]
fn text_that_is_not_utf8_is_named_by_line() {
    let machine = Machine::with(zed(), "");
    fs::write(machine.file(zed()), b"{\n  \"name\": \"caf\xe9\"\n}\n").unwrap();
    assert!(matches!(machine.plan(zed()), Err(ConnectError::NotUtf8 { line: 2, .. })));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn permissions_stay() {
        for bits in [0o600, 0o644, 0o640] {
            let machine = Machine::with(zed(), SETTINGS);
            set_mode(&machine.file(zed()), bits);
            machine.connect(zed());
            assert_eq!(mode(&machine.file(zed())), bits);
            assert_eq!(mode(&machine.backup(zed())), bits);
            machine.remove(zed());
            assert_eq!(mode(&machine.file(zed())), bits);
        }
    }

    #[test]
    fn a_new_file_is_its_users_alone() {
        let machine = Machine::new();
        machine.connect(zed());
        assert_eq!(mode(&machine.file(zed())), 0o600);
    }

    #[test]
    fn a_read_only_file_is_refused() {
        let machine = Machine::with(zed(), SETTINGS);
        set_mode(&machine.file(zed()), 0o444);
        assert!(matches!(machine.plan(zed()).unwrap().apply(), Err(ConnectError::ReadOnly { .. })));
        assert_eq!(machine.read(zed()).unwrap(), SETTINGS);
        assert!(!machine.backup(zed()).exists());
    }

    /// A machine whose settings are a link into a folder of dotfiles, as people keep them.
    fn linked(target: &str) -> (Machine, PathBuf) {
        let machine = Machine::new();
        let file = machine.file(zed());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::create_dir_all(file.parent().unwrap().join("dotfiles")).unwrap();
        symlink(target, &file).unwrap();
        (machine, file)
    }

    #[test]
    fn a_link_stays_a_link() {
        let (machine, file) = linked("dotfiles/zed.json");
        let target = file.with_file_name("dotfiles").join("zed.json");
        fs::write(&target, SETTINGS).unwrap();
        machine.connect(zed());
        assert!(file.is_symlink());
        assert!(fs::read_to_string(&target).unwrap().contains(PROGRAM));
        machine.remove(zed());
        assert!(file.is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), SETTINGS);
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_yet_is_followed() {
        let (machine, file) = linked("dotfiles/zed.json");
        machine.connect(zed());
        assert!(file.is_symlink());
        assert!(file.with_file_name("dotfiles").join("zed.json").is_file());
    }

    #[test]
    fn links_in_a_circle_are_refused() {
        let (machine, file) = linked("settings.json");
        assert!(file.is_symlink());
        let refused = machine.plan(zed()).and_then(|plan| plan.apply());
        assert!(matches!(refused, Err(ConnectError::Read { .. } | ConnectError::Link { .. })), "{refused:?}");
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let machine = Machine::new();
        let file = machine.file(zed());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
        assert!(made.success());
        assert!(matches!(machine.plan(zed()), Err(ConnectError::NotAFile { .. })));
    }
}
