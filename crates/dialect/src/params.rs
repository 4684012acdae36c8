//! Parameters, by position or by name.

use drawbridge_contract::{RawValue, parse_strict};
use serde_json::{Map, Value, json};

use crate::error::OldError;

/// One parameter of a method. Its place in the list is its position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) needed: bool,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A number without a fraction.
    Whole,
    Flag,
    List,
    /// Anything that JSON has.
    Any,
}

/// One that must be there.
pub(crate) const fn needed(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, needed: true }
}

/// One that may be left out, or be `null`.
pub(crate) const fn optional(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, needed: false }
}

/// The parameters of a request, by name.
///
/// # Errors
/// -32602 for one that is missing, unknown or of another kind.
pub(crate) fn read(params: &[Param], given: Option<&RawValue>) -> Result<Map<String, Value>, OldError> {
    let given = match given {
        None => Value::Array(Vec::new()),
        Some(raw) => parse_strict(raw.get()).map_err(|error| OldError::parameter("params", error))?,
    };
    let mut read = Map::new();
    for (name, value) in named(params, given)? {
        // What is `null` counts as left out.
        if value.is_null() && !is_any(params, &name) {
            continue;
        }
        read.insert(name, value);
    }
    for param in params {
        param.check(read.get(param.name))?;
    }
    Ok(read)
}

fn is_any(params: &[Param], name: &str) -> bool {
    params.iter().any(|param| param.name == name && param.kind == Kind::Any)
}

fn named(params: &[Param], given: Value) -> Result<Vec<(String, Value)>, OldError> {
    match given {
        Value::Array(values) if values.len() > params.len() => {
            let why = format!("there are at most {}, not {}", params.len(), values.len());
            Err(OldError::parameter("params", why))
        }
        Value::Array(values) => Ok(params.iter().map(|param| param.name.to_owned()).zip(values).collect()),
        Value::Object(members) => {
            let known = |name: &String| params.iter().any(|param| param.name == name);
            match members.keys().find(|name| !known(name)) {
                Some(name) => Err(OldError::parameter(name, "there is none of this name")),
                None => Ok(members.into_iter().collect()),
            }
        }
        _ => Err(OldError::parameter("params", "an array or an object is needed")),
    }
}

impl Param {
    fn check(&self, value: Option<&Value>) -> Result<(), OldError> {
        match value {
            None if self.needed => Err(OldError::parameter(self.name, "it is missing")),
            Some(value) if !self.kind.fits(value) => {
                Err(OldError::parameter(self.name, format!("it must be {}", self.kind.words())))
            }
            _ => Ok(()),
        }
    }

    /// Its JSON Schema.
    pub(crate) fn schema(&self) -> Value {
        match self.kind {
            Kind::Text => json!({"type": "string", "title": self.name}),
            Kind::Whole => json!({"type": "integer", "title": self.name}),
            Kind::Flag => json!({"type": "boolean", "title": self.name}),
            Kind::List => json!({"type": "array", "title": self.name}),
            Kind::Any => json!({"title": self.name}),
        }
    }
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Whole => value.is_i64() || value.is_u64(),
            Self::Flag => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Any => true,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Whole => "a whole number",
            Self::Flag => "true or false",
            Self::List => "an array",
            Self::Any => "anything",
        }
    }
}

/// The JSON Schema of all of them, by position.
pub(crate) fn schema(params: &[Param]) -> Value {
    let items: Vec<Value> = params.iter().map(Param::schema).collect();
    let needed = params.iter().filter(|param| param.needed).count();
    match items.is_empty() {
        true => json!({"type": "array", "maxItems": 0}),
        false => json!({"type": "array", "prefixItems": items, "minItems": needed, "maxItems": params.len()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::INVALID_PARAMS;

    const PARAMS: &[Param] =
        &[needed("path", Kind::Text), optional("append", Kind::Flag), optional("value", Kind::Any)];

    fn given(text: &str) -> Result<Value, OldError> {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        read(PARAMS, Some(&raw)).map(Value::Object)
    }

    #[test]
    fn places_and_names_say_the_same() {
        let same = json!({"path": "/a", "append": true});
        assert_eq!(given(r#"["/a", true]"#).unwrap(), same);
        assert_eq!(given(r#"{"append": true, "path": "/a"}"#).unwrap(), same);
        assert_eq!(given(r#"["/a", null]"#).unwrap(), json!({"path": "/a"}));
        assert_eq!(given(r#"["/a", null, null]"#).unwrap(), json!({"path": "/a", "value": null}));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (bad, names) in [
            ("[]", "'path'"),
            ("{}", "'path'"),
            ("[null]", "'path'"),
            ("[1]", "'path'"),
            (r#"["/a", "yes"]"#, "'append'"),
            (r#"["/a", true, 1, 2]"#, "'params'"),
            (r#"{"path": "/a", "Path": "/b"}"#, "'Path'"),
            (r#"{"path": "/a", "path": "/b"}"#, "twice"),
        ] {
            let error = given(bad).unwrap_err();
            assert!(error.code == INVALID_PARAMS && error.message.contains(names), "{bad}: {error:?}");
        }
        assert_eq!(read(PARAMS, None).unwrap_err().code, INVALID_PARAMS);
    }

    proptest::proptest! {
        #[test]
        fn no_parameters_make_it_panic(text in "[\\[\\]{}\",:0-9a-z ]{0,40}") {
            if let Ok(raw) = RawValue::from_string(text) {
                let _any = read(PARAMS, Some(&raw));
            }
        }
    }
}
