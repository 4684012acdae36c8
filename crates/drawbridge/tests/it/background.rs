//! A hub in the background, what it writes down, and those who start it for us.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::Home;

fn home() -> Home {
    let home = Home::new();
    home.configure("listen = \"127.0.0.1:0\"\n");
    home
}

/// Ends the hub of a home, whatever became of the test.
struct Ends<'a>(&'a Home);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.run(&["stop", "--force", "--seconds", "5"]);
    }
}

fn pid(home: &Home) -> Option<u64> {
    let status: serde_json::Value = serde_json::from_str(&home.run(&["--json", "status"]).good()).unwrap();
    status["running"]["pid"].as_u64()
}

#[test]
fn a_hub_is_started_restarted_and_stopped() {
    let home = home();
    let _ends = Ends(&home);
    assert!(home.run(&["stop"]).good().contains("No hub runs."));
    let started = home.run(&["start"]).good();
    assert!(started.contains("drawbridge_") && started.contains("http://127.0.0.1:"), "{started}");
    let first = pid(&home).unwrap();
    let again = home.run(&["start"]).good();
    assert!(again.contains("runs already") && !again.contains("drawbridge_"), "{again}");
    assert!(home.run(&["call", "files_list", "{}"]).good().contains("Drawbridge"));

    assert!(home.run(&["restart"]).good().contains("serves at"));
    let second = pid(&home).unwrap();
    assert_ne!(first, second);
    assert!(home.run(&["stop"]).good().contains("everything is written"));
    assert_eq!(pid(&home), None);
    let logged = home.run(&["logs", "--filter", "ASKED to end"]).good();
    assert_eq!(logged.lines().count(), 2, "both were asked to end: {logged}");
    assert_eq!(home.run(&["logs", "-n", "1", "--filter", "asked to end"]).good().lines().count(), 1);
    assert_eq!(home.run(&["logs", "--level", "error"]).good(), "");
}

#[test]
fn a_hub_that_cannot_start_says_why_and_leaves_nothing() {
    let home = home();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = home.run(&["start", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(ran.code() == 1 && ran.err().contains("did not start"), "{}", ran.err());
    assert!(ran.err().contains("in use"), "{}", ran.err());
    assert_eq!(pid(&home), None);
    home.configure("listen = 3\n");
    assert!(home.run(&["start"]).err().contains("listen"));
}

#[test]
fn the_log_is_followed() {
    let home = home();
    let _ends = Ends(&home);
    home.run(&["start"]).good();
    let mut follow = home.command(&["logs", "--follow", "--filter", "asked to end"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    home.run(&["stop"]).good();
    let mut line = String::new();
    let read =
        std::io::BufRead::read_line(&mut std::io::BufReader::new(follow.stdout.take().unwrap()), &mut line);
    follow.kill().unwrap();
    follow.wait().unwrap();
    assert!(read.unwrap() > 0 && line.contains("asked to end"), "{line}");
}

#[test]
fn a_service_manager_is_told_that_it_serves_lives_and_ends() {
    let home = home();
    let path = home.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let hear = || {
        let mut buffer = [0; 512];
        let count = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    };
    let mut command = home.command(&["serve"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let hub = home.serve_as(command);
    let ready = hear();
    assert!(ready.starts_with("READY=1\n") && ready.contains(&hub.address.to_string()), "{ready}");
    assert_eq!((hear(), hear()), ("WATCHDOG=1".to_owned(), "WATCHDOG=1".to_owned()));
    hub.interrupt();
    let mut last = hear();
    while last == "WATCHDOG=1" {
        last = hear();
    }
    assert_eq!(last, "STOPPING=1");
}

/// A service manager that writes down what it is told.
fn with_systemctl(home: &Home, arguments: &[&str]) -> Command {
    let bin = home.path("bin");
    let told = home.path("told");
    std::fs::create_dir_all(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> '{}'\ncase \"$*\" in *is-active*) echo active;; esac\n",
        told.display()
    );
    std::fs::write(bin.join("systemctl"), script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(bin.join("systemctl"), mode).unwrap();
    let mut command = home.command(arguments);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command
}

#[cfg(target_os = "linux")]
#[test]
fn the_service_is_installed_looked_at_and_removed() {
    let home = home();
    let run = |arguments: &[&str]| with_systemctl(&home, arguments).output().unwrap();
    let text = |output: &std::process::Output| String::from_utf8(output.stdout.clone()).unwrap();
    let unit: PathBuf = home.path(".config/systemd/user/drawbridge.service");
    let printed = text(&run(&["service", "install", "--print"]));
    assert!(printed.contains("Type=notify") && !unit.exists(), "{printed}");
    assert!(text(&run(&["service", "install", "--print", "--for", "launchd"])).contains("<plist"));
    assert!(!run(&["service", "install", "--for", "windows"]).status.success(), "it can be printed only");
    assert!(!run(&["service", "status"]).status.success());

    assert!(run(&["service", "install"]).status.success());
    assert_eq!(std::fs::read_to_string(&unit).unwrap().trim_end(), printed.trim_end());
    let told = std::fs::read_to_string(home.path("told")).unwrap();
    assert!(told.ends_with("--user daemon-reload\n--user enable --now drawbridge.service\n"), "{told}");
    let status = run(&["service", "status"]);
    assert!(status.status.success() && text(&status).contains("active"), "{}", text(&status));
    assert!(run(&["service", "install"]).status.success(), "what is ours is written anew");
    assert!(run(&["service", "remove"]).status.success() && !unit.exists());
    assert!(
        std::fs::read_to_string(home.path("told"))
            .unwrap()
            .ends_with("--user disable --now drawbridge.service\n")
    );

    std::fs::write(&unit, "[Unit]\n").unwrap();
    for refused in ["install", "remove"] {
        assert!(!run(&["service", refused]).status.success(), "that is somebody else's");
    }
    assert_eq!(std::fs::read_to_string(&unit).unwrap(), "[Unit]\n");
}
