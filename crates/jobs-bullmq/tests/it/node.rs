//! BullMQ's own programs on the other side: they run in Node, from the kit in `tests/bullmq`, and in Python, from that in
//! `tests/bullmq-python`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::redis_server::RedisServer;

/// What only the test command can know.
fn from_xtask(name: &str) -> PathBuf {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("{name} is not set: run this test with `cargo xtask test`"))
        .into()
}

/// One of the kit's scripts; killed when dropped.
pub(crate) struct Node {
    pub(crate) child: Child,
    told: BufReader<ChildStdout>,
}

impl Node {
    pub(crate) fn start(script: &str, redis: &RedisServer, env: &[(&str, &str)]) -> Self {
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bullmq");
        let mut command = Command::new(from_xtask("DRAWBRIDGE_TEST_NODE"));
        command.arg(format!("{scripts}/{script}"));
        command.env("DRAWBRIDGE_TEST_BULLMQ", from_xtask("DRAWBRIDGE_TEST_BULLMQ"));
        Self::run(command, redis, env)
    }

    /// The same in Python.
    pub(crate) fn python(script: &str, redis: &RedisServer, env: &[(&str, &str)]) -> Self {
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bullmq-python");
        let mut command = Command::new(from_xtask("DRAWBRIDGE_TEST_BULLMQ_PYTHON").join("bin/python"));
        command.arg(format!("{scripts}/{script}"));
        Self::run(command, redis, env)
    }

    fn run(mut command: Command, redis: &RedisServer, env: &[(&str, &str)]) -> Self {
        let mut child = command
            .env("REDIS_PORT", redis.port.to_string())
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        Self { child, told }
    }

    /// The next thing it tells. Blocks.
    pub(crate) fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.told.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the script ended, or told {line:?}"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
