//! What a tool says: MCP content blocks, written as JSON once and passed on untouched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::escape::push_string;

/// A list of content blocks as JSON text: the value of `content` in a `tools/call` result.
#[derive(Debug, Clone)]
pub struct Content(Box<str>);

/// One content block (MCP 2025-11-25 and later, `ContentBlock`). What we do not know stays as it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    Image {
        /// Base64.
        data: String,
        /// Such as `image/png`.
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
    /// Sound.
    Audio {
        /// Base64.
        data: String,
        /// Such as `audio/wav`.
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
    /// A resource's contents, in place.
    Resource {
        /// `uri`, `mimeType`, and `text` or `blob`.
        resource: Value,
    },
    /// A link to a resource.
    ResourceLink {
        /// Where it is.
        uri: String,
        /// Its name.
        name: String,
        /// Its media type, if known.
        #[serde(rename = "mimeType", skip_serializing_if = "Option::is_none", default)]
        mime_type: Option<String>,
    },
}

impl Block {
    /// An image block of these bytes.
    pub fn image(bytes: &[u8], mime_type: impl Into<String>) -> Self {
        Self::Image { data: STANDARD.encode(bytes), mime_type: mime_type.into() }
    }
}

impl Content {
    /// One text block. Written without an intermediate value: this is the hot path of every read.
    pub fn text(text: &str) -> Self {
        let mut json = br#"[{"type":"text","text":"#.to_vec();
        push_string(&mut json, text);
        json.extend_from_slice(b"}]");
        #[expect(clippy::expect_used, reason = "text that was escaped in ASCII is text")]
        let json = String::from_utf8(json).expect("escaped text stays UTF-8");
        Self(json.into())
    }

    /// Several blocks.
    pub fn blocks(blocks: &[Block]) -> Self {
        Self(crate::raw(&blocks).into())
    }

    /// A JSON array of blocks that came from elsewhere and passes through. The caller knows that it is an array.
    pub fn passed_through(array: Box<RawValue>) -> Self {
        Self(array.into())
    }

    /// The JSON array.
    pub fn json(&self) -> &str {
        &self.0
    }

    /// The blocks, parsed, for those who show them; unknown kinds come as raw values.
    ///
    /// # Errors
    /// When the text is not an array of blocks.
    pub fn parse(&self) -> Result<Vec<Value>, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// All text blocks, joined by line ends.
    pub fn plain_text(&self) -> String {
        let blocks = self.parse().unwrap_or_default();
        let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        texts.join("\n")
    }
}
