//! What we write into a host's list of servers: how to start Drawbridge.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::ConnectError;

/// The key of our entry in every host.
pub const ENTRY_NAME: &str = "drawbridge";

/// The environment variable that moves Drawbridge's state; set in an entry only when it is not at its default.
pub const HOME_VARIABLE: &str = "DRAWBRIDGE_HOME";

/// The arguments that make the program speak MCP over standard input and output.
const ARGUMENTS: &[&str] = &["stdio"];

/// What an entry may hold that would keep the host from starting our program: another transport, or a switch that
/// was turned off. Connecting removes these, and keeps whatever else the owner added (time limits, approvals).
const CONTRARY: &[&str] = &["url", "httpUrl", "serverUrl", "uri", "headers", "enabled", "disabled"];

/// How a host starts Drawbridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    command: String,
    environment: BTreeMap<String, String>,
}

impl Entry {
    /// An entry that starts the program at `command` (an absolute path) with the argument `stdio`.
    ///
    /// # Errors
    /// [`ConnectError::Command`] when the path is relative or is not valid Unicode.
    pub fn stdio(command: impl Into<PathBuf>) -> Result<Entry, ConnectError> {
        let command = command.into();
        match command.to_str() {
            Some(text) if command.is_absolute() => {
                Ok(Entry { command: text.to_owned(), environment: BTreeMap::new() })
            }
            _ => Err(ConnectError::Command { command }),
        }
    }

    /// The same entry with an environment variable for the program, such as [`HOME_VARIABLE`].
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Entry {
        self.environment.insert(name.into(), value.into());
        self
    }

    pub(crate) fn command(&self) -> Value {
        Value::from(self.command.as_str())
    }

    pub(crate) fn arguments(&self) -> Value {
        Value::from(ARGUMENTS)
    }

    pub(crate) fn environment(&self) -> Value {
        self.environment.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
    }
}

/// The fields of an entry in a host's own words, in the order they are written.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    /// What an entry must hold to be ours, name and value; never the environment.
    pub(crate) fixed: Vec<(&'static str, Value)>,
    /// What a new entry gets as well, and its owner may change.
    pub(crate) suggested: Vec<(&'static str, Value)>,
    /// What the host calls the environment.
    pub(crate) environment_key: &'static str,
    /// A map of text to text, possibly empty.
    pub(crate) environment: Value,
}

/// The difference between an entry that is there and the one we want.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Changes {
    pub(crate) set: Vec<(String, Value)>,
    pub(crate) drop: Vec<String>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.drop.is_empty()
    }

    /// The entry as it is after these changes.
    pub(crate) fn applied_to(&self, existing: &Value) -> Value {
        let mut map = existing.as_object().cloned().unwrap_or_default();
        map.retain(|key, _| !self.drop.contains(key));
        map.extend(self.set.iter().cloned());
        Value::Object(map)
    }
}

impl Fields {
    /// What to write where there is no entry yet.
    pub(crate) fn written(&self) -> Vec<(String, Value)> {
        let environment = (self.environment_key, self.environment.clone());
        let filled = self.environment.as_object().is_some_and(|map| !map.is_empty());
        let all = self.fixed.iter().chain(&self.suggested).cloned().chain(filled.then_some(environment));
        all.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// What must change in `existing` so that it starts our program. Fields that we do not write are kept.
    pub(crate) fn changes_to(&self, existing: &Value) -> Changes {
        let Some(map) = existing.as_object() else {
            return Changes { set: self.written(), drop: Vec::new() };
        };
        let mut changes = Changes::default();
        for (key, value) in &self.fixed {
            if map.get(*key) != Some(value) {
                changes.set.push(((*key).to_owned(), value.clone()));
            }
        }
        self.change_environment(map.get(self.environment_key), &mut changes);
        let contrary = CONTRARY.iter().filter(|key| map.contains_key(**key) && !self.writes(key));
        changes.drop.extend(contrary.map(|key| (*key).to_owned()));
        changes
    }

    fn writes(&self, key: &str) -> bool {
        self.fixed.iter().any(|(ours, _)| *ours == key)
    }

    /// The owner's variables stay; ours are set, and an old [`HOME_VARIABLE`] does not survive.
    fn change_environment(&self, existing: Option<&Value>, changes: &mut Changes) {
        let mut wanted = existing.and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
        wanted.remove(HOME_VARIABLE);
        wanted.extend(self.environment.as_object().cloned().unwrap_or_default());
        let wanted = Value::Object(wanted);
        let empty = wanted.as_object().is_none_or(Map::is_empty);
        match existing {
            Some(existing) if *existing == wanted => {}
            Some(_) if empty => changes.drop.push(self.environment_key.to_owned()),
            None if empty => {}
            _ => changes.set.push((self.environment_key.to_owned(), wanted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(environment: Value) -> Fields {
        Fields {
            fixed: vec![("command", json!("/bin/d"))],
            suggested: vec![("timeout", json!(300))],
            environment_key: "env",
            environment,
        }
    }

    fn merged(fields: &Fields, existing: &Value) -> Value {
        fields.changes_to(existing).applied_to(existing)
    }

    #[test]
    fn the_program_must_be_named_by_its_full_path() {
        assert!(Entry::stdio("drawbridge").is_err());
        assert!(Entry::stdio("").is_err());
        assert!(Entry::stdio(std::env::current_exe().unwrap()).is_ok());
    }

    #[test]
    fn what_the_owner_added_stays_and_what_contradicts_us_goes() {
        let existing = json!({"url": "http://x", "disabled": true, "timeout": 9, "env": {"MY": "1"}});
        let merged = merged(&fields(json!({})), &existing);
        assert_eq!(merged, json!({"command": "/bin/d", "timeout": 9, "env": {"MY": "1"}}));
    }

    #[test]
    fn an_old_home_does_not_survive() {
        let existing = json!({"command": "/bin/d", "env": {"DRAWBRIDGE_HOME": "/old"}});
        assert_eq!(merged(&fields(json!({})), &existing), json!({"command": "/bin/d"}));
        let moved = json!({"DRAWBRIDGE_HOME": "/new"});
        assert_eq!(merged(&fields(moved.clone()), &existing), json!({"command": "/bin/d", "env": moved}));
    }

    #[test]
    fn a_suggestion_is_made_once() {
        let fields = fields(json!({}));
        assert!(fields.written().contains(&("timeout".to_owned(), json!(300))));
        let existing = json!({"command": "/old", "timeout": 9});
        assert_eq!(merged(&fields, &existing), json!({"command": "/bin/d", "timeout": 9}));
    }

    #[test]
    fn the_same_entry_needs_no_change() {
        let fields = fields(json!({}));
        assert!(fields.changes_to(&json!({"command": "/bin/d", "timeout": 5})).is_empty());
        assert!(fields.changes_to(&json!({"command": "/bin/d", "env": {}})).is_empty());
        assert!(!fields.changes_to(&json!("/bin/d")).is_empty());
    }
}
