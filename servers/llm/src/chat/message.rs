//! Messages and what they are made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whoever set the model to work; what OpenAI calls `developer` is this too.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
    /// What tools answered.
    Tool,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What it says, in order.
    pub parts: Vec<Part>,
    /// Which of several users or assistants says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A picture.
    Image(Image),
    /// A document.
    File(Document),
    /// What a model thought before it answered.
    Reasoning(Reasoning),
    /// A tool that the model wants called.
    ToolCall(ToolCall),
    /// What a called tool answered.
    ToolResult(ToolResultPart),
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// Where its bytes are.
    pub source: ImageSource,
    /// How closely to look: `low`, `high` or `auto`; only OpenAI's dialects know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Where the bytes of a picture are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ImageSource {
    /// Here.
    Data {
        /// Such as `image/png`.
        media_type: String,
        /// The bytes in base64, as every dialect wants them.
        base64: String,
    },
    /// At an address that the provider fetches.
    Url {
        /// The address, `https:` as a rule.
        url: String,
    },
}

/// What a model thought, and what its provider wants back to believe that it was this model who thought it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reasoning {
    /// The thought, as far as the provider shows it.
    pub text: String,
    /// The provider's signature, or the thought itself encrypted; given back unchanged in the next request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// Whether the provider shows nothing of the thought and `seal` is all there is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}

/// A tool that the model wants called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// The name of this call; its result bears it.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// The arguments as the model wrote them: JSON, if it wrote well.
    pub arguments: String,
    /// Gemini's signature of the thought behind the call, which it wants back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

/// What a called tool answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolResultPart {
    /// The id of the call that it answers.
    pub call: String,
    /// The answer: text and images.
    pub parts: Vec<Part>,
    /// Whether it says what went wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

impl Message {
    /// A message of words.
    #[must_use]
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, parts: vec![Part::text(text)], name: None }
    }

    /// A message of these parts.
    #[must_use]
    pub fn of(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None }
    }

    /// The result of one call, as the message that carries it.
    #[must_use]
    pub fn tool_result(call: impl Into<String>, text: impl Into<String>, is_error: bool) -> Self {
        let result = ToolResultPart { call: call.into(), parts: vec![Part::text(text)], is_error };
        Self::of(Role::Tool, vec![Part::ToolResult(result)])
    }

    /// All its words, without reasoning, one after the other.
    #[must_use]
    pub fn words(&self) -> String {
        words(&self.parts)
    }

    /// All its reasoning that can be read.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.parts.iter().filter_map(Part::as_reasoning).map(|thought| thought.text.as_str()).collect()
    }

    /// The tools that it wants called.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(Part::as_tool_call)
    }
}

/// The words of these parts, one after the other.
pub(crate) fn words(parts: &[Part]) -> String {
    parts.iter().filter_map(Part::as_text).collect()
}

impl Part {
    /// Words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The words, if that is what it is.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            _ => None,
        }
    }

    /// The picture, if that is what it is.
    #[must_use]
    pub fn as_image(&self) -> Option<&Image> {
        match self {
            Self::Image(image) => Some(image),
            _ => None,
        }
    }

    /// The document, if that is what it is.
    #[must_use]
    pub fn as_document(&self) -> Option<&Document> {
        match self {
            Self::File(document) => Some(document),
            _ => None,
        }
    }

    /// The reasoning, if that is what it is.
    #[must_use]
    pub fn as_reasoning(&self) -> Option<&Reasoning> {
        match self {
            Self::Reasoning(thought) => Some(thought),
            _ => None,
        }
    }

    /// The call, if that is what it is.
    #[must_use]
    pub fn as_tool_call(&self) -> Option<&ToolCall> {
        match self {
            Self::ToolCall(call) => Some(call),
            _ => None,
        }
    }

    /// The result of a call, if that is what it is.
    #[must_use]
    pub fn as_tool_result(&self) -> Option<&ToolResultPart> {
        match self {
            Self::ToolResult(result) => Some(result),
            _ => None,
        }
    }
}

impl Image {
    /// A picture whose bytes are here.
    #[must_use]
    pub fn data(media_type: impl Into<String>, base64: impl Into<String>) -> Self {
        let source = ImageSource::Data { media_type: media_type.into(), base64: base64.into() };
        Self { source, detail: None }
    }

    /// A picture at an address; a `data:` address with base64 in it is taken apart.
    #[must_use]
    pub fn at(url: &str) -> Self {
        match data_url(url) {
            Some((media_type, base64)) => Self::data(media_type, base64),
            None => Self { source: ImageSource::Url { url: url.to_owned() }, detail: None },
        }
    }

    /// As one address: where it is, or a `data:` address.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.source {
            ImageSource::Url { url } => url.clone(),
            ImageSource::Data { media_type, base64 } => format!("data:{media_type};base64,{base64}"),
        }
    }
}

/// Media type and base64 of a `data:` address (RFC 2397), if it has both.
pub(super) fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, base64) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next().filter(|kind| !kind.is_empty())?, base64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_address_is_taken_apart_and_put_together() {
        let image = Image::at("data:image/png;base64,AAAA");
        assert_eq!(image, Image::data("image/png", "AAAA"));
        assert_eq!(image.url(), "data:image/png;base64,AAAA");
    }

    #[test]
    fn what_is_no_base64_stays_an_address() {
        for url in ["https://example.org/a.png", "data:image/png,raw", "data:;base64,AA", "data:"] {
            assert_eq!(Image::at(url).source, ImageSource::Url { url: url.into() }, "{url}");
        }
    }

    #[test]
    fn words_leave_reasoning_out() {
        let thought = Part::Reasoning(Reasoning { text: "hm".into(), ..Reasoning::default() });
        let message = Message::of(Role::Assistant, vec![thought, Part::text("a"), Part::text("b")]);
        assert_eq!((message.words().as_str(), message.reasoning().as_str()), ("ab", "hm"));
    }

    #[test]
    fn parts_are_read_as_they_are_written() {
        let message = Message::tool_result("call_1", "sunny", true);
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message);
    }
}
