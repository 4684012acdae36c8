//! A Redis of a test's own, with everything it acknowledged on its disk.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Runs until it is dropped.
pub(crate) struct RedisServer {
    pub(crate) port: u16,
    folder: TempDir,
    password: &'static str,
    child: Child,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::with_password("")
    }

    pub(crate) fn with_password(password: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = port_of_its_own();
        let child = run(port, &folder, password, &[]);
        Self { port, folder, password, child }
    }

    /// One that has everything that another has, a moment later.
    pub(crate) fn replica_of(master: &Self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = port_of_its_own();
        let child = run(port, &folder, "", &["--replicaof", "127.0.0.1", &master.port.to_string()]);
        Self { port, folder, password: "", child }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with what is on its disk.
    pub(crate) fn restart(&mut self) {
        self.child = run(self.port, &self.folder, self.password, &[]);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have been killed before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that nobody else takes, also while the server is stopped. It lies below those that systems give to outgoing
/// connections: one of those could get it meanwhile, even the one that dials it.
fn port_of_its_own() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(31).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(20_000 + number % 10_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn run(port: u16, folder: &TempDir, password: &str, more: &[&str]) -> Child {
    let child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(folder.path())
        .args(["--requirepass", password])
        .args(more)
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("these tests need redis-server ({error}); install it, such as with `apt-get install redis-server`")
        });
    let until = Instant::now() + Duration::from_secs(60);
    while !is_ready(port) {
        assert!(Instant::now() < until, "redis-server does not answer on port {port}");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

/// While it still reads its disk, it answers that it is loading; ready, it answers, or asks for the password.
fn is_ready(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut answer = [0; 5];
    stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && matches!(&answer, b"+PONG" | b"-NOAU")
}
