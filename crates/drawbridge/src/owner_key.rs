//! The owner's key: made and shown once at the first start, or given by the environment.

use anyhow::{Result, bail};
use drawbridge_store::{By, Key, KeyKind, NewKey, Store};

use crate::config::OWNER_KEY;
use crate::secret;

/// The name of the owner's key.
pub(crate) const NAME: &str = "owner";

/// Makes sure that there is an owner key.
///
/// Gives the secret when it was made just now: the only moment at which it can be shown.
pub(crate) async fn ensure(store: &Store, given: Option<&str>) -> Result<Option<String>> {
    let keys = store.keys().list()?;
    let kept = keys.iter().find(|key| key.kind == KeyKind::Owner && key.revoked_us.is_none());
    match (given, kept) {
        (Some(given), kept) => keep_given(store, given, kept).await.map(|()| None),
        (None, Some(_)) => Ok(None),
        (None, None) => {
            let fresh = secret::fresh();
            store.keys().add(owner(&fresh), By::now("owner", "serve")).await?;
            Ok(Some(fresh))
        }
    }
}

async fn keep_given(store: &Store, given: &str, kept: Option<&Key>) -> Result<()> {
    if let Err(why) = secret::check(given) {
        bail!(
            "{OWNER_KEY} cannot be the owner's key: {why}. Choose {} random characters or more",
            secret::CHARACTERS_MIN
        );
    }
    if kept.is_none_or(|kept| kept.hash != secret::hash(given)) {
        store.keys().replace(owner(given), By::now("owner", "serve")).await?;
    }
    Ok(())
}

/// The row of an owner key with this secret.
pub(crate) fn owner(secret: &str) -> NewKey {
    NewKey {
        id: None,
        name: NAME.to_owned(),
        hash: secret::hash(secret),
        kind: KeyKind::Owner,
        scopes: vec!["*".to_owned()],
        tier: None,
        expires_us: None,
        calls_per_minute: None,
    }
}
