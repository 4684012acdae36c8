//! The sessions of browsers: begun, recognised, ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_contract::{Authenticator, Caller, Session, Unauthenticated};
use drawbridge_store::{By, Key, KeyKind, NewKey, Store, StoreError, now_us};

use super::{fresh, hash, name};
use crate::limits::{SECRET_BYTES_MAX, SESSION_IDLE_US, SESSION_LASTS_US, SESSIONS_MAX};

/// What stands before a cookie's value in the secret of its key: no other key's secret works as a cookie.
const PURPOSE: &str = "drawbridge_console_";

/// Knows which browsers are signed in.
pub struct Sessions {
    store: Store,
    /// Knows the keys, and at once when one is revoked.
    door: Arc<dyn Authenticator>,
    /// The sessions that asked for something, by their hashes. At most as many as there are live ones.
    seen: Mutex<HashMap<[u8; 32], Seen>>,
}

/// What is known of one session besides what the door knows.
#[derive(Clone)]
struct Seen {
    name: Arc<str>,
    expires_us: i64,
    used_us: i64,
}

/// A session that has just begun.
pub(crate) struct Begun {
    /// The cookie's value.
    pub(crate) secret: String,
    pub(crate) expires_us: i64,
}

impl Sessions {
    /// The sessions of this store. `door` knows its keys.
    pub fn new(store: Store, door: Arc<dyn Authenticator>) -> Self {
        Self { store, door, seen: Mutex::default() }
    }

    /// A fresh session for the owner, always with a secret of its own. Where there are [`SESSIONS_MAX`], the oldest ends.
    pub(crate) async fn begin(&self) -> Result<Begun, StoreError> {
        self.make_room().await?;
        let (secret, expires_us) = (fresh(), now_us() + SESSION_LASTS_US);
        let key = NewKey {
            id: None,
            name: name("console"),
            hash: hash_of(&secret),
            kind: KeyKind::Console,
            scopes: vec!["*".to_owned()],
            tier: None,
            expires_us: Some(expires_us),
            calls_per_minute: None,
        };
        self.store.keys().add(key, By::now("owner", "console")).await?;
        Ok(Begun { secret, expires_us })
    }

    async fn make_room(&self) -> Result<(), StoreError> {
        let live = self.store.keys().all_live(now_us())?;
        let sessions: Vec<&Key> = live.iter().filter(|key| key.kind == KeyKind::Console).collect();
        let too_many = (sessions.len() + 1).saturating_sub(SESSIONS_MAX);
        for oldest in &sessions[..too_many] {
            self.revoke(&oldest.name).await?;
        }
        Ok(())
    }

    /// Ends a session. One that has ended already is fine.
    pub(crate) async fn end(&self, session: &Session) -> Result<(), StoreError> {
        let seen = self.seen().remove(&hash_of(session.secret()));
        match seen {
            Some(seen) => self.revoke(&seen.name).await,
            None => Ok(()),
        }
    }

    async fn revoke(&self, name: &str) -> Result<(), StoreError> {
        match self.store.keys().revoke(name, By::now("owner", "console")).await {
            Err(StoreError::NoSuchKey { .. }) => Ok(()),
            other => other,
        }
    }

    /// When a session ends at the latest, in microseconds since the epoch.
    pub(crate) fn expires_us(&self, session: &Session) -> Option<i64> {
        self.seen().get(&hash_of(session.secret())).map(|seen| seen.expires_us)
    }

    /// Whether this is the secret of the owner's key: `None` for what is no key at all.
    pub(crate) fn is_owner_key(&self, secret: &str) -> Result<Option<bool>, StoreError> {
        let wanted = hash(secret);
        let live = self.store.keys().all_live(now_us())?;
        let found = live.iter().find(|key| key.hash == wanted);
        Ok(found.map(|key| key.kind == KeyKind::Owner))
    }

    /// Notes that a session asks for something; refuses one that was idle for too long.
    fn touch(&self, hash: [u8; 32], now_us: i64) -> Result<(), Unauthenticated> {
        let known = self.seen().get(&hash).cloned();
        let seen = match known {
            Some(seen) => seen,
            None => self.find(&hash, now_us)?,
        };
        if now_us.saturating_sub(seen.used_us) > SESSION_IDLE_US {
            return Err(Unauthenticated::Unknown);
        }
        let mut all = self.seen();
        all.retain(|_, seen| seen.expires_us > now_us);
        all.insert(hash, Seen { used_us: now_us, ..seen });
        Ok(())
    }

    /// A session that this process has not met yet: it began a moment ago, or before the hub was started again.
    fn find(&self, hash: &[u8; 32], now_us: i64) -> Result<Seen, Unauthenticated> {
        let live = self.store.keys().all_live(now_us).map_err(|_| Unauthenticated::Unavailable)?;
        let is_it = |key: &&Key| key.kind == KeyKind::Console && key.hash == *hash;
        let key = live.iter().find(is_it).ok_or(Unauthenticated::Unknown)?;
        let used_us = key.used_us.unwrap_or(0).max(key.created_us);
        Ok(Seen { name: key.name.clone(), expires_us: key.expires_us.unwrap_or(now_us), used_us })
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<[u8; 32], Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asked with a cookie's value.
impl Authenticator for Sessions {
    fn authenticate(&self, secret: &str) -> Result<Arc<Caller>, Unauthenticated> {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(Unauthenticated::Unknown);
        }
        let hash = hash_of(secret);
        let caller = self.door.authenticate(&format!("{PURPOSE}{secret}"));
        let caller = caller.inspect_err(|_| drop(self.seen().remove(&hash)))?;
        self.touch(hash, now_us())?;
        Ok(caller)
    }
}

/// What is kept of a cookie's value.
fn hash_of(secret: &str) -> [u8; 32] {
    hash(&format!("{PURPOSE}{secret}"))
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::CallerKind;

    use super::*;

    /// Knows every key of the store.
    struct Door(Store);

    impl Authenticator for Door {
        fn authenticate(&self, secret: &str) -> Result<Arc<Caller>, Unauthenticated> {
            let live = self.0.keys().all_live(now_us()).unwrap();
            match live.iter().find(|key| key.hash == hash(secret)) {
                Some(_) => Ok(Arc::new(Caller::new("owner", CallerKind::Owner))),
                None => Err(Unauthenticated::Unknown),
            }
        }
    }

    fn sessions() -> (tempfile::TempDir, Sessions) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        (folder, Sessions::new(store.clone(), Arc::new(Door(store))))
    }

    #[tokio::test]
    async fn a_session_is_known_until_it_ends() {
        let (_folder, sessions) = sessions();
        let begun = sessions.begin().await.unwrap();
        assert!(sessions.authenticate(&begun.secret).unwrap().is_owner());
        assert!(sessions.authenticate(&format!("{}x", begun.secret)).is_err());
        assert!(sessions.authenticate(&format!("{PURPOSE}{}", begun.secret)).is_err());
        sessions.end(&Session::new(begun.secret.as_str())).await.unwrap();
        assert!(sessions.authenticate(&begun.secret).is_err());
        sessions.end(&Session::new(begun.secret.as_str())).await.unwrap();
    }

    #[tokio::test]
    async fn an_idle_session_ends_and_one_in_use_goes_on() {
        let (_folder, sessions) = sessions();
        let begun = sessions.begin().await.unwrap();
        let (hash, now) = (hash_of(&begun.secret), now_us());
        assert!(sessions.touch(hash, now).is_ok());
        for step in 1..4 {
            assert!(sessions.touch(hash, now + step * SESSION_IDLE_US).is_ok(), "{step}");
        }
        assert!(sessions.touch(hash, now + 4 * SESSION_IDLE_US + 1).is_err());
        assert!(sessions.authenticate(&begun.secret).is_ok(), "it is the clock of the test that ran ahead");
    }

    #[tokio::test]
    async fn the_oldest_browser_is_put_out_at_the_bound() {
        let (_folder, sessions) = sessions();
        let first = sessions.begin().await.unwrap();
        let second = sessions.begin().await.unwrap();
        for _ in 2..SESSIONS_MAX {
            sessions.begin().await.unwrap();
        }
        assert!(sessions.authenticate(&first.secret).is_ok());
        let last = sessions.begin().await.unwrap();
        assert!(sessions.authenticate(&first.secret).is_err());
        assert!(sessions.authenticate(&second.secret).is_ok() && sessions.authenticate(&last.secret).is_ok());
    }

    #[tokio::test]
    async fn a_link_works_once_and_is_no_cookie() {
        let (_folder, sessions) = sessions();
        let link = super::super::make_link(&sessions.store).await.unwrap();
        assert!(sessions.authenticate(&link).is_err());
        assert_eq!(sessions.is_owner_key(&link).unwrap(), None);
        let redeem = super::super::link::redeem;
        let (one, other) = tokio::join!(redeem(&sessions.store, &link), redeem(&sessions.store, &link));
        assert!(one.unwrap() ^ other.unwrap(), "of two who race, one hears yes");
        assert!(!redeem(&sessions.store, &link).await.unwrap());
        assert!(!redeem(&sessions.store, "").await.unwrap());
    }
}
