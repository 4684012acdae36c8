//! One way to edit every format, and the proof that an edit changed our entry and nothing else.

use serde_json::{Map, Value};

use crate::entry::{Changes, ENTRY_NAME, Fields};
use crate::hosts::Format;
use crate::json::{self, Dialect};
use crate::{lines, toml, yaml};

/// Why a text cannot be edited. `plan` adds the host and the path.
#[derive(Debug)]
pub(crate) enum EditError {
    /// It does not parse; line and column count from 1.
    Malformed { line: usize, column: usize, reason: String },
    /// This should be a map of names to values.
    NotAMap(String),
    /// This key is there twice.
    Duplicate(String),
    /// An edit would change something else, or cannot be shown not to.
    Unsafe,
}

/// How our entry was before the edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Was {
    /// Not there.
    Absent,
    /// There, and as it should be.
    Same,
    /// There, but it started something else.
    Different,
}

/// A host's way to keep its servers: the format, and the key of the map that holds them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) format: Format,
    pub(crate) section: &'static str,
}

impl Layout {
    /// The text with our entry in it, and how the entry was before.
    pub(crate) fn connect(self, text: &str, fields: &Fields) -> Result<(Was, String), EditError> {
        let before = self.parse(text)?;
        let existing = self.entry_in(&before)?;
        let changes = match existing {
            Some(entry) => fields.changes_to(entry),
            None => Changes { set: fields.written(), drop: Vec::new() },
        };
        if existing.is_some() && changes.is_empty() {
            return Ok((Was::Same, text.to_owned()));
        }
        let entry = changes.applied_to(existing.unwrap_or(&Value::Null));
        let edited = lines::edit(text, |text| self.set(text, existing, &changes, &entry, fields))?;
        let was = if existing.is_some() { Was::Different } else { Was::Absent };
        self.prove(&edited, &self.with_entry(before, entry))?;
        Ok((was, edited))
    }

    /// The text without our entry. The map that held it goes too when nothing else is in it, unless `keep_section`.
    pub(crate) fn disconnect(self, text: &str, keep_section: bool) -> Result<String, EditError> {
        let mut expected = self.parse(text)?;
        self.entry_in(&expected)?;
        if let Some(servers) = expected.get_mut(self.section).and_then(Value::as_object_mut) {
            servers.remove(ENTRY_NAME);
        }
        let edited = lines::edit(text, |text| self.remove(text, keep_section))?;
        self.prove(&edited, &expected)?;
        Ok(edited)
    }

    /// Our entry in this text, if there is one.
    pub(crate) fn entry(self, text: &str) -> Result<Option<Value>, EditError> {
        Ok(self.entry_in(&self.parse(text)?)?.cloned())
    }

    /// Whether this text has a map of servers, even an empty one.
    pub(crate) fn has_section(self, text: &str) -> bool {
        self.parse(text).is_ok_and(|value| value.get(self.section).is_some())
    }

    /// What a person would paste into an empty file.
    pub(crate) fn snippet(self, fields: &Fields) -> String {
        self.connect("", fields).map(|(_, text)| text).unwrap_or_default()
    }

    /// The meaning of a text; nothing at all means an empty map.
    fn parse(self, text: &str) -> Result<Value, EditError> {
        let text = lines::plain(text);
        let value = match self.format {
            Format::Json | Format::JsonWithComments => json::parse(&text, self.dialect()),
            Format::Toml => toml::parse(&text),
            Format::Yaml => yaml::parse(&text),
        };
        match value? {
            Value::Null => Ok(Value::Object(Map::new())),
            value @ Value::Object(_) => Ok(value),
            _ => Err(EditError::NotAMap("the whole file".to_owned())),
        }
    }

    fn entry_in(self, value: &Value) -> Result<Option<&Value>, EditError> {
        match value.get(self.section) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(servers)) => Ok(servers.get(ENTRY_NAME)),
            Some(_) => Err(EditError::NotAMap(format!("`{}`", self.section))),
        }
    }

    fn set(
        self,
        text: &str,
        existing: Option<&Value>,
        changes: &Changes,
        entry: &Value,
        fields: &Fields,
    ) -> Result<String, EditError> {
        match self.format {
            Format::Json | Format::JsonWithComments => {
                self.set_json(text, existing.is_some_and(Value::is_object), changes)
            }
            Format::Toml => toml::set(text, self.section, changes),
            Format::Yaml => yaml::set(text, self.section, &in_order(entry, fields)),
        }
    }

    fn set_json(self, text: &str, is_there: bool, changes: &Changes) -> Result<String, EditError> {
        let mut text = text.to_owned();
        if !is_there {
            let empty = Value::Object(Map::new());
            text = json::set(&text, self.dialect(), &[self.section, ENTRY_NAME], &empty)?;
        }
        for key in &changes.drop {
            text = json::remove(&text, self.dialect(), &[self.section, ENTRY_NAME, key])?;
        }
        for (key, value) in &changes.set {
            text = json::set(&text, self.dialect(), &[self.section, ENTRY_NAME, key], value)?;
        }
        Ok(text)
    }

    fn remove(self, text: &str, keep_section: bool) -> Result<String, EditError> {
        match self.format {
            Format::Json | Format::JsonWithComments => self.remove_json(text, keep_section),
            Format::Toml => toml::remove(text, self.section),
            Format::Yaml => yaml::remove(text, self.section, keep_section),
        }
    }

    fn remove_json(self, text: &str, keep_section: bool) -> Result<String, EditError> {
        let text = json::remove(text, self.dialect(), &[self.section, ENTRY_NAME])?;
        let value = json::parse(&text, self.dialect())?;
        let empty = value.get(self.section).and_then(Value::as_object).is_some_and(Map::is_empty);
        if empty && !keep_section { json::remove(&text, self.dialect(), &[self.section]) } else { Ok(text) }
    }

    fn dialect(self) -> Dialect {
        if self.format == Format::Json { Dialect::Plain } else { Dialect::Comments }
    }

    fn with_entry(self, mut value: Value, entry: Value) -> Value {
        if value[self.section].is_null() {
            value[self.section] = Value::Object(Map::new());
        }
        value[self.section][ENTRY_NAME] = entry;
        value
    }

    /// An edited text must mean what was intended, or it is thrown away. An empty map of servers means none.
    fn prove(self, edited: &str, expected: &Value) -> Result<(), EditError> {
        let actual = self.parse(edited).map_err(|_| EditError::Unsafe)?;
        let equal = self.without_empty_section(actual) == self.without_empty_section(expected.clone());
        if equal { Ok(()) } else { Err(EditError::Unsafe) }
    }

    fn without_empty_section(self, mut value: Value) -> Value {
        if let Some(map) = value.as_object_mut()
            && map.get(self.section).and_then(Value::as_object).is_some_and(Map::is_empty)
        {
            map.remove(self.section);
        }
        value
    }
}

/// The fields of an entry: ours in our order, then the owner's.
fn in_order(entry: &Value, fields: &Fields) -> Vec<(String, Value)> {
    let mut rest = entry.as_object().cloned().unwrap_or_default();
    let ours = fields.written().into_iter().map(|(key, _)| key);
    let mut ordered: Vec<_> = ours.filter_map(|key| rest.remove_entry(&key)).collect();
    ordered.extend(rest);
    ordered
}
