//! The service under a real systemd: a user manager of its own, in a mount namespace and a control group of its own, so
//! that nothing else of the machine notices. That takes root, cgroups that can be written, and systemd: nothing to do unasked
//! on somebody's machine, so it runs only when it is called by its name, and then a missing part is a failure.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Home, Ran};

const MANAGER: &str = "/lib/systemd/systemd";
/// How long what must come may take: machines can be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// Starts the manager as a machine that was started by systemd would. Its group `$1` is below the one we are in, because it
/// moves whoever else is in its own; of the older trees (cgroups v1) it gets the one that counts and limits nothing.
const START: &str = r#"
mount -t tmpfs none /run/systemd && mkdir /run/systemd/system || exit 77
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
  tree=/sys/fs/cgroup; own=$(sed -n 's/^0:://p' /proc/self/cgroup)
else
  tree=/sys/fs/cgroup/systemd; own=$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup)
  mount -t tmpfs none /sys/fs/cgroup && mkdir $tree && mount -t cgroup -o none,name=systemd none $tree || exit 77
fi
group=$tree${own%/}/$1
mkdir "$group" && echo $$ > "$group/cgroup.procs" || exit 77
/lib/systemd/systemd --user --log-target=console --log-level=notice
echo $$ > "$tree$own/cgroup.procs"
find "$group" -depth -type d -exec rmdir {} +
"#;

struct Manager<'a> {
    home: &'a Home,
    child: Child,
}

impl<'a> Manager<'a> {
    fn start(home: &'a Home) -> Self {
        assert!(rustix::process::geteuid().is_root(), "run this as root");
        assert!(Path::new(MANAGER).exists(), "install systemd");
        let runtime = home.path("runtime");
        std::fs::create_dir(&runtime).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&runtime, mode).unwrap();
        let group = format!("drawbridge-test-{}", std::process::id());
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c", START, "sh", &group]);
        let child = in_session(&mut command, home).stdin(Stdio::null()).spawn().unwrap();
        let mut manager = Self { home, child };
        let begun = Instant::now();
        while manager.systemctl(&["show", "-P", "Version"]).is_empty() {
            let ended = manager.child.try_wait().unwrap();
            assert!(ended.is_none(), "no namespace or control group can be made ({ended:?})");
            assert!(begun.elapsed() < PATIENCE, "the manager did not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        manager
    }

    fn systemctl(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("systemctl");
        let output = in_session(command.arg("--user").args(arguments), self.home).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A property of the service.
    fn service(&self, property: &str) -> String {
        self.systemctl(&["show", "-P", property, "drawbridge.service"])
    }

    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            let status = || self.systemctl(&["status", "--no-pager", "drawbridge.service"]);
            assert!(begun.elapsed() < PATIENCE, "it never was so: {what}\n{}", status());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits for another process than this one.
    fn started_again(&self, than: &str) -> String {
        self.until("another process serves", || {
            self.service("ActiveState") == "active" && self.service("MainPID") != than
        });
        self.service("MainPID")
    }

    fn drawbridge(&self, arguments: &[&str]) -> Ran {
        let mut command = self.home.command(arguments);
        Ran(in_session(&mut command, self.home).output().unwrap())
    }
}

impl Drop for Manager<'_> {
    fn drop(&mut self) {
        self.systemctl(&["stop", "drawbridge.service"]);
        self.systemctl(&["exit"]);
        let begun = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// With the variables of a session of this home.
fn in_session<'a>(command: &'a mut Command, home: &Home) -> &'a mut Command {
    command
        .env("HOME", home.path(""))
        .env("XDG_RUNTIME_DIR", home.path("runtime"))
        .env_remove("XDG_CONFIG_HOME");
    command.env_remove("DBUS_SESSION_BUS_ADDRESS")
}

fn signal(pid: &str, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
#[ignore = "starts a manager of systemd, as root: see CONTRIBUTING.md"]
fn the_service_serves_is_started_again_when_it_hangs_or_dies_and_goes_when_it_is_removed() {
    let home = Home::new();
    home.configure("listen = \"127.0.0.1:0\"\n");
    let manager = Manager::start(&home);
    // As it is written, but for the times, which are a minute.
    let change = home.path(".config/systemd/user/drawbridge.service.d/times.conf");
    std::fs::create_dir_all(change.parent().unwrap()).unwrap();
    std::fs::write(change, "[Service]\nWatchdogSec=10\nTimeoutAbortSec=2\nRestartSec=0\n").unwrap();

    manager.drawbridge(&["service", "install"]).good();
    assert_eq!(manager.service("ActiveState"), "active", "it is active once the hub has said so");
    assert!(manager.service("StatusText").contains("serves at http://127.0.0.1:"));
    assert!(manager.drawbridge(&["service", "status"]).good().contains("active"));
    let first = manager.service("MainPID");
    assert!(manager.drawbridge(&["status"]).good().contains(&format!("process {first}")));

    signal(&first, rustix::process::Signal::STOP);
    let second = manager.started_again(&first);
    assert_ne!(manager.service("NRestarts"), "0", "the watchdog did it");
    signal(&second, rustix::process::Signal::KILL);
    let third = manager.started_again(&second);
    assert!(manager.drawbridge(&["call", "files_list", "{}"]).good().contains("Drawbridge"));

    manager.drawbridge(&["service", "remove"]).good();
    assert_eq!(manager.service("LoadState"), "not-found");
    assert!(!Path::new(&format!("/proc/{third}")).exists(), "it still runs");
    assert!(!manager.drawbridge(&["service", "status"]).out().contains("installed  "));
}
