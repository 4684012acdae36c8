//! Keys: who may call. The store keeps a hash of each secret, and never sees the secret itself.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params, Row, params, types::Type};
use serde::Serialize;

use crate::{
    AuditRecord, By, Store, StoreError,
    error::at_most,
    random,
    words::words,
    writer::{Command, Effect},
};

/// The longest name, id or tier of a key, in bytes.
pub const KEY_NAME_BYTES_MAX: usize = 128;

/// How many scopes one key has at most.
pub const KEY_SCOPES_MAX: usize = 256;

/// The longest scope, in bytes.
pub const KEY_SCOPE_BYTES_MAX: usize = 256;

/// How many keys may be live at once.
pub const KEYS_MAX: usize = 4096;

/// How many letters an id has when the store makes it: 5 bits each. It names a key, it opens nothing.
const ID_LETTERS: usize = 12;

words! {
    /// What a key is for.
    KeyKind {
        /// The owner's: may do everything.
        Owner = "owner",
        /// A caller's.
        Key = "key",
        /// Made for one stay of the command line or a host.
        Session = "session",
        /// A browser's, in which the owner signed in at the console.
        Console = "console",
        /// Opens nothing by itself: it is exchanged for a browser's key once.
        Link = "link",
    }
}

/// A key that is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its id. `None`: the store makes one.
    pub id: Option<String>,
    /// Its name, unique among live keys; at most [`KEY_NAME_BYTES_MAX`].
    pub name: String,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// What it is for.
    pub kind: KeyKind,
    /// Patterns of the tools it may use.
    pub scopes: Vec<String>,
    /// The tier that it belongs to.
    pub tier: Option<String>,
    /// From when on it opens nothing, in microseconds since 1970-01-01T00:00:00Z.
    pub expires_us: Option<i64>,
    /// How many calls it may make in a minute.
    pub calls_per_minute: Option<u32>,
}

/// A key as it is kept. Its hash is not serialised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Its id, for ever.
    pub id: Arc<str>,
    /// Its name, unique among live keys.
    pub name: Arc<str>,
    /// SHA-256 of its secret.
    #[serde(skip)]
    pub hash: [u8; 32],
    /// What it is for.
    pub kind: KeyKind,
    /// Patterns of the tools it may use.
    pub scopes: Vec<String>,
    /// The tier that it belongs to.
    pub tier: Option<String>,
    /// When it was added, in microseconds since 1970-01-01T00:00:00Z, as all times here.
    pub created_us: i64,
    /// From when on it opens nothing.
    pub expires_us: Option<i64>,
    /// When it was revoked.
    pub revoked_us: Option<i64>,
    /// When it was last used, as far as anybody said.
    pub used_us: Option<i64>,
    /// How many calls it may make in a minute.
    pub calls_per_minute: Option<u32>,
}

impl Key {
    /// Whether it opens anything at `now_us`.
    #[must_use]
    pub fn is_live(&self, now_us: i64) -> bool {
        self.revoked_us.is_none() && self.expires_us.is_none_or(|expires| now_us < expires)
    }
}

/// The keys of a store; see [`Store::keys`].
#[derive(Clone, Copy)]
pub struct Keys<'a>(pub(crate) &'a Store);

impl Keys<'_> {
    /// Adds a key, with a record `key.add`.
    ///
    /// # Errors
    /// [`StoreError::DuplicateKey`] when a key that was not revoked has this name, or any key this id or secret;
    /// [`StoreError::TooLarge`], [`StoreError::TooMany`] beyond the bounds of this module.
    pub async fn add(&self, key: NewKey, by: By) -> Result<Key, StoreError> {
        check(&key)?;
        self.0.change(move |connection| add(connection, key, &by)).await
    }

    /// Adds a key in place of the one that has its name, if one has: that one is revoked in the same transaction.
    ///
    /// # Errors
    /// As [`add`](Self::add), but for the name.
    pub async fn replace(&self, key: NewKey, by: By) -> Result<Key, StoreError> {
        check(&key)?;
        self.0.change(move |connection| replace(connection, key, &by)).await
    }

    /// Revokes the key with this name, with a record `key.revoke`. When this returns, every process knows.
    ///
    /// # Errors
    /// [`StoreError::NoSuchKey`].
    pub async fn revoke(&self, name: &str, by: By) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.0.change(move |connection| revoke(connection, &name, &by)).await
    }

    /// All keys, the revoked ones too, oldest first. Blocks for microseconds.
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn list(&self) -> Result<Vec<Key>, StoreError> {
        self.0.read(|connection| select(connection, "SELECT * FROM keys ORDER BY created, id", ()))
    }

    /// All keys that open something at `now_us`. Blocks for microseconds.
    ///
    /// To keep them in memory, read [`Store::generation`] first, then these.
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn all_live(&self, now_us: i64) -> Result<Vec<Key>, StoreError> {
        self.0.read(|connection| {
            let sql = "SELECT * FROM keys WHERE revoked_at IS NULL AND (expires IS NULL OR expires > ?1) ORDER BY created, id";
            select(connection, sql, [now_us])
        })
    }

    /// Notes that a key was used. Cheap, never waits, written in time with the next commit; may be lost. Once a
    /// minute for each key is enough.
    pub fn used(&self, id: Arc<str>, at_us: i64) {
        self.0.writer().hint(Command::KeyUsed { id, at_us });
    }
}

fn check(key: &NewKey) -> Result<(), StoreError> {
    for (what, text) in [
        ("a key's name", Some(&key.name)),
        ("a key's id", key.id.as_ref()),
        ("a key's tier", key.tier.as_ref()),
    ] {
        at_most(what, text.map_or(0, String::len), KEY_NAME_BYTES_MAX)?;
    }
    at_most("the list of a key's scopes", key.scopes.len(), KEY_SCOPES_MAX)?;
    key.scopes.iter().try_for_each(|scope| at_most("a key's scope", scope.len(), KEY_SCOPE_BYTES_MAX))
}

const DOING: &str = "write a key";

fn add(connection: &Connection, key: NewKey, by: &By) -> Result<(Key, Effect), StoreError> {
    let id = match key.id {
        Some(id) => id,
        None => random::code::<ID_LETTERS>()?,
    };
    let key = Key {
        id: id.into(),
        name: key.name.into(),
        hash: key.hash,
        kind: key.kind,
        scopes: key.scopes,
        tier: key.tier,
        created_us: by.time_us,
        expires_us: key.expires_us,
        revoked_us: None,
        used_us: None,
        calls_per_minute: key.calls_per_minute,
    };
    refuse_duplicates(connection, &key)?;
    refuse_too_many(connection, by.time_us)?;
    insert(connection, &key)?;
    let act =
        AuditRecord::act(by, "key.add", format!("added the {} key {} ({})", key.kind, key.name, key.id));
    Ok((key, Effect::policy(act)))
}

fn replace(connection: &Connection, key: NewKey, by: &By) -> Result<(Key, Effect), StoreError> {
    let mut acts = match revoke(connection, &key.name, by) {
        Ok(((), effect)) => effect.acts,
        Err(StoreError::NoSuchKey { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let (key, effect) = add(connection, key, by)?;
    acts.extend(effect.acts);
    Ok((key, Effect { acts, policy: true }))
}

fn revoke(connection: &Connection, name: &str, by: &By) -> Result<((), Effect), StoreError> {
    let sql = "UPDATE keys SET revoked_at = ?1 WHERE name = ?2 AND revoked_at IS NULL RETURNING id";
    let id: Option<String> = connection
        .prepare_cached(sql)
        .and_then(|mut update| update.query_row(params![by.time_us, name], |row| row.get(0)).optional())
        .map_err(StoreError::sql(DOING))?;
    let id = id.ok_or_else(|| StoreError::NoSuchKey { name: name.into() })?;
    Ok(((), Effect::policy(AuditRecord::act(by, "key.revoke", format!("revoked the key {name} ({id})")))))
}

fn refuse_duplicates(connection: &Connection, key: &Key) -> Result<(), StoreError> {
    let sql = "SELECT id, id = ?1, hash = ?2 FROM keys WHERE id = ?1 OR hash = ?2 OR (name = ?3 AND revoked_at IS NULL) LIMIT 1";
    let found: Option<(String, bool, bool)> = connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            select.query_row(params![&*key.id, key.hash, &*key.name], |row| row.try_into()).optional()
        })
        .map_err(StoreError::sql(DOING))?;
    match found {
        None => Ok(()),
        Some((id, true, _)) => Err(StoreError::DuplicateKey { what: "id", value: id }),
        Some((id, _, true)) => Err(StoreError::DuplicateKey { what: "secret", value: id }),
        Some(_) => Err(StoreError::DuplicateKey { what: "name", value: key.name.to_string() }),
    }
}

/// Keys that have expired open nothing: they take nobody's place.
fn refuse_too_many(connection: &Connection, now_us: i64) -> Result<(), StoreError> {
    let sql = "SELECT count(*) FROM keys WHERE revoked_at IS NULL AND (expires IS NULL OR expires > ?1)";
    let live: i64 = connection.query_row(sql, [now_us], |row| row.get(0)).map_err(StoreError::sql(DOING))?;
    if live >= KEYS_MAX as i64 {
        return Err(StoreError::TooMany { what: "live keys", count_max: KEYS_MAX });
    }
    Ok(())
}

fn insert(connection: &Connection, key: &Key) -> Result<(), StoreError> {
    let values = params![
        &*key.id,
        &*key.name,
        key.hash,
        key.kind,
        serde_json::json!(key.scopes).to_string(),
        key.tier,
        key.created_us,
        key.expires_us,
        key.revoked_us,
        key.used_us,
        key.calls_per_minute,
    ];
    connection
        .prepare_cached("INSERT INTO keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")
        .and_then(|mut insert| insert.execute(values))
        .map(drop)
        .map_err(StoreError::sql(DOING))
}

/// Writes when a key was last used; an older time never replaces a younger one.
pub(crate) fn write_used(connection: &Connection, id: &str, at_us: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE keys SET last_used = ?2 WHERE id = ?1 AND coalesce(last_used, 0) < ?2")
        .and_then(|mut update| update.execute(params![id, at_us]))
        .map(drop)
        .map_err(StoreError::sql(DOING))
}

fn select(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Key>, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut select| select.query_map(params, key)?.collect())
        .map_err(StoreError::sql("read the keys"))
}

fn key(row: &Row<'_>) -> rusqlite::Result<Key> {
    let scopes: String = row.get("scopes")?;
    let scopes = serde_json::from_str(&scopes)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, Box::new(error)))?;
    Ok(Key {
        id: row.get("id")?,
        name: row.get("name")?,
        hash: row.get("hash")?,
        kind: row.get("kind")?,
        scopes,
        tier: row.get("tier")?,
        created_us: row.get("created")?,
        expires_us: row.get("expires")?,
        revoked_us: row.get("revoked_at")?,
        used_us: row.get("last_used")?,
        calls_per_minute: row.get("calls_per_minute")?,
    })
}
