//! Strict JSON: what comes from outside is parsed here once, and duplicate names are refused.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Why a text is not JSON that we take: the position, and what is wrong there.
#[derive(Debug, thiserror::Error)]
#[error("not valid JSON: {0}")]
pub struct ParseError(#[from] serde_json::Error);

/// Parses `text` to a value, refusing what RFC 8259 leaves open and attackers use: an object that names
/// one member twice (section 4), and nesting deeper than 128 levels.
///
/// # Errors
/// [`ParseError`] with line and column.
pub fn parse_strict(text: &str) -> Result<Value, ParseError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Renders a value of ours as raw JSON.
///
/// # Panics
/// Never for the types of this project: maps have string keys and numbers are finite.
pub fn raw(value: &impl serde::Serialize) -> Box<RawValue> {
    #[expect(clippy::expect_used, reason = "serialising our own types with string keys cannot fail")]
    serde_json::value::to_raw_value(value).expect("our own types serialise")
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict)?;
            if map.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the member {name:?} is there twice")));
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_named_twice_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"[{"x":{"a":1,"\u0061":2}}]"#] {
            let error = parse_strict(text).unwrap_err().to_string();
            assert!(error.contains("there twice"), "{error}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse_strict(&deep(127)).is_ok());
        assert!(parse_strict(&deep(10_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_serde_json_where_no_name_repeats(text in "[\\[\\]{}\",:0-9a-b ntrue.\\\\-]{0,40}") {
            let ours = parse_strict(&text);
            match serde_json::from_str::<Value>(&text) {
                Ok(value) => if let Ok(ours) = ours { proptest::prop_assert_eq!(ours, value) },
                Err(_) => proptest::prop_assert!(ours.is_err()),
            }
        }
    }
}
