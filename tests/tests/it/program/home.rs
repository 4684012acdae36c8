//! A person's home, and the program's commands in it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};

use serde_json::Value;
use tempfile::TempDir;

use super::{Hub, PATIENCE, wait_for};

/// What stands in files that no caller may see. No answer may hold it.
pub(crate) const CANARY: &str = "canary-7f3a-nobody-may-see-this";
/// Where the environment names the program under test.
const PROGRAM: &str = "DRAWBRIDGE_TEST_BIN";

/// A person's home: an empty root `Drawbridge`, a state folder, and files outside of both that are nobody's business.
pub(crate) struct Home {
    folder: TempDir,
    state: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let home = Self { folder, state };
        for folder in ["Drawbridge", "outside", "Drawbridge-too"] {
            std::fs::create_dir(home.path(folder)).unwrap();
        }
        for file in ["outside/secret.txt", "Drawbridge-too/secret.txt", "secret.txt"] {
            std::fs::write(home.path(file), CANARY).unwrap();
        }
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.state.clone()
    }

    /// The same home, with its state folder elsewhere.
    pub(crate) fn with_state(self, state: PathBuf) -> Self {
        Self { state, ..self }
    }

    /// A path in the default root.
    pub(crate) fn in_root(&self, name: &str) -> PathBuf {
        self.path("Drawbridge").join(name)
    }

    pub(crate) fn configure(&self, text: &str) {
        std::fs::create_dir_all(self.state()).unwrap();
        std::fs::set_permissions(self.state(), PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::write(self.state().join("config.toml"), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).env_clear().env("HOME", self.folder()).env("DRAWBRIDGE_HOME", self.state());
        command.env("PATH", "/usr/bin:/bin").env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, which must come.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments))
    }

    /// Starts the hub on a free port.
    pub(crate) fn serve(&self) -> Hub {
        Hub::start(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    /// Makes a key and gives its secret.
    pub(crate) fn add_key(&self, name: &str, options: &[&str]) -> String {
        let made = self.run(&[&["--json", "keys", "add", name], options].concat()).good();
        let made: Value = serde_json::from_str(&made).unwrap();
        let secret = made["secret"].as_str().or(made["key"].as_str()).unwrap();
        assert!(secret.starts_with("drawbridge_"), "{made}");
        secret.to_owned()
    }

    /// Everything in the logs.
    pub(crate) fn log(&self) -> String {
        let files = std::fs::read_dir(self.state().join("logs")).unwrap();
        files.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    }

    /// The last thousand records of the audit, oldest first.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let tail = self.run(&["--json", "audit", "tail", "-n", "1000"]).good();
        tail.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits for a record. Those of reads are written in batches.
    pub(crate) fn audited(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait_for(&format!("a record of {what}"), || self.audit().into_iter().find(&fits))
    }

    /// Checks that the audit is whole.
    pub(crate) fn verify(&self) {
        assert!(self.run(&["audit", "verify"]).good().contains("whole"));
    }

    /// Everything in the home but the state and the root: what must not change.
    pub(crate) fn outside(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let ours = [self.state(), self.path("Drawbridge")];
        collect(self.folder(), &ours, &mut found);
        found
    }
}

fn collect(folder: &Path, but: &[PathBuf], found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if but.contains(&path) {
            continue;
        }
        let meta = path.symlink_metadata().unwrap();
        if meta.is_dir() {
            found.insert(path.clone(), b"a folder".to_vec());
            collect(&path, but, found);
        } else if meta.is_file() {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        } else {
            found.insert(path, b"a link or a pipe".to_vec());
        }
    }
}

/// Checks that nothing of what nobody may see is in a text.
pub(crate) fn canaries(text: &str) {
    assert!(!text.contains(CANARY), "this was given out:\n{text}");
}

fn program() -> PathBuf {
    match std::env::var_os(PROGRAM) {
        Some(path) => path.into(),
        None => panic!("{PROGRAM} does not name the program to test: run `cargo xtask test`"),
    }
}

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ran(Output);

impl Ran {
    /// Runs a command to its end. One that goes on, such as a hub that should not have started, is killed.
    pub(crate) fn of(mut command: Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (pid, (done, is_done)) = (child.id().to_string(), mpsc::channel::<()>());
        let watch = std::thread::spawn(move || {
            if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                Command::new("kill").args(["-KILL", &pid]).status().unwrap();
            }
        });
        let ran = Self(child.wait_with_output().unwrap());
        drop(done);
        watch.join().unwrap();
        ran
    }

    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap_or_else(|| panic!("it did not end by itself: {self:?}"))
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// Checks that it ended well, and gives what it printed.
    pub(crate) fn good(&self) -> String {
        assert_eq!(self.code(), 0, "{}{}", self.out(), self.err());
        self.out()
    }
}
