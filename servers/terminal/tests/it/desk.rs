//! A server in a folder of its own, and those who call it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::kit::Kit;
use drawbridge_contract::{
    Answer, Arguments, Call, Caller, CallerKind, Handler, Live, Origin, Outcome, Refusal, StreamHandle,
    StreamMode, Target, ToolResult,
};
use drawbridge_sandbox::Sandbox;
use drawbridge_terminal::{Terminal, TerminalSettings};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// A server in a folder of its own.
pub(crate) struct Desk {
    pub(crate) owner: Seat,
    pub(crate) home: TempDir,
}

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Seat {
    door: Arc<dyn Handler>,
    caller: Arc<Caller>,
    person: PathBuf,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(|settings| settings)
    }

    /// With other settings.
    pub(crate) fn with(change: impl FnOnce(TerminalSettings) -> TerminalSettings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("work");
        std::fs::create_dir(&folder).unwrap();
        let person = home.path().join("person");
        std::fs::create_dir(&person).unwrap();
        std::fs::write(person.join(".bashrc"), "PS1=${PROMPT:-'$ '}\n").unwrap();
        let mut settings = TerminalSettings::new(home.path().join("state"), &folder);
        settings.read.push(person.clone());
        let settings = change(settings);
        let kit = Kit::of(Terminal::open(settings, Arc::new(Sandbox::new())).unwrap());
        let caller = Arc::new(Caller::new("owner", CallerKind::Owner));
        Self { owner: Seat { door: kit.handler(), caller, person }, home }
    }

    /// Somebody with a key of this name.
    pub(crate) fn key(&self, name: &str) -> Seat {
        let caller = Arc::new(Caller::new(format!("key:{name}"), CallerKind::Key));
        Seat { caller, ..self.owner.clone() }
    }

    /// A place in the folder that commands work in.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.home.path().join("work").join(path)
    }
}

impl Seat {
    pub(crate) async fn outcome(
        &self,
        target: Target,
        arguments: Value,
        live: Live,
    ) -> Result<Outcome<Answer>, Refusal> {
        let Value::Object(map) = arguments else { panic!("arguments are an object") };
        let call = Call::new(self.caller.clone(), target, Arguments::from_map(map), Origin::default());
        self.door.clone().call(call, live).await
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> ToolResult {
        match self.outcome(Target::Tool(tool.into()), arguments, Live::default()).await {
            Ok(Outcome::Complete(Answer::Tool(result))) => result,
            other => panic!("{tool}: {other:?}"),
        }
    }

    /// What a tool answers, for programs.
    pub(crate) async fn data(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments.clone()).await;
        match result.structured {
            Some(data) if !result.is_error => serde_json::from_str(data.get()).unwrap(),
            _ => panic!("{tool} {arguments}: {}", result.content.plain_text()),
        }
    }

    /// What a tool answers, for models.
    pub(crate) async fn says(&self, tool: &str, arguments: Value) -> String {
        self.call(tool, arguments).await.content.plain_text()
    }

    /// Why a tool does not do it.
    pub(crate) async fn error(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments.clone()).await;
        assert!(result.is_error, "{tool} {arguments}: {}", result.content.plain_text());
        result.content.plain_text()
    }

    /// Runs a command.
    pub(crate) async fn run(&self, command: &str) -> Value {
        self.data("terminal_run", json!({ "command": command })).await
    }

    /// Opens a terminal with bash that reads no file of the person who tests.
    pub(crate) async fn bash(&self, name: &str) -> Value {
        self.open(json!({ "name": name, "shell": "bash" })).await
    }

    /// Opens a terminal as a person whose files say nothing but which prompt they want.
    pub(crate) async fn open(&self, mut arguments: Value) -> Value {
        let variables = &mut arguments["env"];
        if variables.is_null() {
            *variables = Value::Object(Map::new());
        }
        if variables["HOME"].is_null() {
            variables["HOME"] = self.person.to_str().unwrap().into();
        }
        self.data("terminal_open", arguments).await
    }

    /// Types a line and waits for its end.
    pub(crate) async fn line(&self, session: &str, line: &str) -> Value {
        let arguments = json!({ "session": session, "text": line, "enter": true, "read": {} });
        self.data("terminal_write", arguments).await
    }

    /// Types without waiting.
    pub(crate) async fn keys(&self, session: &str, text: &str, keys: &[&str]) -> Value {
        self.data("terminal_write", json!({ "session": session, "text": text, "keys": keys })).await
    }

    /// What a person would see, once a line fits the pattern.
    pub(crate) async fn screen_with(&self, session: &str, pattern: &str) -> Value {
        let pattern = regex::Regex::new(pattern).unwrap();
        for _ in 0..1_200 {
            let screen = self.data("terminal_screen", json!({ "session": session })).await;
            if screen["text"].as_str().unwrap().lines().any(|line| pattern.is_match(line)) {
                return screen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "{pattern} never came:\n{}",
            self.says("terminal_screen", json!({ "session": session })).await
        );
    }

    /// Joins a terminal.
    pub(crate) async fn join(&self, session: &str, mode: StreamMode) -> Result<StreamHandle, Refusal> {
        let target = Target::Stream { server: "terminal".into(), id: session.into(), mode };
        match self.outcome(target, json!({}), Live::default()).await? {
            Outcome::Complete(Answer::Stream(stream)) => Ok(stream),
            other => panic!("{other:?}"),
        }
    }
}

/// Whether a process with this in its command line is there.
pub(crate) fn is_running(mark: &str) -> bool {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut numbered = processes.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name != own.as_str() && name.bytes().all(|byte| byte.is_ascii_digit())
    });
    numbered.any(|process| {
        std::fs::read(process.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(mark))
    })
}

/// Waits until that is so, for a minute at most.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}
