//! A person who types into a terminal, and sees what an emulator of one makes of the answer.

use std::time::Duration;

use drawbridge_sandbox::{Child, Exit, Launch, Sandbox, Size, Streams};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::program::Home;

const COLUMNS: u16 = 100;
const ROWS: u16 = 30;
/// How long what must come may take: machines can be busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a program sends that wants to know where the cursor is (DSR, ECMA-48).
const WHERE: &[u8] = b"\x1b[6n";

/// A person in front of a shell that runs.
pub(super) struct Person {
    pub(super) child: Child,
    screen: vt100::Parser,
    /// The end of what was read, in which a question may have begun.
    tail: Vec<u8>,
    _sandbox: Sandbox,
}

impl Person {
    /// Starts a shell in this home.
    pub(super) async fn at(home: &Home) -> Self {
        Self::with(home, "", "").await
    }

    /// The same, with more variables and arguments.
    pub(super) async fn with(home: &Home, variables: &str, arguments: &str) -> Self {
        Self::before(Size { columns: COLUMNS, rows: ROWS }, home, variables, arguments).await
    }

    /// The same, before a terminal of this size.
    pub(super) async fn before(size: Size, home: &Home, variables: &str, arguments: &str) -> Self {
        let sandbox = Sandbox::new();
        // Children of the sandbox get no variable of ours: a shell gives them.
        let command = format!(
            "cd '{}' && exec env HOME='{}' DRAWBRIDGE_HOME='{}' TERM=xterm-256color {variables} {} shell {arguments}",
            home.path("").display(),
            home.path("").display(),
            home.state().display(),
            env!("CARGO_BIN_EXE_drawbridge")
        );
        let (rows, columns) = (size.rows, size.columns);
        let launch = Launch::new("/bin/sh").args(["-c", &command]).streams(Streams::Terminal(size));
        let child = sandbox.launch(launch).await.unwrap();
        let screen = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        Self { child, screen, tail: Vec::new(), _sandbox: sandbox }
    }

    pub(super) async fn press(&mut self, keys: &str) {
        self.child.terminal.as_mut().unwrap().write_all(keys.as_bytes()).await.unwrap();
    }

    /// Types a line, and waits until it is seen.
    pub(super) async fn enter(&mut self, line: &str) {
        self.press(line).await;
        let last = line.split_whitespace().last().unwrap_or_default().to_owned();
        self.sees(&last).await;
        self.press("\r").await;
    }

    /// What stands on the screen, without blank lines at its end.
    pub(super) fn screen(&self) -> String {
        self.screen.screen().contents().trim_end().to_owned()
    }

    pub(super) async fn sees(&mut self, text: &str) {
        self.sees_that(&format!("{text:?}"), |screen| screen.contains(text)).await;
    }

    /// Waits until the prompt stands on the last line, and nothing behind it.
    pub(super) async fn is_asked(&mut self, prompt: &str) {
        self.sees_that(&format!("the prompt {prompt:?}"), |screen| {
            screen.lines().last().is_some_and(|line| line.trim_end() == prompt)
        })
        .await;
    }

    pub(super) async fn sees_that(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let look = async {
            while !is_so(&self.screen()) {
                assert!(self.read().await, "it ended before {what}:\n{}", self.screen());
            }
        };
        if tokio::time::timeout(PATIENCE, look).await.is_err() {
            panic!("never saw {what}:\n{}", self.screen());
        }
    }

    /// Reads what is there; false at the end.
    async fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let terminal = self.child.terminal.as_mut().unwrap();
        let Ok(count @ 1..) = terminal.read(&mut buffer).await else { return false };
        self.tail.extend_from_slice(&buffer[..count]);
        self.screen.process(&buffer[..count]);
        let asked = self.tail.windows(WHERE.len()).filter(|window| *window == WHERE).count();
        let kept = self.tail.len().min(WHERE.len() - 1);
        self.tail.drain(..self.tail.len() - kept);
        for _ in 0..asked {
            let (row, column) = self.screen.screen().cursor_position();
            let answer = format!("\x1b[{};{}R", row + 1, column + 1);
            self.child.terminal.as_mut().unwrap().write_all(answer.as_bytes()).await.unwrap();
        }
        true
    }

    /// Presses Ctrl-D at the prompt, which ends the shell well.
    pub(super) async fn leave(mut self, prompt: &str) {
        self.is_asked(prompt).await;
        self.press("\x04").await;
        let end = async { while self.read().await {} };
        if tokio::time::timeout(PATIENCE, end).await.is_err() {
            panic!("it did not end:\n{}", self.screen());
        }
        assert_eq!(self.child.wait().await.unwrap().exit, Exit::Code(0));
    }
}
