//! A Redis of a test's own, with everything it acknowledged on its disk.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::wait_for;

/// Runs until it is dropped.
pub(crate) struct Redis {
    port: u16,
    child: Child,
    _folder: TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = port_of_its_own();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("this test needs redis-server ({error}), a package of most systems")
            });
        let redis = Self { port, child, _folder: folder };
        wait_for("Redis answers", || redis.is_ready().then_some(()));
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Adds a job as another program does that may write here.
    pub(crate) fn add_job(&self, id: &str, tool: &str, data: &str) {
        let job = format!("bull:async-tasks:{id}");
        let fields = ["name", tool, "data", data, "opts", "{}", "timestamp", "1800000000000"];
        self.tell(&[&["HSET", job.as_str()], fields.as_slice()].concat());
        self.tell(&["LPUSH", "bull:async-tasks:wait", id]);
    }

    /// Sends a command that answers with a number.
    fn tell(&self, words: &[&str]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let each = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        let command = format!("*{}\r\n{}", words.len(), each.collect::<String>());
        stream.write_all(command.as_bytes()).unwrap();
        let mut answer = [0];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b":", "{words:?}");
    }

    fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut answer = [0; 5];
        stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"+PONG"
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

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
