//! The JSON-RPC envelope: who it is for, and the payload as raw text.
//!
//! Only the members that JSON-RPC names are looked at, by their exact names; a member that is named twice is refused,
//! because two readers could take different ones (CVE-2026-27896 and its like).

use std::borrow::Cow;
use std::fmt;

use drawbridge_contract::RawValue;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use crate::error::WireError;
use crate::limits::{BATCH_MAX, ID_BYTES_MAX};

/// What came in one frame.
#[derive(Debug)]
pub(crate) enum Frame<'a> {
    /// One message.
    One(Message<'a>),
    /// Several, of which each may be malformed (2025-03-26).
    Batch(Vec<Result<Message<'a>, Malformed>>),
}

/// A JSON-RPC message.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    Request(Request<'a>),
    Notification(Notification<'a>),
    Response(Response<'a>),
}

/// Wants an answer.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) id: Id,
    pub(crate) method: Cow<'a, str>,
    /// A JSON object, if there; see [`parse_open`].
    pub(crate) params: Option<&'a RawValue>,
}

/// Wants no answer.
#[derive(Debug)]
pub(crate) struct Notification<'a> {
    pub(crate) method: Cow<'a, str>,
    /// A JSON object, if there; see [`parse_open`].
    pub(crate) params: Option<&'a RawValue>,
}

/// Answers a request of ours (legacy).
#[derive(Debug)]
pub(crate) struct Response<'a> {
    pub(crate) id: Id,
    /// The result or the error.
    pub(crate) outcome: Result<&'a RawValue, &'a RawValue>,
}

/// A request's id as the JSON text that came: a string or an integer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Id(Box<str>);

impl Id {
    /// Takes a string, or a number without fraction and exponent.
    pub(crate) fn read(raw: &RawValue) -> Result<Self, &'static str> {
        let text = raw.get();
        let is_integer = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if !text.starts_with('"') && !is_integer {
            return Err("must be a string or an integer");
        }
        if text.len() > ID_BYTES_MAX {
            return Err("is longer than 512 bytes");
        }
        Ok(Self(text.into()))
    }

    /// The id in an answer to what had none that could be read (JSON-RPC 2.0, section 5).
    pub(crate) fn null() -> Self {
        Self("null".into())
    }

    /// A name for a notification that runs: no JSON text, so no request has it.
    pub(crate) fn of_notification(number: u64) -> Self {
        Self(format!("notification {number}").into())
    }

    /// The JSON text.
    pub(crate) fn as_json(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A message that cannot be served, and the id to answer to if one could be read.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) id: Option<Id>,
    pub(crate) error: WireError,
}

impl From<WireError> for Malformed {
    fn from(error: WireError) -> Self {
        Self { id: None, error }
    }
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// A member that is there, even if it is `null`: `"id": null` is not the same as no id.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What the parameters of a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// An object, as MCP has it.
    Named,
    /// Also an array, as JSON-RPC has it.
    NamedOrPositional,
}

/// Reads one frame of MCP.
pub(crate) fn parse(bytes: &[u8]) -> Result<Frame<'_>, Malformed> {
    frame(bytes, Shape::Named)
}

/// Reads one frame where other methods than MCP's are served, too: their parameters may have places instead of names.
pub(crate) fn parse_open(bytes: &[u8]) -> Result<Frame<'_>, Malformed> {
    frame(bytes, Shape::NamedOrPositional)
}

fn frame(bytes: &[u8], shape: Shape) -> Result<Frame<'_>, Malformed> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| WireError::parse(format!("the message is not UTF-8: {error}")))?;
    check_surrogates(text)?;
    if text.trim_ascii_start().starts_with('[') {
        batch(text, shape)
    } else {
        message(text, shape).map(Frame::One)
    }
}

fn batch(text: &str, shape: Shape) -> Result<Frame<'_>, Malformed> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    if items.is_empty() {
        return Err(WireError::invalid_request("an empty batch asks nothing").into());
    }
    if items.len() > BATCH_MAX {
        return Err(WireError::invalid_request(format!("a batch holds at most {BATCH_MAX} messages")).into());
    }
    Ok(Frame::Batch(items.into_iter().map(|item| message(item.get(), shape)).collect()))
}

fn message(text: &str, shape: Shape) -> Result<Message<'_>, Malformed> {
    if !text.trim_ascii_start().starts_with('{') {
        serde_json::from_str::<&RawValue>(text).map_err(|error| not_json(&error))?;
        return Err(WireError::invalid_request("a message is a JSON object").into());
    }
    let members: Members<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let id = match members.id.map(Id::read).transpose() {
        Ok(id) => id,
        Err(why) => return Err(WireError::invalid_request(format!("the id {why}")).into()),
    };
    let invalid = |why: &'static str| Malformed { id: id.clone(), error: WireError::invalid_request(why) };
    if members.jsonrpc.and_then(string).as_deref() != Some("2.0") {
        return Err(invalid(r#"`jsonrpc` must be "2.0""#));
    }
    classify(&members, id.clone(), shape).map_err(invalid)
}

fn classify<'a>(members: &Members<'a>, id: Option<Id>, shape: Shape) -> Result<Message<'a>, &'static str> {
    match (members.method, id, members.result, members.error) {
        (Some(method), id, None, None) => {
            let method = string(method).ok_or("`method` must be a string")?;
            let params = members.params;
            let takes_places = shape == Shape::NamedOrPositional;
            if params.is_some_and(|params| !(is_object(params) || takes_places && is_array(params))) {
                return Err("`params` must be an object");
            }
            Ok(match id {
                Some(id) => Message::Request(Request { id, method, params }),
                None => Message::Notification(Notification { method, params }),
            })
        }
        (None, Some(id), Some(result), None) => Ok(Message::Response(Response { id, outcome: Ok(result) })),
        (None, Some(id), None, Some(error)) => Ok(Message::Response(Response { id, outcome: Err(error) })),
        _ => Err("neither a request, nor a notification, nor a response"),
    }
}

/// Whether the raw text is a JSON object.
pub(crate) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// Whether the raw text is a JSON array.
pub(crate) fn is_array(raw: &RawValue) -> bool {
    raw.get().starts_with('[')
}

/// The value of a JSON string; borrowed unless it has escapes.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The error for text that serde refused: broken JSON, or a member that stands there twice.
pub(crate) fn not_json(error: &serde_json::Error) -> WireError {
    match error.classify() {
        Category::Data => WireError::invalid_request(format!("not a JSON-RPC message: {error}")),
        _ => WireError::parse(format!("not JSON: {error}")),
    }
}

/// Raw text is not unescaped on its way through, so half of a surrogate pair would reach whoever parses it later.
/// Texts with an escaped surrogate are rare, and are parsed in full here.
fn check_surrogates(text: &str) -> Result<(), WireError> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return Ok(());
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(WireError::parse(format!("not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{INVALID_REQUEST, PARSE_ERROR};

    fn refusal(text: &str) -> (i32, Option<String>) {
        match parse(text.as_bytes()) {
            Err(Malformed { id, error }) => (error.code, id.map(|id| id.to_string())),
            Ok(frame) => panic!("{text} was taken: {frame:?}"),
        }
    }

    #[test]
    fn b4_what_is_not_json_is_a_parse_error() {
        let texts = [
            "",
            " ",
            "{",
            "nul",
            "\u{feff}{}",
            r#"{"jsonrpc":"2.0","id":NaN,"method":"x"}"#,
            r#"{"a":1}{"b":2}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\ud800"}}"#,
            "[1",
            "{'a':1}",
            "{\"a\":\"\u{1}\"}",
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":Infinity}}"#,
        ];
        for text in texts {
            assert_eq!(refusal(text), (PARSE_ERROR, None), "{text:?}");
        }
        assert_eq!(parse(b"{\"a\":\"\xff\"}").unwrap_err().error.code, PARSE_ERROR);
    }

    #[test]
    fn what_is_json_but_no_message_is_an_invalid_request() {
        let texts = [
            "1",
            "null",
            "\"x\"",
            "[]",
            "{}",
            r#"{"jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":1e3,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":true,"method":"x"}"#,
        ];
        for text in texts {
            assert_eq!(refusal(text), (INVALID_REQUEST, None), "{text}");
        }
        let with_id = [
            r#"{"id":7,"method":"x"}"#,
            r#"{"jsonrpc":"1.0","id":7,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":7}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":3}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"x","params":[1]}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"x","params":null}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"x","result":1}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":1,"error":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"Method":"x"}"#,
        ];
        for text in with_id {
            assert_eq!(refusal(text), (INVALID_REQUEST, Some("7".to_owned())), "{text}");
        }
    }

    #[test]
    fn b2_a_member_named_twice_is_refused() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{},"par\u0061ms":{}}"#,
        ] {
            assert_eq!(refusal(text).0, INVALID_REQUEST, "{text}");
        }
    }

    #[test]
    fn ids_come_back_as_they_came() {
        for id in ["1", "-7", "0", "9007199254740993", r#""a""#, r#""\u0061é""#, r#""""#] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"x"}}"#);
            let Ok(Frame::One(Message::Request(request))) = parse(text.as_bytes()) else { panic!("{id}") };
            assert_eq!(request.id.as_json(), id);
        }
    }

    #[test]
    fn the_length_of_an_id_is_bounded() {
        let with = |len: usize| format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"x"}}"#, "x".repeat(len - 2));
        assert!(parse(with(ID_BYTES_MAX).as_bytes()).is_ok());
        assert_eq!(refusal(&with(ID_BYTES_MAX + 1)).0, INVALID_REQUEST);
    }

    #[test]
    fn a_batch_is_bounded_and_its_parts_fail_alone() {
        let good = r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#;
        let of = |count: usize| format!("[{}]", vec![good; count].join(","));
        assert!(matches!(parse(of(BATCH_MAX).as_bytes()), Ok(Frame::Batch(all)) if all.len() == BATCH_MAX));
        assert_eq!(refusal(&of(BATCH_MAX + 1)).0, INVALID_REQUEST);
        let mixed = format!("[{good},1]");
        let Ok(Frame::Batch(parts)) = parse(mixed.as_bytes()) else { panic!() };
        assert!(parts[0].is_ok() && parts[1].is_err());
    }

    #[test]
    fn paired_surrogates_pass() {
        assert!(parse(br#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\ud83d\ude00"}}"#).is_ok());
    }
}
