//! A hub of the product's own parts, with an `echo` server behind the door.
//!
//! Nothing is left out of the way of a call: the key is looked up, arguments are validated, rules and scopes are asked, and
//! every call is audited in an SQLite file.

mod echo;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use drawbridge_contract::{Annotations, Authenticator as _, Server};
use drawbridge_gateway::{Gateway, GatewaySettings};
use drawbridge_store::{By, KeyKind, NewKey, Store};
use sha2::{Digest as _, Sha256};

use self::echo::Echo;

/// What a hub is made of.
pub struct HubSettings {
    /// The file with the list of its tools; each of them answers with its `message`.
    pub tools: String,
    /// Whether the tools count as changing something: then each call is on disk before it runs.
    pub changes: bool,
    /// The folder for its state.
    pub home: String,
    /// The secret of the one key that may call, an ordinary key with scopes.
    pub key: String,
}

impl HubSettings {
    /// Reads `TOOLS.json [--changes]` from the command line, and `DRAWBRIDGE_HOME` and `DRAWBRIDGE_OWNER_KEY` from the
    /// environment.
    ///
    /// # Errors
    ///
    /// When one of them is missing.
    pub fn of_process() -> anyhow::Result<Self> {
        let mut arguments = std::env::args().skip(1);
        Ok(Self {
            tools: arguments.next().context("name the file with the tools: TOOLS.json [--changes]")?,
            changes: arguments.next().is_some_and(|argument| argument == "--changes"),
            home: variable("DRAWBRIDGE_HOME")?,
            key: variable("DRAWBRIDGE_OWNER_KEY")?,
        })
    }
}

fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("set {name}"))
}

/// Opens the door.
///
/// # Errors
///
/// When the state or the list of tools cannot be read.
pub async fn open_door(settings: &HubSettings) -> anyhow::Result<Arc<Gateway>> {
    let annotations = if settings.changes { Annotations::CHANGES } else { Annotations::READS };
    let echo = Echo::read(Path::new(&settings.tools), annotations)?;
    open_door_to(Arc::new(echo), &settings.home, &settings.key, &["echo", "generated_*"]).await
}

/// Opens a door to another server: with its state in the folder `home`, and one key of this secret for what the `scopes` name.
///
/// # Errors
///
/// When the state cannot be read.
pub async fn open_door_to(
    server: Arc<dyn Server>,
    home: &str,
    key: &str,
    scopes: &[&str],
) -> anyhow::Result<Arc<Gateway>> {
    let store = Store::open(Path::new(home))?;
    let door = Gateway::open(store.clone(), &GatewaySettings::default(), vec![server])?;
    // An earlier start with the same state has left its key.
    if door.authenticate(key).is_err() {
        store.keys().replace(new_key(key, scopes), By::now("owner", "cli")).await?;
    }
    Ok(door)
}

fn new_key(secret: &str, scopes: &[&str]) -> NewKey {
    NewKey {
        id: None,
        name: "bench".into(),
        hash: Sha256::digest(secret).into(),
        kind: KeyKind::Key,
        scopes: scopes.iter().map(ToString::to_string).collect(),
        tier: None,
        expires_us: None,
        calls_per_minute: None,
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::Handler as _;

    use super::*;
    use crate::peers::write_tools;

    #[tokio::test]
    async fn a_second_start_knows_the_key_and_a_stranger_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let tools = write_tools(folder.path(), 2).unwrap().display().to_string();
        let home = folder.path().join("home").display().to_string();
        let settings = HubSettings { tools, changes: false, home, key: "0123456789".repeat(4) };
        for _ in 0..2 {
            let door = open_door(&settings).await.unwrap();
            let caller = door.authenticate(&settings.key).unwrap();
            assert_eq!((&*caller.id, door.view(&caller).tools.len()), ("key:bench", 3));
            assert!(door.authenticate("another").is_err());
        }
    }
}
