//! What the audit and people see of arguments: secrets masked, long values cut.

use std::borrow::Cow;

use drawbridge_store::ARGUMENTS_BYTES_MAX;
use serde_json::{Map, Value};

/// Arguments up to this size go into the audit as they came, if there is no secret among them.
const WHOLE_BYTES_MAX: usize = 512;
/// Longer strings are cut to this many characters.
pub(crate) const STRING_CHARACTERS_MAX: usize = 200;
/// Longer lists are cut to this many items.
const ITEMS_MAX: usize = 20;
/// What stands for a secret.
const MASK: &str = "***";

/// Members whose names contain one of these hold secrets.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "authorization",
    "credential",
    "private_key",
    "privatekey",
    "cookie",
];
/// Values that begin with one of these are secrets, whatever they are called.
const SECRET_PREFIXES: &[&str] = &[
    "Bearer ",
    "Basic ",
    "sk-",
    "ghp_",
    "gho_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "-----BEGIN",
    "drawbridge_",
];

/// Arguments as JSON text for the audit and for people: secrets masked, long values cut. `value` is `text`, parsed.
pub fn masked<'a>(text: &'a str, value: &Value) -> Cow<'a, str> {
    if text.len() <= WHOLE_BYTES_MAX && !has_secret(value) {
        return Cow::Borrowed(text);
    }
    let masked = mask(value, true).to_string();
    if masked.len() <= ARGUMENTS_BYTES_MAX {
        return Cow::Owned(masked);
    }
    Cow::Owned(format!(r#"{{"…":"{} bytes of arguments in too many parts to be recorded"}}"#, text.len()))
}

/// The arguments as JSON text for the audit, uncut unless they do not fit into a record.
pub(crate) fn whole<'a>(text: &'a str, value: &Value) -> Cow<'a, str> {
    if text.len() <= ARGUMENTS_BYTES_MAX && !has_secret(value) {
        return Cow::Borrowed(text);
    }
    let uncut = mask(value, false).to_string();
    if uncut.len() <= ARGUMENTS_BYTES_MAX { Cow::Owned(uncut) } else { masked(text, value) }
}

fn has_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => is_secret(text),
        Value::Array(items) => items.iter().any(has_secret),
        Value::Object(map) => map.iter().any(|(name, value)| names_a_secret(name) || has_secret(value)),
        _ => false,
    }
}

fn mask(value: &Value, cutting: bool) -> Value {
    match value {
        Value::String(text) if is_secret(text) => MASK.into(),
        Value::String(text) if cutting => cut(text).into(),
        Value::Array(items) => mask_items(items, cutting),
        Value::Object(map) => {
            Value::Object(map.iter().map(|member| mask_member(member, cutting)).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn mask_items(items: &[Value], cutting: bool) -> Value {
    let kept_max = if cutting { ITEMS_MAX } else { usize::MAX };
    let mut kept: Vec<Value> = items.iter().take(kept_max).map(|item| mask(item, cutting)).collect();
    if items.len() > kept_max {
        kept.push(format!("… {} more", items.len() - kept_max).into());
    }
    Value::Array(kept)
}

fn mask_member((name, value): (&String, &Value), cutting: bool) -> (String, Value) {
    let value = if names_a_secret(name) { MASK.into() } else { mask(value, cutting) };
    (name.clone(), value)
}

/// `text`, cut with its length told when it is longer than [`STRING_CHARACTERS_MAX`].
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(STRING_CHARACTERS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
    }
}

fn is_secret(text: &str) -> bool {
    SECRET_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

fn names_a_secret(name: &str) -> bool {
    SECRET_NAMES.iter().any(|part| contains_ignoring_case(name.as_bytes(), part.as_bytes()))
}

fn contains_ignoring_case(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: Value, expected: Value) {
        let text = value.to_string();
        assert_eq!(serde_json::from_str::<Value>(&masked(&text, &value)).unwrap(), expected);
    }

    #[test]
    fn secrets_are_masked_by_name_and_by_form() {
        check(json!({"path": "a"}), json!({"path": "a"}));
        check(
            json!({"Password": "x", "n": {"API-Key": 1}}),
            json!({"Password": "***", "n": {"API-Key": "***"}}),
        );
        check(json!({"header": ["Bearer abc", "sk-1"]}), json!({"header": ["***", "***"]}));
    }

    #[test]
    fn what_cannot_be_cut_short_is_only_counted() {
        let map: Map<String, Value> =
            (0..5_000).map(|index| (format!("member{index}"), json!(index))).collect();
        let value = Value::Object(map);
        assert!(masked(&value.to_string(), &value).contains("too many parts"));
    }

    #[test]
    fn what_is_kept_whole_is_not_cut_but_masked_and_bounded() {
        let check = |value: Value, expected: Value| {
            let text = value.to_string();
            assert_eq!(serde_json::from_str::<Value>(&whole(&text, &value)).unwrap(), expected);
        };
        let long = "x".repeat(STRING_CHARACTERS_MAX * 20);
        let many: Vec<usize> = (0..=ITEMS_MAX).collect();
        check(json!({"text": long, "keys": many}), json!({"text": long, "keys": many}));
        check(json!({"text": long, "token": "t"}), json!({"text": long, "token": "***"}));
        let too_long = json!({"text": "x".repeat(ARGUMENTS_BYTES_MAX)});
        check(too_long.clone(), json!({"text": cut(too_long["text"].as_str().unwrap())}));
    }

    #[test]
    fn long_values_are_cut_at_the_bound() {
        let text = |length: usize| "é".repeat(length);
        let filler = "f".repeat(WHOLE_BYTES_MAX);
        let whole = text(STRING_CHARACTERS_MAX);
        let filler_cut = cut(&filler);
        check(json!({"a": whole, "f": filler}), json!({"a": whole, "f": filler_cut}));
        let cut_text = format!("{whole}… ({} bytes)", 2 * (STRING_CHARACTERS_MAX + 1));
        check(
            json!({"a": text(STRING_CHARACTERS_MAX + 1), "f": filler}),
            json!({"a": cut_text, "f": filler_cut}),
        );
    }
}
