//! `drawbridge shell`: says how the hub is reached, and whose editor is used.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use drawbridge_contract::{BoxFuture, Caller};
use drawbridge_mcp::channel::{Channels, Who};
use drawbridge_mcp::frames::{FrameReader, FrameWriter};
use drawbridge_shell::{Address, Dial, DialError, Input, Start, Wire};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::channels;
use crate::client::SessionKey;
use crate::config::Config;
use crate::hub::{Hub, configured};
use crate::{home, logs, running};

/// Where typed lines are kept, in the state folder.
const HISTORY: &str = "shell_history";
/// How long what is still said may take when the shell ends.
const CLOSING_MAX: Duration = Duration::from_secs(5);
/// How much may be on its way to a door in this process before the writer waits, in bytes.
const PIPE_BYTES: usize = 64 * 1024;
/// The name of a door in this process in the audit.
const ENTRANCE: &str = "mcp.shell";
/// The shell's own name when it is called so, as it was in the system that it replaces.
pub(crate) const LUCA: &str = "luca";

#[derive(Debug, Args)]
pub(crate) struct ShellArguments {
    /// Run this line, and leave.
    #[arg(short = 'c', value_name = "LINE")]
    line: Option<String>,
    /// Go on after a command that failed; the status is that of the last one that did.
    #[arg(long)]
    keep_going: bool,
    /// A hub elsewhere, with a key: wss://HOST, or ws://HOST:PORT, which is not encrypted.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "socket")]
    url: Option<String>,
    /// The unix socket of a hub on this machine.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The key for --url. Better in the environment: other programs see what stands here.
    #[arg(long, env = "DRAWBRIDGE_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The name that is shown in the prompt.
    #[arg(skip)]
    pub(crate) name: Option<&'static str>,
}

/// Runs the shell to its end.
pub(crate) fn run(arguments: ShellArguments) -> Result<ExitCode> {
    logs::start_on_terminal();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let way = way(&runtime, &arguments)?;
    let start = Start {
        greeting: way.greeting(),
        dial: way.dial.clone(),
        editor: Box::new(edit),
        history: home::state().ok().filter(|state| state.is_dir()).map(|state| state.join(HISTORY)),
        color: anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never,
        name: arguments.name,
        keep_going: arguments.keep_going,
    };
    let ended = drawbridge_shell::run(runtime.handle(), start, input(arguments.line));
    runtime.block_on(way.close())?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(ExitCode::from(ended?))
}

fn input(line: Option<String>) -> Input {
    use std::io::IsTerminal as _;
    match line {
        Some(line) => Input::Line(line),
        None if std::io::stdin().is_terminal() => Input::Person,
        None => Input::Script,
    }
}

/// The person's own editor, in the person's own terminal: no tool's process, so the sandbox has no part in it.
fn edit(path: &Path) -> std::io::Result<()> {
    let named = ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var(name).ok());
    let editor = named.filter(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    // It may bring arguments, as in `code --wait`.
    let mut words = editor.split_whitespace();
    let status = std::process::Command::new(words.next().unwrap_or("vi")).args(words).arg(path).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(std::io::Error::other(format!("{editor} ended with {status}")))
    }
}

/// The way to a hub, and what has to be closed at its end.
struct Way {
    dial: Arc<dyn Dial>,
    key: Option<SessionKey>,
    inside: Option<Inside>,
}

impl Way {
    fn to(dial: impl Dial) -> Self {
        Self { dial: Arc::new(dial), key: None, inside: None }
    }

    fn greeting(&self) -> String {
        let place = self.dial.place();
        let waits = if self.inside.is_some() { " No hub runs: jobs wait until one does." } else { "" };
        format!("Drawbridge, {place}.{waits} `help` teaches you, Tab completes, Ctrl-D leaves.")
    }

    async fn close(self) -> Result<()> {
        drop(self.dial);
        if let Some(key) = self.key {
            key.close().await?;
        }
        match self.inside {
            Some(inside) => inside.close().await,
            None => Ok(()),
        }
    }
}

fn way(runtime: &Runtime, arguments: &ShellArguments) -> Result<Way> {
    if let Some(url) = &arguments.url {
        let key = arguments.key.clone().context("a hub elsewhere wants a key: set DRAWBRIDGE_KEY")?;
        return Ok(Way::to(Elsewhere { address: url.parse()?, key }));
    }
    if let Some(path) = &arguments.socket {
        return Ok(Way::to(Socket(path.clone())));
    }
    let (state, config) = configured()?;
    runtime.block_on(async {
        match running::find(&state) {
            Some(hub) if hub.socket.is_some() => Ok(Way::to(OfState(state))),
            Some(_) => {
                let key = SessionKey::open(&state).await?;
                let dial = Loopback { state, key: key.secret.clone() };
                Ok(Way { key: Some(key), ..Way::to(dial) })
            }
            None => {
                let (inside, door) = Inside::open(state, config).await?;
                Ok(Way { inside: Some(inside), ..Way::to(door) })
            }
        }
    })
}

/// A hub by its address.
struct Elsewhere {
    address: Address,
    key: String,
}

impl Dial for Elsewhere {
    fn dial(&self) -> BoxFuture<'_, Result<Wire, DialError>> {
        Box::pin(Wire::websocket(&self.address, &self.key))
    }

    fn place(&self) -> String {
        self.address.to_string()
    }
}

/// The hub that runs on this state folder, over its WebSocket; after a restart it may listen elsewhere.
struct Loopback {
    state: PathBuf,
    key: String,
}

impl Dial for Loopback {
    fn dial(&self) -> BoxFuture<'_, Result<Wire, DialError>> {
        Box::pin(async {
            let hub = running::find(&self.state).and_then(|hub| hub.address());
            let address = Address::of(hub.ok_or_else(not_running)?);
            Wire::websocket(&address, &self.key).await
        })
    }

    fn place(&self) -> String {
        running::find(&self.state)
            .and_then(|hub| hub.address())
            .map_or_else(|| "this machine".to_owned(), |address| address.to_string())
    }
}

fn not_running() -> DialError {
    DialError::passing("no hub runs: `drawbridge serve` starts one")
}

/// The hub that runs on this state folder, over its socket.
struct OfState(PathBuf);

impl Dial for OfState {
    fn dial(&self) -> BoxFuture<'_, Result<Wire, DialError>> {
        Box::pin(async {
            let socket = running::find(&self.0).and_then(|hub| hub.socket).ok_or_else(not_running)?;
            socket_at(&socket).await
        })
    }

    fn place(&self) -> String {
        "this machine".to_owned()
    }
}

/// A hub by its socket.
struct Socket(PathBuf);

impl Dial for Socket {
    fn dial(&self) -> BoxFuture<'_, Result<Wire, DialError>> {
        Box::pin(socket_at(&self.0))
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }
}

#[cfg(unix)]
async fn socket_at(path: &Path) -> Result<Wire, DialError> {
    let stream = tokio::net::UnixStream::connect(path).await.map_err(|error| {
        DialError::passing(format!("nobody answers at the socket {}: {error}", path.display()))
    })?;
    let (reader, writer) = stream.into_split();
    Ok(Wire::marked(reader, writer, 0))
}

#[cfg(not(unix))]
async fn socket_at(_: &Path) -> Result<Wire, DialError> {
    Err(DialError::lasting("this system has no unix sockets: use --url"))
}

/// A door in this process, for when no hub runs: it speaks what a hub's socket speaks.
struct Inside {
    hub: Hub,
    ways: TaskTracker,
    end: CancellationToken,
}

/// The way to it.
struct Door {
    channels: Arc<Channels>,
    owner: Arc<Caller>,
    /// Every way that was opened; they are over when the shell ends.
    ways: TaskTracker,
    end: CancellationToken,
}

impl Inside {
    async fn open(state: PathBuf, config: Config) -> Result<(Self, Door)> {
        let hub = Hub::open(state, config)?;
        crate::jobs::look(&hub).await?;
        let (ways, end) = (TaskTracker::new(), CancellationToken::new());
        let (channels, owner) = (channels::open(&hub), hub.gateway.owner());
        let door = Door { channels, owner, ways: ways.clone(), end: end.clone() };
        Ok((Self { hub, ways, end }, door))
    }

    async fn close(self) -> Result<()> {
        self.end.cancel();
        self.ways.close();
        let _ = tokio::time::timeout(CLOSING_MAX, self.ways.wait()).await;
        self.hub.close().await
    }
}

impl Dial for Door {
    fn dial(&self) -> BoxFuture<'_, Result<Wire, DialError>> {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let (channels, owner, end) = (self.channels.clone(), self.owner.clone(), self.end.clone());
        Box::pin(async move {
            self.ways.spawn(async move {
                let (read, write) = tokio::io::split(far);
                let (read, write) = (FrameReader::new(read), FrameWriter::new(write));
                channels.serve(Who::Known(owner), ENTRANCE, read, write, &end).await
            });
            let (read, write) = tokio::io::split(near);
            Ok(Wire::marked(read, write, 0))
        })
    }

    fn place(&self) -> String {
        "a door of its own".to_owned()
    }
}
