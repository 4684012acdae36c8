//! The parts, put together: state, servers, door.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use drawbridge_gateway::{Gateway, GatewaySettings};
use drawbridge_store::Store;

use crate::config::Config;
use crate::jobs::Kept;
use crate::{home, licensing, logs, servers};

/// An open hub, without any entrance yet.
pub(crate) struct Hub {
    pub(crate) state: PathBuf,
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) llm: Arc<drawbridge_llm::Llm>,
    #[cfg(unix)]
    pub(crate) daemons: Arc<drawbridge_daemons::Daemons>,
    /// Nothing until somebody opens them: not every command needs them.
    pub(crate) jobs: Kept,
}

impl Hub {
    /// Opens the state folder as configured. Must run inside a tokio runtime.
    pub(crate) fn open(state: PathBuf, config: Config) -> Result<Self> {
        let store = open_store(&state)?;
        Self::over(store, state, config)
    }

    /// Opens everything over a state that is open already. Must run inside a tokio runtime.
    pub(crate) fn over(store: Store, state: PathBuf, config: Config) -> Result<Self> {
        protect();
        let llm = servers::language_models(&config, &state)?;
        #[cfg_attr(not(unix), expect(unused_mut, reason = "daemons are there on Unix alone"))]
        let mut servers = servers::all(&config, &state, &llm)?;
        #[cfg(unix)]
        let daemons = servers::daemons(&config, &state, &servers)?;
        #[cfg(unix)]
        servers.push(daemons.clone());
        let files = licensing::Files::of(&state, &config.licence);
        let found = files.read();
        licensing::tell(&found);
        let settings = GatewaySettings {
            rules: config.rules.clone(),
            calls_per_minute: config.limits.calls_per_minute,
            licensing: found.licensing.clone(),
            old_methods: drawbridge_dialect::method_tools(),
        };
        let gateway = Gateway::open(store.clone(), &settings, servers)?;
        tokio::spawn(licensing::follow(files, found, Arc::downgrade(&gateway)));
        Ok(Self {
            state,
            config,
            store,
            gateway,
            llm,
            #[cfg(unix)]
            daemons,
            jobs: Kept::default(),
        })
    }

    /// Writes everything that is still to be written.
    pub(crate) async fn close(self) -> Result<()> {
        crate::jobs::close(&self.jobs).await;
        self.llm.flush().await;
        self.store.close().await.context("the last records could not be written")
    }
}

/// Commands that tools run may be our own user's: they are not to read keys from our memory.
pub(crate) fn protect() {
    if let Err(error) = drawbridge_sandbox::protect() {
        tracing::warn!(%error, "other programs of this user may read the hub's memory");
    }
}

/// Opens the state alone, for commands that need no server.
pub(crate) fn open_store(state: &Path) -> Result<Store> {
    Ok(Store::open(state)?)
}

/// Opens the state alone, and begins the log. In this order: the store makes the folder private, and everything else
/// that is written there comes after.
pub(crate) fn open_store_and_log(state: &Path, config: &Config) -> Result<Store> {
    let store = open_store(state)?;
    logs::start(config, state)?;
    Ok(store)
}

/// The state folder and its configuration.
pub(crate) fn configured() -> Result<(PathBuf, Config)> {
    let state = home::state()?;
    let config = Config::load(&state)?;
    Ok((state, config))
}
