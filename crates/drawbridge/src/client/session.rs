//! A key for the command line's stay: made by whoever can write the state folder, who is the owner anyway; short-lived.

use std::path::Path;

use anyhow::Result;
use drawbridge_store::{By, KeyKind, NewKey, Store, now_us};

use crate::{hub, secret};

/// How long it opens the bridge at the most, in microseconds: a day, for calls that take long.
const LASTS_US: i64 = 24 * 60 * 60 * 1_000_000;
/// The same for hosts that started us and for workers, in microseconds: they run for weeks, and the pipe ends with the key.
const STDIO_LASTS_US: i64 = 30 * LASTS_US;

pub(crate) struct SessionKey {
    store: Store,
    name: String,
    pub(crate) secret: String,
}

impl SessionKey {
    /// A key for a command.
    pub(crate) async fn open(state: &Path) -> Result<Self> {
        Self::lasting(state, "cli", LASTS_US).await
    }

    /// A key for a host that started us.
    pub(crate) async fn for_stdio(state: &Path) -> Result<Self> {
        Self::lasting(state, "stdio", STDIO_LASTS_US).await
    }

    /// A key for a worker of the hub's jobs.
    pub(crate) async fn for_worker(state: &Path) -> Result<Self> {
        Self::lasting(state, "worker", STDIO_LASTS_US).await
    }

    async fn lasting(state: &Path, what: &str, lasts_us: i64) -> Result<Self> {
        let store = hub::open_store(state)?;
        let (name, secret) =
            (format!("{what}-{}-{:08x}", std::process::id(), rand::random::<u32>()), secret::fresh());
        let key = NewKey {
            id: None,
            name: name.clone(),
            hash: secret::hash(&secret),
            kind: KeyKind::Session,
            scopes: vec!["*".to_owned()],
            tier: None,
            expires_us: Some(now_us() + lasts_us),
            calls_per_minute: None,
        };
        store.keys().add(key, By::now("owner", "cli")).await?;
        Ok(Self { store, name, secret })
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.store.keys().revoke(&self.name, By::now("owner", "cli")).await?;
        Ok(self.store.close().await?)
    }
}
