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

/// Whether systemd itself can read the unit, where it is there to be asked.
#[cfg(target_os = "linux")]
#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("a program");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let place = folder.path().join("drawbridge.service");
    let made = service(program.to_str().unwrap(), Some("/tmp/a $HOME %h"));
    std::fs::write(&place, Kind::Systemd.text(&made).unwrap()).unwrap();
    let asked = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .arg(&place)
        .env("XDG_RUNTIME_DIR", folder.path())
        .output();
    let Ok(asked) = asked else { return eprintln!("there is no systemd here to ask") };
    let said = String::from_utf8_lossy(&asked.stderr);
    let about_us: Vec<&str> = said.lines().filter(|line| line.contains("drawbridge.service")).collect();
    assert!(about_us.is_empty(), "{said}");
}
