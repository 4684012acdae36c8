//! The link of `drawbridge console`: works once, for two minutes.

use drawbridge_store::{By, KeyKind, NewKey, Store, StoreError, now_us};

use super::{fresh, hash, name};
use crate::limits::LINK_LASTS_US;

/// Keeps a link's secret apart from those of keys: a link is no bearer, whatever it is sent as.
const PURPOSE: &str = "drawbridge link ";

/// Makes a link's secret, which [`redeem`] takes once within [`LINK_LASTS_US`]. Whoever can write the state folder may
/// make one: that is the owner.
///
/// # Errors
/// When the store cannot be written.
pub async fn make_link(store: &Store) -> Result<String, StoreError> {
    let secret = fresh();
    let key = NewKey {
        id: None,
        name: name("link"),
        hash: hash(&format!("{PURPOSE}{secret}")),
        kind: KeyKind::Link,
        scopes: Vec::new(),
        tier: None,
        expires_us: Some(now_us() + LINK_LASTS_US),
        calls_per_minute: None,
    };
    store.keys().add(key, By::now("owner", "cli")).await?;
    Ok(secret)
}

/// Uses a link up. Says whether it could still be used: of two who race for it, one hears yes.
pub(super) async fn redeem(store: &Store, secret: &str) -> Result<bool, StoreError> {
    redeem_at(store, secret, now_us()).await
}

async fn redeem_at(store: &Store, secret: &str, now_us: i64) -> Result<bool, StoreError> {
    let wanted = hash(&format!("{PURPOSE}{secret}"));
    let live = store.keys().all_live(now_us)?;
    let Some(link) = live.iter().find(|key| key.kind == KeyKind::Link && key.hash == wanted) else {
        return Ok(false);
    };
    match store.keys().revoke(&link.name, By::now("owner", "console")).await {
        Ok(()) => Ok(true),
        Err(StoreError::NoSuchKey { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_link_lasts_two_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let begun = now_us();
        let (first, second) = (make_link(&store).await.unwrap(), make_link(&store).await.unwrap());
        assert!(redeem_at(&store, &first, begun + LINK_LASTS_US - 1).await.unwrap());
        assert!(!redeem_at(&store, &second, now_us() + LINK_LASTS_US + 1).await.unwrap());
    }
}
