//! JSON, written and read the same way in every dialect.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::chat::{Extra, Failure, FailureKind, Family, RawJson};

/// Appends `value`. Our own types have no map with keys that are no strings, the only thing that cannot be written.
pub(crate) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let from = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(from);
        out.extend_from_slice(b"null");
    }
}

/// `value` as a body.
pub(crate) fn body<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write(&mut out, value);
    out
}

/// What a provider answered.
pub(crate) fn answer<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| malformed(&error))
}

/// An answer that is not of its dialect. The words of the error name no content.
pub(crate) fn malformed(error: &serde_json::Error) -> Failure {
    let words = format!(
        "the provider's answer cannot be read ({error}); is the right kind configured for its address?"
    );
    Failure::new(FailureKind::Malformed, words)
}

/// What a client asked.
pub(crate) fn question<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    question_in(bytes)
}

/// The same, borrowing from the body.
pub(crate) fn question_in<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|error| invalid(format!("the request's body cannot be read: {error}")))
}

/// A request that makes no sense.
pub(crate) fn invalid(words: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Invalid, words)
}

/// Reads `null` as nothing.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// Reads whatever stands there, and takes what is no `T` for nothing: for numbers and notes that an answer can do
/// without.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let raw = RawJson::deserialize(from)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// A text, or a list of parts: what most dialects allow for the content of a message. Read without a detour, so that
/// JSON in the parts stays as it was written.
#[derive(Debug)]
pub(crate) enum Mixed<T> {
    /// A text.
    Text(String),
    /// Parts.
    List(Vec<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Mixed<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(MixedVisitor(PhantomData))
    }
}

struct MixedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MixedVisitor<T> {
    type Value = Mixed<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text or a list")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Mixed::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Mixed::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Mixed::List(list))
    }
}

/// Arguments of a tool as a JSON object, which most dialects want: as the model wrote them, or an empty one where it
/// wrote nothing, or what it wrote in a string where that is no object.
pub(crate) fn arguments(text: &str) -> RawJson {
    let text = text.trim();
    let written = if text.is_empty() { "{}" } else { text };
    let object = RawJson::parse(written).ok().filter(|_| written.starts_with('{'));
    object.unwrap_or_else(|| raw(&serde_json::json!({ UNREADABLE: text })))
}

/// Under this name stand arguments that are no JSON object.
const UNREADABLE: &str = "unreadable_arguments";

/// A value as JSON that is carried.
pub(crate) fn raw<T: Serialize + ?Sized>(value: &T) -> RawJson {
    RawJson::from(serde_json::value::to_raw_value(value).unwrap_or_default())
}

/// Text that a dialect carries as a string, or as JSON of another kind.
pub(crate) fn as_text(raw: &RawJson) -> String {
    serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
}

/// Fields that no caller sets past us, whatever the dialect: which model answers, how much and how often, and tools that
/// the provider would call itself.
const RESERVED: &[&str] = &[
    "model",
    "models",
    "fallbacks",
    "messages",
    "input",
    "contents",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n_predict",
    "n",
    "best_of",
    "stream",
    "integrations",
];

/// The fields of a request that go on to dialects of `family`, without those that the body has of its own, `known`, and
/// those that nobody may set.
pub(crate) fn spare(extra: &Extra, family: Option<Family>, known: &[&str]) -> Map<String, Value> {
    let Some(fields) = extra.readable_by(family) else { return Map::new() };
    let is_ours = |name: &str| known.contains(&name) || RESERVED.contains(&name);
    let spare = fields.iter().filter(|(name, _)| !is_ours(name));
    spare.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_an_object_whatever_the_model_wrote() {
        let cases = [
            (r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
            ("", "{}"),
            (" ", "{}"),
            (r#"{"a":"#, r#"{"unreadable_arguments":"{\"a\":"}"#),
            ("3", r#"{"unreadable_arguments":"3"}"#),
        ];
        for (wrote, is) in cases {
            assert_eq!(arguments(wrote).get(), is, "{wrote}");
        }
    }

    #[test]
    fn known_fields_are_not_spare() {
        let fields = Map::from_iter([
            ("model".to_owned(), Value::from("evil")),
            ("logit_bias".to_owned(), Value::Null),
        ]);
        let extra = Extra::of(Family::OpenAiChat, fields);
        let spare = spare(&extra, Some(Family::OpenAiChat), &["model"]);
        assert_eq!(spare.keys().collect::<Vec<_>>(), ["logit_bias"]);
    }
}
