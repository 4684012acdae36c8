use super::*;

fn service(program: &str, home: Option<&str>) -> Service {
    Service { program: program.into(), home: home.map(Into::into) }
}

#[test]
fn each_file_names_the_program_and_the_state_folder() {
    let service = service("/opt/my tools/drawbridge", Some("/home/a & b/state"));
    let unit = Kind::Systemd.text(&service).unwrap();
    assert!(unit.contains("ExecStart=\"/opt/my tools/drawbridge\" serve\n"), "{unit}");
    assert!(unit.contains("Environment=\"DRAWBRIDGE_HOME=/home/a & b/state\"\n"), "{unit}");
    for kind in [Kind::Launchd, Kind::Windows] {
        let text = kind.text(&service).unwrap();
        assert!(
            text.contains("/opt/my tools/drawbridge<") && text.contains("/home/a &amp; b/state"),
            "{text}"
        );
        assert!(text.contains("Not tried yet"), "nobody is to take it for tried: {text}");
    }
    for kind in [Kind::Systemd, Kind::Launchd, Kind::Windows] {
        assert!(kind.text(&service).unwrap().contains(OURS));
    }
}

#[test]
fn a_path_cannot_say_more_than_a_path() {
    let unit = |program: &str| Kind::Systemd.text(&service(program, None));
    assert!(unit("/a\"b\\c%d$e").unwrap().contains("ExecStart=\"/a\\\"b\\\\c%%d$$e\" serve\n"));
    assert!(unit("/a\nExecStartPre=/bin/evil").is_err());
    let text = Kind::Launchd.text(&service("/a</string><key>x", None)).unwrap();
    assert!(!text.contains("<key>x"), "{text}");
}

#[test]
fn what_others_wrote_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("deep/drawbridge.service");
    refuse_if_not_ours(&place).unwrap();
    write(&place, &format!("# {OURS}\n")).unwrap();
    refuse_if_not_ours(&place).unwrap();
    std::fs::write(&place, "[Unit]\nDescription=mine\n").unwrap();
    assert!(refuse_if_not_ours(&place).unwrap_err().to_string().contains("not written by us"));
}

/// What `systemd-analyze` says of the unit, on both outputs.
#[cfg(target_os = "linux")]
fn analyzed(folder: &std::path::Path, arguments: &[&str]) -> String {
    let program = folder.join("a program");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let place = folder.join("drawbridge.service");
    let made = service(program.to_str().unwrap(), Some("/tmp/a $HOME %h"));
    std::fs::write(&place, Kind::Systemd.text(&made).unwrap()).unwrap();
    let mut command = Command::new("systemd-analyze");
    let asked =
        command.args(arguments).arg(&place).env("XDG_RUNTIME_DIR", folder).env("LC_ALL", "C").output();
    let asked =
        asked.expect("install systemd, whose `systemd-analyze` reads the unit; `cargo xtask test` does");
    String::from_utf8_lossy(&[asked.stdout, asked.stderr].concat()).into_owned()
}

/// Whether systemd itself can read the unit.
#[cfg(target_os = "linux")]
#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let said = analyzed(folder.path(), &["--user", "verify"]);
    let about_us: Vec<&str> = said.lines().filter(|line| line.contains("drawbridge.service")).collect();
    assert!(about_us.is_empty(), "{said}");
}

/// What the unit forbids, as systemd understands it. How exposed it finds the whole says little: a hub whose terminals are to
/// be of use is exposed, and confines what it starts itself.
#[cfg(target_os = "linux")]
#[test]
fn systemd_sees_what_the_unit_forbids() {
    let folder = tempfile::tempdir().unwrap();
    let said = analyzed(folder.path(), &["--user", "security", "--offline=true", "--no-pager"]);
    for holds in ["NoNewPrivileges=", "LockPersonality=", "RestrictRealtime=", "RestrictSUIDSGID="] {
        assert!(
            said.lines().any(|line| line.starts_with(['+', '\u{2713}']) && line.contains(holds)),
            "{holds}\n{said}"
        );
    }
}
