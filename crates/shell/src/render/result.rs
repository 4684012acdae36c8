//! What of a tool's result is for whom: text for reading, data for programs, bytes for files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What a tool answered, for a person.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// Text that was written to be read.
    Text(String),
    /// Data, which has no other text than its JSON.
    Data(Value),
    /// A picture or something else that is not text.
    Bytes {
        bytes: Vec<u8>,
        /// Its media type.
        media: String,
    },
}

/// What to show of a tool's result.
pub(crate) fn content(result: &Value) -> Content {
    let blocks = result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let structured = &result["structuredContent"];
    if let [only] = blocks {
        if !structured.is_null() && says_the_same(only, structured) {
            return Content::Data(structured.clone());
        }
        if let Some((bytes, media)) = bytes(only) {
            return Content::Bytes { bytes, media };
        }
    }
    if blocks.is_empty() && !structured.is_null() {
        return Content::Data(structured.clone());
    }
    // A list has its names in columns; its text is for models.
    if structured["entries"].is_array() {
        return Content::Data(structured.clone());
    }
    Content::Text(blocks.iter().map(text).collect::<Vec<_>>().join("\n"))
}

/// The data of a tool's result: what it has for programs, or else its text.
pub(crate) fn data(result: &Value) -> Value {
    match &result["structuredContent"] {
        Value::Null => match content(result) {
            Content::Text(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            _ => result["content"].clone(),
        },
        structured => structured.clone(),
    }
}

fn says_the_same(block: &Value, structured: &Value) -> bool {
    block["text"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()).as_ref()
        == Some(structured)
}

/// What a block holds that is no text.
fn bytes(block: &Value) -> Option<(Vec<u8>, String)> {
    let (data, media) = match block["type"].as_str()? {
        "image" | "audio" => (&block["data"], &block["mimeType"]),
        "resource" => (&block["resource"]["blob"], &block["resource"]["mimeType"]),
        _ => return None,
    };
    let media = media.as_str().unwrap_or("application/octet-stream").to_owned();
    Some((STANDARD.decode(data.as_str()?).ok()?, media))
}

fn text(block: &Value) -> String {
    match block["type"].as_str() {
        Some("text") => block["text"].as_str().unwrap_or_default().to_owned(),
        Some("resource_link") => block["uri"].as_str().unwrap_or_default().to_owned(),
        Some("resource") if block["resource"]["text"].is_string() => {
            block["resource"]["text"].as_str().unwrap_or_default().to_owned()
        }
        Some(kind) => match bytes(block) {
            Some((bytes, media)) => format!("[{media}, {} bytes]", bytes.len()),
            None => format!("[{kind}]"),
        },
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_shown_where_the_text_is_only_its_json() {
        let same =
            json!({"content": [{"type": "text", "text": "{\"a\": 1}"}], "structuredContent": {"a": 1}});
        assert_eq!(content(&same), Content::Data(json!({"a": 1})));
        let other = json!({"content": [{"type": "text", "text": "one a"}], "structuredContent": {"a": 1}});
        assert_eq!(content(&other), Content::Text("one a".to_owned()));
        assert_eq!(data(&other), json!({"a": 1}));
        let text = json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]});
        assert_eq!((content(&text), data(&text)), (Content::Text("a\nb".to_owned()), json!("a\nb")));
        assert_eq!(content(&json!({})), Content::Text(String::new()));
    }

    #[test]
    fn pictures_are_bytes_alone_and_named_in_company() {
        let picture = json!({"type": "image", "data": "aGk=", "mimeType": "image/png"});
        let alone = json!({"content": [picture]});
        assert_eq!(content(&alone), Content::Bytes { bytes: b"hi".to_vec(), media: "image/png".to_owned() });
        let both = json!({"content": [picture, {"type": "text", "text": "x"}]});
        assert_eq!(content(&both), Content::Text("[image/png, 2 bytes]\nx".to_owned()));
        let broken = json!({"content": [{"type": "image", "data": "!", "mimeType": "image/png"}]});
        assert_eq!(content(&broken), Content::Text("[image]".to_owned()));
    }
}
