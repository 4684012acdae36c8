//! The full-screen menu as a person sees it, in a real terminal of 80 by 24.

use std::num::NonZero;
use std::time::Duration;

use drawbridge_sandbox::{Child, Launch, Sandbox, Signal, Size, Streams};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::program::Home;

/// A window in which the menu runs.
struct Window {
    child: Child,
    screen: vt100::Parser,
    /// Everything that was written to it.
    written: Vec<u8>,
}

impl Window {
    async fn open(sandbox: &Sandbox, home: &Home, variables: &str) -> Self {
        // Children of the sandbox get no variable of ours: a shell gives it.
        let command = format!(
            "HOME='{}' DRAWBRIDGE_HOME='{}' TERM=xterm-256color {variables} exec {} manage",
            home.path("").display(),
            home.state().display(),
            env!("CARGO_BIN_EXE_drawbridge")
        );
        let launch =
            Launch::new("/bin/sh").args(["-c", &command]).streams(Streams::Terminal(Size::default()));
        let child = sandbox.launch(launch).await.unwrap();
        let (rows, columns) = (NonZero::new(24).unwrap(), NonZero::new(80).unwrap());
        Self { child, screen: vt100::Parser::new(rows, columns, 0), written: Vec::new() }
    }

    async fn press(&mut self, keys: &str) {
        self.child.terminal.as_mut().unwrap().write_all(keys.as_bytes()).await.unwrap();
    }

    fn shown(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads until the screen is as it should be.
    async fn until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let look = async {
            let mut buffer = [0; 4096];
            while !is_so(&self.shown()) {
                match self.child.terminal.as_mut().unwrap().read(&mut buffer).await {
                    Ok(count @ 1..) => {
                        self.screen.process(&buffer[..count]);
                        self.written.extend_from_slice(&buffer[..count]);
                    }
                    _ => return false,
                }
            }
            true
        };
        let seen = tokio::time::timeout(Duration::from_secs(30), look).await;
        assert_eq!(seen, Ok(true), "never: {what}\n{}", self.shown());
    }

    async fn sees(&mut self, text: &str) {
        self.until(text, |shown| shown.contains(text)).await;
    }

    async fn does_not_see(&mut self, text: &str) {
        self.until(text, |shown| !shown.contains(text)).await;
    }

    /// Reads to the end, and checks that the terminal is as it was.
    async fn closes(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let read = async {
            while let Ok(count @ 1..) = self.child.terminal.as_mut().unwrap().read(&mut buffer).await {
                self.screen.process(&buffer[..count]);
            }
        };
        tokio::time::timeout(Duration::from_secs(30), read).await.unwrap();
        assert!(!self.screen.screen().alternate_screen() && !self.screen.screen().hide_cursor());
        assert!(!self.screen.screen().bracketed_paste());
        self.child.wait().await.unwrap().success()
    }
}

fn home(more: &str) -> Home {
    let home = Home::new();
    home.configure(&format!("listen = \"127.0.0.1:0\"\n{more}"));
    home
}

struct Ends<'a>(&'a Home);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.run(&["stop", "--force", "--seconds", "5"]);
    }
}

#[tokio::test]
async fn a_person_starts_a_hub_looks_around_and_stops_it() {
    let home = home("");
    let _ends = Ends(&home);
    let sandbox = Sandbox::new();
    let mut window = Window::open(&sandbox, &home, "").await;
    window.sees("no hub runs").await;
    window.press("s").await;
    window.sees("Your owner key").await;
    window.sees("drawbridge_").await;
    window.press("\r").await;
    window.does_not_see("drawbridge_").await;
    window.sees("the hub runs").await;
    window.sees("health     ok").await;

    window.press("3").await;
    window.sees("audit_days").await;
    window.press("\r").await;
    window.sees("any other key closes").await;
    window.press("\x1b").await;
    window.sees("Enter explain").await;

    window.press("6").await;
    window.sees("owner").await;
    window.press("alaptop\rfiles_*\r30d\r").await;
    window.sees("The key of laptop").await;
    window.press("\r").await;
    window.sees("files_*").await;
    assert!(home.run(&["keys", "list"]).good().contains("laptop"));

    window.press("1").await;
    window.press("b").await;
    window.sees("Raise the bridge").await;
    window.press("y").await;
    window.sees("every call is refused").await;
    assert!(home.run(&["status"]).good().contains("raised"));

    window.press("x").await;
    window.sees("Stop the hub?").await;
    window.press("y").await;
    window.sees("no hub runs").await;
    window.press("2").await;
    window.sees("asked to end").await;
    window.press("q").await;
    assert!(window.closes().await);
    let keys = home.run(&["--json", "keys", "list", "--all"]).good();
    let keys: Vec<serde_json::Value> = serde_json::from_str(&keys).unwrap();
    let stays = keys.iter().filter(|key| key["name"].as_str().unwrap().starts_with("cli-"));
    for stay in stays {
        assert!(stay["revoked_us"].is_number(), "the key of a stay is revoked: {stay}");
    }
}

#[tokio::test]
async fn dead_letters_are_inspected_replayed_and_discarded() {
    let home = home("");
    let _ends = Ends(&home);
    home.run(&["start"]).good();
    let arguments = r#"{"path": "Drawbridge/nothing.txt"}"#;
    let id = home.run(&["jobs", "submit", "files_read", arguments, "-q"]).good().trim().to_owned();
    home.run(&["jobs", "wait", &id, "--for", "30s"]);
    let sandbox = Sandbox::new();
    let mut window = Window::open(&sandbox, &home, "NO_COLOR=1").await;
    window.press("5").await;
    window.sees(&id).await;
    window.press("\r").await;
    window.sees("attempt 1 of").await;
    window.sees("nothing.txt").await;
    window.press("\x1b").await;
    window.does_not_see("attempt 1 of").await;

    window.press("e").await;
    window.sees("Arguments of").await;
    // All of it anew.
    window.press("\x15{\"path\": \"Drawbridge\"}\r").await;
    window.sees("has other arguments").await;
    let shown: serde_json::Value =
        serde_json::from_str(&home.run(&["--json", "jobs", "status", &id]).good()).unwrap();
    assert_eq!(shown["job"]["arguments"], serde_json::json!({ "path": "Drawbridge" }));
    window.press("r").await;
    window
        .until("it left the list or came back", |shown| {
            shown.contains("again") || shown.contains("no dead letter")
        })
        .await;
    let gone = home.run(&["jobs", "submit", "files_read", arguments, "-q"]).good().trim().to_owned();
    home.run(&["jobs", "wait", &gone, "--for", "30s"]);
    window.sees(&gone).await;
    window.press("\x1b[F").await; // the last
    window.press("d").await;
    window.sees("for good?").await;
    window.press("n").await;
    window.sees("Nothing was done").await;
    let written = String::from_utf8_lossy(&window.written).into_owned();
    let coloured = (30..=37).chain(90..=97).any(|code| written.contains(&format!("\x1b[{code}m")));
    assert!(!coloured && !written.contains("38;5;"), "NO_COLOR is heeded");
    window.press("\x03").await;
    assert!(window.closes().await);
}

#[tokio::test]
async fn the_terminal_is_given_back_when_somebody_ends_us() {
    let home = home("");
    let sandbox = Sandbox::new();
    let mut window = Window::open(&sandbox, &home, "").await;
    window.sees("no hub runs").await;
    assert!(window.screen.screen().alternate_screen());
    window.child.signal(Signal::Terminate).unwrap();
    assert!(!window.closes().await, "it says that it did not end by itself");
}

#[test]
fn without_a_terminal_the_plain_commands_are_named() {
    let home = home("");
    let ran = home.run(&["manage"]);
    assert_eq!(ran.code(), 1);
    for command in ["start", "logs", "jobs dead-letters", "keys add", "config explain"] {
        assert!(ran.err().contains(command), "{}", ran.err());
    }
}
