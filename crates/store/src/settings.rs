//! Settings: texts by key, such as whether the bridge is raised.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{AuditRecord, By, Store, StoreError, error::at_most, writer::Effect};

/// The longest key of a setting, in bytes.
pub const SETTING_KEY_BYTES_MAX: usize = 128;

/// The longest value of a setting, in bytes.
pub const SETTING_VALUE_BYTES_MAX: usize = 64 * 1024;

/// How many settings there may be.
pub const SETTINGS_MAX: usize = 1024;

const DOING: &str = "write a setting";

/// The settings of a store; see [`Store::settings`].
#[derive(Clone, Copy)]
pub struct Settings<'a>(pub(crate) &'a Store);

impl Settings<'_> {
    /// A setting's value. Blocks for microseconds.
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.0.read(|connection| {
            connection
                .prepare_cached("SELECT value FROM settings WHERE key = ?1")
                .and_then(|mut select| select.query_row([key], |row| row.get(0)).optional())
                .map_err(StoreError::sql("read a setting"))
        })
    }

    /// All settings, in the order of their keys. Blocks for microseconds.
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn list(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.0.read(|connection| {
            connection
                .prepare_cached("SELECT key, value FROM settings ORDER BY key")
                .and_then(|mut select| select.query_map((), |row| row.try_into())?.collect())
                .map_err(StoreError::sql("read the settings"))
        })
    }

    /// Sets a value, with a record of `act`, such as `bridge.raise`. When this returns, every process knows.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::TooMany`] beyond the bounds of this module.
    pub async fn set(&self, key: &str, value: &str, act: &str, by: By) -> Result<(), StoreError> {
        at_most("a setting's key", key.len(), SETTING_KEY_BYTES_MAX)?;
        at_most("a setting's value", value.len(), SETTING_VALUE_BYTES_MAX)?;
        let (key, value, act) = (key.to_owned(), value.to_owned(), act.to_owned());
        self.0.change(move |connection| set(connection, &key, &value, act, &by)).await
    }

    /// Removes a setting, with a record of `act`. One that is not there is fine, and recorded all the same.
    ///
    /// # Errors
    /// Only when the database cannot be written.
    pub async fn remove(&self, key: &str, act: &str, by: By) -> Result<(), StoreError> {
        let (key, act) = (key.to_owned(), act.to_owned());
        self.0.change(move |connection| remove(connection, &key, act, &by)).await
    }
}

/// The record names the setting, and not its value: that may be long, or private.
fn set(
    connection: &Connection,
    key: &str,
    value: &str,
    act: String,
    by: &By,
) -> Result<((), Effect), StoreError> {
    let count: i64 = connection
        .query_row("SELECT count(*) FROM settings WHERE key <> ?1", [key], |row| row.get(0))
        .map_err(StoreError::sql(DOING))?;
    if count >= SETTINGS_MAX as i64 {
        return Err(StoreError::TooMany { what: "settings", count_max: SETTINGS_MAX });
    }
    connection
        .execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)", params![key, value])
        .map_err(StoreError::sql(DOING))?;
    Ok(((), Effect::policy(AuditRecord::act(by, act, format!("set {key}")))))
}

fn remove(connection: &Connection, key: &str, act: String, by: &By) -> Result<((), Effect), StoreError> {
    connection.execute("DELETE FROM settings WHERE key = ?1", [key]).map_err(StoreError::sql(DOING))?;
    Ok(((), Effect::policy(AuditRecord::act(by, act, format!("removed {key}")))))
}
