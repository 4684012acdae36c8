//! One value as a short text. What a number means, its name says: units stand last in our names.

use chrono::{DateTime, Local};
use serde_json::Value;

use super::{plain, plain_line};

/// How much of a value is shown in a table or a tree, in characters.
const CHARACTERS_MAX: usize = 300;
/// From here on milliseconds are a time since 1970, and not a span: September 2001.
const TIME_MS_MIN: f64 = 1e12;

/// The value of a field, on one line.
pub(super) fn cell(name: &str, value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => time(text).unwrap_or_else(|| plain_line(text)),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => {
            number.as_f64().and_then(|number| with_unit(name, number)).unwrap_or_else(|| number.to_string())
        }
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let texts: Vec<String> = items.iter().filter_map(Value::as_str).map(plain_line).collect();
            texts.join(", ")
        }
        other => plain_line(&other.to_string()),
    };
    cut(text)
}

/// A value that stands alone: whole.
pub(super) fn whole(value: &Value) -> String {
    value.as_str().map_or_else(|| plain(&value.to_string()), plain)
}

/// A field's name as a heading: without the unit that its value shows.
pub(super) fn heading(name: &str) -> String {
    let bare = name.strip_suffix("_bytes").or_else(|| name.strip_suffix("_ms")).unwrap_or(name);
    plain_line(bare).replace('_', " ")
}

fn with_unit(name: &str, number: f64) -> Option<String> {
    if name.ends_with("_bytes") {
        return Some(bytes(number));
    }
    if !name.ends_with("_ms") {
        return None;
    }
    if number < TIME_MS_MIN {
        return Some(if number < 1000.0 {
            format!("{number:.0} ms")
        } else {
            format!("{:.1} s", number / 1000.0)
        });
    }
    // Whole milliseconds of a year that people write with four digits fit.
    let time = DateTime::from_timestamp_millis(number as i64)?;
    Some(in_words(time.with_timezone(&Local)))
}

/// A moment as programs write it (RFC 3339), as people read it, in their own time.
fn time(text: &str) -> Option<String> {
    let is_like_one = text.len() >= "2026-01-01T00:00:00Z".len() && text.as_bytes().get(10) == Some(&b'T');
    let time = DateTime::parse_from_rfc3339(is_like_one.then_some(text)?).ok()?;
    Some(in_words(time.with_timezone(&Local)))
}

fn in_words(time: DateTime<Local>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn bytes(number: f64) -> String {
    let mut number = number;
    for unit in ["B", "kB", "MB", "GB"] {
        if number < 1000.0 {
            return if unit == "B" { format!("{number} B") } else { format!("{number:.1} {unit}") };
        }
        number /= 1000.0;
    }
    format!("{number:.1} TB")
}

fn cut(text: String) -> String {
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_by_their_names() {
        assert_eq!(cell("size_bytes", &json!(999)), "999 B");
        assert_eq!(cell("size_bytes", &json!(1_500_000)), "1.5 MB");
        assert_eq!(cell("size_bytes", &json!(5e15)), "5000.0 TB");
        assert_eq!(cell("duration_ms", &json!(12)), "12 ms");
        assert_eq!(cell("duration_ms", &json!(90_000)), "90.0 s");
        assert!(cell("created_ms", &json!(1_700_000_000_000_i64)).starts_with("2023-11-1"));
        assert_eq!(cell("count", &json!(1500)), "1500");
        assert_eq!(cell("x_ms", &json!(1e300)), "1e+300");
        assert_eq!(heading("size_bytes"), "size");
        assert_eq!(heading("next_run"), "next run");
    }

    #[test]
    fn moments_are_read_in_the_persons_own_time() {
        let moment = DateTime::parse_from_rfc3339("2026-11-21T04:41:24.902Z").unwrap();
        let here = in_words(moment.with_timezone(&Local));
        assert_eq!(cell("modified", &json!("2026-11-21T04:41:24.902Z")), here);
        assert_eq!(here.len(), "2026-11-21 04:41:24".len());
        for other in ["2026-11-21", "2026-11-21Txx:41:24.902Z", "2026-11-2éT04:41:24Z", ""] {
            assert_eq!(cell("modified", &json!(other)), other);
        }
    }

    #[test]
    fn what_is_long_is_cut_at_its_bound() {
        let fits = "é".repeat(CHARACTERS_MAX);
        assert_eq!(cell("x", &json!(fits)), fits);
        assert_eq!(cell("x", &json!(format!("{fits}é"))), format!("{fits}…"));
    }
}
