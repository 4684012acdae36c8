//! A tool's result as it is kept with a job: the members of an MCP `CallToolResult`, so that workers of other programs
//! can write it, too.

use drawbridge_contract::{Content, RawValue, ToolResult, raw};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
    #[serde(rename = "structuredContent", borrow, skip_serializing_if = "Option::is_none", default)]
    structured: Option<&'a RawValue>,
    #[serde(rename = "isError", default)]
    is_error: bool,
    #[serde(rename = "_meta", borrow, skip_serializing_if = "Option::is_none", default)]
    meta: Option<&'a RawValue>,
}

/// The result as one JSON object.
pub(crate) fn write(result: &ToolResult) -> Box<RawValue> {
    let Ok(content) = serde_json::from_str::<&RawValue>(result.content.json()) else {
        return raw(&serde_json::json!({ "content": [] }));
    };
    let (structured, meta) = (result.structured.as_deref(), result.meta.as_deref());
    raw(&Stored { content, structured, is_error: result.is_error, meta })
}

/// Reads it. What another program kept that is no such object is shown as text.
pub(crate) fn read(kept: &str) -> ToolResult {
    match serde_json::from_str::<Stored<'_>>(kept) {
        Ok(stored) if stored.content.get().starts_with('[') => ToolResult {
            content: Content::passed_through(stored.content.to_owned()),
            structured: stored.structured.map(ToOwned::to_owned),
            is_error: stored.is_error,
            meta: stored.meta.map(ToOwned::to_owned),
        },
        _ => ToolResult::text(kept),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_is_kept_as_it_was() {
        let result = ToolResult {
            is_error: true,
            meta: Some(raw(&json!({"a": 1.0}))),
            ..ToolResult::text_and("h\u{e9}\n", &json!({"n": [1.0]}))
        };
        let back = read(write(&result).get());
        assert_eq!(back.content.json(), result.content.json());
        assert_eq!(back.structured.unwrap().get(), r#"{"n":[1.0]}"#);
        assert_eq!(back.meta.unwrap().get(), r#"{"a":1.0}"#);
        assert!(back.is_error);
    }

    #[test]
    fn what_other_programs_kept_is_shown_as_text() {
        for strange in ["null", "\"done\"", r#"{"url": "x"}"#, r#"{"content": 1}"#] {
            assert_eq!(read(strange).content.plain_text(), strange);
        }
    }
}
