//! What every test starts with: a folder, descriptions in it, and daemons that answer as a test says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use drawbridge_contract::Server as _;
use drawbridge_contract::kit::Kit;
use drawbridge_daemons::{Bounds, Daemons, DaemonsSettings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn settings(&self) -> DaemonsSettings {
        let bounds = Bounds { call_timeout: Duration::from_secs(2), ..Bounds::default() };
        DaemonsSettings {
            reserved: vec!["files".to_owned()],
            bounds,
            ..DaemonsSettings::new(self.folder.path())
        }
    }

    pub(crate) fn open(&self) -> Kit {
        Kit::of(Daemons::open(&self.settings()).unwrap())
    }

    /// Writes a description with these methods, which read.
    pub(crate) fn describe(&self, daemon: &str, methods: &[&str]) {
        let capability = |method: &&str| {
            json!({"method": method, "annotations": {"readOnlyHint": true},
                "params_schema": {"type": "array", "items": [{"type": "string", "title": "text"}], "maxItems": 1}})
        };
        let capabilities: Vec<Value> = methods.iter().map(capability).collect();
        self.write(
            &format!("{daemon}.cap.json"),
            &json!({"service_name": daemon, "capabilities": capabilities}),
            0o644,
        );
    }

    pub(crate) fn write(&self, name: &str, text: &Value, mode: u32) {
        let (path, new) = (self.path(name), self.path(".new"));
        fs::write(&new, text.to_string()).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// A daemon that gives each connection to `serve`.
    pub(crate) fn daemon<F: Future<Output = ()> + Send + 'static>(
        &self,
        name: &str,
        serve: impl Fn(UnixStream) -> F + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let listener = UnixListener::bind(self.path(&format!("{name}.sock"))).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        })
    }
}

/// Answers each request with its own parameters.
pub(crate) async fn echo(mut stream: UnixStream) {
    while let Some(request) = next(&mut stream).await {
        let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": request["params"]});
        if stream.write_all(format!("{answer}\0").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next request on a connection.
pub(crate) async fn next(stream: &mut UnixStream) -> Option<Value> {
    let mut bytes = Vec::new();
    loop {
        match stream.read_u8().await {
            Ok(0) => return serde_json::from_slice(&bytes).ok(),
            Ok(byte) => bytes.push(byte),
            Err(_) => return None,
        }
    }
}

/// Waits until the overview says so.
pub(crate) async fn until(kit: &Kit, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let now = kit.data("daemons_list", "{}").await;
        if is(&now) {
            return now;
        }
        assert!(begun.elapsed() < PATIENCE, "it did not come: {what}\n{now:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The names of the tools that are there now, but for the server's own.
pub(crate) fn tools(daemons: &Daemons) -> Vec<String> {
    let names = daemons.tools().iter().map(|tool| tool.spec().name.to_string()).collect::<Vec<_>>();
    names.into_iter().filter(|name| !name.starts_with("daemons_")).collect()
}
