//! What a call would do, in the form in which a person sees it soonest: a command, a change of a text, a text. Worked out
//! from the shape of the arguments alone, so that it fits tools that nobody has written yet.

use serde_json::{Value, json};
use similar::TextDiff;

use crate::limits::PREVIEW_BYTES_MAX;

/// Arguments that are a command line.
const COMMANDS: [&str; 3] = ["command", "cmd", "script"];
/// Arguments that are what is written, sent or said.
const TEXTS: [&str; 5] = ["content", "text", "body", "message", "query"];
/// The names of what a change takes away, and what it puts there.
const PAIRS: [(&str, &str); 4] =
    [("old_text", "new_text"), ("old", "new"), ("oldText", "newText"), ("find", "replace")];

/// The preview of a call with these arguments: `kind` and `text`.
pub(crate) fn preview(arguments: &Value) -> Value {
    let found = diff_of(arguments).map(|text| ("diff", text));
    let found = found.or_else(|| text_of(arguments, &COMMANDS).map(|text| ("command", text)));
    let found = found.or_else(|| text_of(arguments, &TEXTS).map(|text| ("text", text)));
    match found {
        Some((kind, text)) => json!({"kind": kind, "text": cut(text)}),
        None => json!({"kind": "none", "text": ""}),
    }
}

fn text_of(arguments: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| arguments[name].as_str()).map(str::to_owned)
}

/// One change, or several under `edits`, as lines with `-` and `+`.
fn diff_of(arguments: &Value) -> Option<String> {
    let edits = arguments["edits"].as_array().map_or(std::slice::from_ref(arguments), Vec::as_slice);
    let parts: Vec<String> = edits.iter().filter_map(one_diff).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn one_diff(edit: &Value) -> Option<String> {
    let (old, new) = PAIRS.iter().find_map(|(old, new)| Some((edit[old].as_str()?, edit[new].as_str()?)))?;
    // A diff of two long texts takes time that grows with their product: what is long is shown as it is.
    if old.len() + new.len() > PREVIEW_BYTES_MAX {
        return Some(format!("-{}\n+{}", cut(old.to_owned()), cut(new.to_owned())));
    }
    let diff = TextDiff::from_lines(old, new);
    let lines = diff.iter_all_changes().map(|change| {
        let line = change.value();
        format!("{}{line}{}", change.tag(), if line.ends_with('\n') { "" } else { "\n" })
    });
    Some(lines.collect())
}

fn cut(mut text: String) -> String {
    if text.len() <= PREVIEW_BYTES_MAX {
        return text;
    }
    text.truncate(text.floor_char_boundary(PREVIEW_BYTES_MAX));
    text + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &Value, kind: &str, text: &str) {
        assert_eq!(preview(arguments), json!({"kind": kind, "text": text}), "{arguments}");
    }

    #[test]
    fn a_call_is_shown_as_what_it_does() {
        check(&json!({"command": "rm -r build", "text": "x"}), "command", "rm -r build");
        check(&json!({"path": "a.txt", "content": "milk"}), "text", "milk");
        check(&json!({"path": "a.txt"}), "none", "");
        check(&json!({"edits": [{"old_text": "a\nb", "new_text": "a\nc"}]}), "diff", " a\n-b\n+c\n");
        check(&json!("cut"), "none", "");
        check(&json!({"edits": [], "text": "x"}), "text", "x");
        check(&json!({"command": 1}), "none", "");
    }

    #[test]
    fn the_bound_holds_at_its_edge() {
        for (size, is_cut) in [(PREVIEW_BYTES_MAX, false), (PREVIEW_BYTES_MAX + 1, true)] {
            let shown = preview(&json!({"text": "x".repeat(size)}));
            assert_eq!(shown["text"].as_str().unwrap().ends_with('…'), is_cut);
        }
        let long = preview(&json!({"old": "é".repeat(PREVIEW_BYTES_MAX), "new": "b"}));
        assert!(long["text"].as_str().unwrap().len() < 2 * PREVIEW_BYTES_MAX);
    }

    proptest::proptest! {
        #[test]
        fn no_arguments_make_it_panic(old in "[a-c\n]{0,40}", new in "[a-cé\n]{0,40}", name in "[a-z_]{0,8}") {
            let shown = preview(&json!({"edits": [{"old": old, "new": new}, {&name: old}]}));
            proptest::prop_assert_eq!(shown["kind"].as_str(), Some("diff"));
        }
    }
}
