//! The arguments of a call: parsed once, handed on without copies.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{ParseError, parse_strict, raw};

/// The arguments of one call: a JSON object. The raw text goes to upstreams and the audit as it came;
/// the parsed value is what validation and built-in tools read. A clone is the same arguments, not a copy.
#[derive(Debug, Clone)]
pub struct Arguments(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    text: Box<RawValue>,
    value: Value,
}

/// Why arguments are refused before any schema is asked.
#[derive(Debug, thiserror::Error)]
pub enum ArgumentsError {
    /// The text is not JSON, or names a member twice.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The text is JSON, but not an object.
    #[error("arguments must be a JSON object, not {0}")]
    NotAnObject(&'static str),
}

impl Arguments {
    /// No arguments: `{}`.
    pub fn none() -> Self {
        Self::from_map(Map::new())
    }

    /// Takes raw JSON text as it came over the wire.
    ///
    /// # Errors
    /// [`ArgumentsError`] when a member is named twice, or the value is not an object.
    pub fn decode(text: &RawValue) -> Result<Self, ArgumentsError> {
        let value = parse_strict(text.get())?;
        if !value.is_object() {
            return Err(ArgumentsError::NotAnObject(kind(&value)));
        }
        Ok(Self(Arc::new(Parsed { text: text.to_owned(), value })))
    }

    /// Takes a JSON object that is already parsed.
    pub fn from_map(map: Map<String, Value>) -> Self {
        let value = Value::Object(map);
        Self(Arc::new(Parsed { text: raw(&value), value }))
    }

    /// The object, parsed.
    pub fn value(&self) -> &Value {
        &self.0.value
    }

    /// The object as JSON text, as the caller wrote it.
    pub fn text(&self) -> &str {
        self.0.text.get()
    }

    /// Reads the arguments as a tool's own type.
    ///
    /// # Errors
    /// serde's error, which names the member at fault.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.0.value)
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
