//! A key for the command line's stay: made by whoever can write the state folder, who is the owner anyway; short-lived.

use std::path::Path;

use anyhow::Result;
use drawbridge_store::{By, KeyKind, NewKey, Store, now_us};

use crate::{hub, secret};

/// How long it opens the bridge at the most, in microseconds: a day, for calls that take long.
const LASTS_US: i64 = 24 * 60 * 60 * 1_000_000;

pub(crate) struct SessionKey {
    store: Store,
    name: String,
    pub(crate) secret: String,
}

impl SessionKey {
    pub(crate) async fn open(state: &Path) -> Result<Self> {
        let store = hub::open_store(state)?;
        let (name, secret) =
            (format!("cli-{}-{:08x}", std::process::id(), rand::random::<u32>()), secret::fresh());
        let key = NewKey {
            id: None,
            name: name.clone(),
            hash: secret::hash(&secret),
            kind: KeyKind::Session,
            scopes: vec!["*".to_owned()],
            tier: None,
            expires_us: Some(now_us() + LASTS_US),
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
