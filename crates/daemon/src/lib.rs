//! A daemon whose methods are tools of Drawbridge, in ten lines:
//!
//! ```no_run
//! use drawbridge_daemon::{Daemon, Method};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Day { city: String }
//!
//! fn main() -> Result<(), drawbridge_daemon::ServeError> {
//!     Daemon::new("weather", "The weather, as this machine knows it.")
//!         .method(Method::new("today", "Says what the weather is today.").reads(), |day: Day| {
//!             Ok(format!("It rains in {}.", day.city))
//!         })
//!         .serve()
//! }
//! ```
//!
//! It listens on `NAME.sock`, which nobody else may connect to, and describes itself in `NAME.cap.json` beside it, whole or
//! not at all. The folder is `$DAEMON_FOLDER`, which Drawbridge sets for daemons that it runs, else the folder that
//! Drawbridge watches unless told otherwise. Where Drawbridge gives the socket as standard input, that is the one.
//!
//! Messages are JSON-RPC 2.0, each followed by a NUL byte. Each connection is served by a thread, of which there may be
//! [`CONNECTIONS_MAX`].
#![cfg(unix)]

mod connection;
mod describe;
mod folder;
mod method;
mod socket;

use std::collections::BTreeMap;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use method::{Failure, Method};

use method::Bound;

/// Connections that are served at once; further ones are closed.
pub const CONNECTIONS_MAX: usize = 64;

/// Why a daemon cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its name cannot be one.
    #[error("{0:?} cannot be the name of a daemon: a lower-case letter, then up to 31 of a-z 0-9 _ -")]
    Name(String),
    /// There is no place for its socket.
    #[error("no folder is known for the daemon's socket: set DAEMON_FOLDER, or give one")]
    NoFolder,
    /// Another daemon of this name answers already.
    #[error("a daemon serves {} already: end it first", .0.display())]
    Taken(PathBuf),
    /// A file or socket cannot be made.
    #[error("cannot make {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A daemon and its methods.
pub struct Daemon {
    name: String,
    description: String,
    version: String,
    folder: Option<PathBuf>,
    methods: BTreeMap<String, Bound>,
}

impl Daemon {
    /// A daemon without methods yet. `name` is that of its files and the beginning of its tools' names; `description` is
    /// for people.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            version: String::new(),
            folder: None,
            methods: BTreeMap::new(),
        }
    }

    /// With this version, for people.
    #[must_use]
    pub fn version(self, version: impl Into<String>) -> Self {
        Self { version: version.into(), ..self }
    }

    /// With its socket and description in this folder.
    #[must_use]
    pub fn folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..self }
    }

    /// With a method; the second of one name replaces the first. `run` is called by several threads at once.
    #[must_use]
    pub fn method<I, O>(
        mut self,
        method: Method,
        run: impl Fn(I) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema,
        O: Serialize,
    {
        let full_name = if method.name.contains('.') {
            method.name.clone()
        } else {
            format!("mcp.{}.{}", self.name, method.name)
        };
        self.methods.insert(full_name, Bound::new::<I, O>(method, run));
        self
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// [`ServeError`], before anything is served.
    pub fn serve(self) -> Result<(), ServeError> {
        if !is_name(&self.name) {
            return Err(ServeError::Name(self.name));
        }
        let folder = folder::of(self.folder.clone())?;
        let listener = self.listen(&folder)?;
        let cap = folder.join(format!("{}.cap.json", self.name));
        let text = describe::describe(&self.name, &self.description, &self.version, &self.methods);
        folder::write(&cap, &text).map_err(|source| ServeError::Io { path: cap.clone(), source })?;
        accept(&listener, &Arc::new(self.methods))
    }

    fn listen(&self, folder: &Path) -> Result<UnixListener, ServeError> {
        match socket::given() {
            Some(listener) => Ok(listener),
            None => socket::bind(folder, &self.name),
        }
    }
}

/// As Drawbridge has it.
fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

fn accept(listener: &UnixListener, methods: &Arc<BTreeMap<String, Bound>>) -> Result<(), ServeError> {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            // Too many open files, mostly: it passes when others close.
            std::thread::sleep(std::time::Duration::from_millis(50));
            continue;
        };
        if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
            open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        serve_apart(stream, methods.clone(), open.clone());
    }
    Ok(())
}

fn serve_apart(stream: UnixStream, methods: Arc<BTreeMap<String, Bound>>, open: Arc<AtomicUsize>) {
    let counted = open.clone();
    let serve = move || {
        // A method that panics ends its connection, and no other.
        let served =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| connection::serve(stream, &methods)));
        drop(served);
        counted.fetch_sub(1, Ordering::SeqCst);
    };
    if std::thread::Builder::new().spawn(serve).is_err() {
        open.fetch_sub(1, Ordering::SeqCst);
    }
}
