//! Starting the program in a home of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

/// A person's home, with nothing in it yet.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// The default root.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("Drawbridge")
    }

    pub(crate) fn configure(&self, text: &str) {
        // As the program makes it: for the owner alone.
        let made = std::fs::DirBuilder::new().recursive(true).create(self.state());
        made.unwrap();
        std::fs::set_permissions(self.state(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::write(self.state().join("config.toml"), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge"));
        command.args(arguments).env_clear().env("HOME", self.0.path()).env("DRAWBRIDGE_HOME", self.state());
        command.env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran(self.command(arguments).output().unwrap())
    }

    /// Starts the hub on a free port.
    pub(crate) fn serve(&self) -> Hub {
        self.serve_as(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    pub(crate) fn serve_as(&self, mut command: Command) -> Hub {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("Ctrl-C ends.") && output.read_line(&mut greeting).unwrap() > 0 {}
        assert!(greeting.contains("Ctrl-C ends."), "it did not start:\n{greeting}{}", rest(&mut child));
        let address = greeting.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
        Hub { child, greeting, address, output }
    }
}

fn rest(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

/// A command that ended.
pub(crate) struct Ran(pub(crate) Output);

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
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

/// A hub that runs.
pub(crate) struct Hub {
    pub(crate) child: Child,
    pub(crate) greeting: String,
    pub(crate) address: SocketAddr,
    output: BufReader<ChildStdout>,
}

impl Hub {
    /// The owner key, which the first start prints.
    pub(crate) fn key(&self) -> String {
        self.greeting.lines().map(str::trim).find(|line| line.starts_with("drawbridge_")).unwrap().to_owned()
    }

    /// Ends it as Ctrl-C would, and gives the last words.
    pub(crate) fn interrupt(mut self) -> String {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let mut words = String::new();
        self.output.read_to_string(&mut words).unwrap();
        assert!(self.child.wait().unwrap().success());
        words
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
