//! One request and its answer (JSON-RPC 2.0). What comes is not trusted.

use drawbridge_contract::RawValue;
use serde::{Deserialize, Serialize};

use super::frame::END;

/// How deep an answer may be nested: as deep as we take arguments.
const DEPTH_MAX: usize = 128;

/// What a daemon answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// What the method gives.
    Result(Box<RawValue>),
    /// It could not do it.
    Error(RpcError),
}

/// An error as JSON-RPC has it.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<RpcError>,
    #[serde(default, borrow)]
    method: Option<&'a RawValue>,
}

/// What is sent, with its end. `params` is JSON.
pub(super) fn request(id: u64, method: &str, params: &str) -> Vec<u8> {
    let method = serde_json::Value::from(method);
    let mut bytes =
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{params}}}"#).into_bytes();
    bytes.push(END);
    bytes
}

/// What a message is: the answer to the request of this id, or `None` for a notification, which nobody waits for.
pub(super) fn read(message: &[u8], asked: u64) -> Result<Option<Answer>, String> {
    if is_too_deep(message) {
        return Err(format!("its answer is nested deeper than {DEPTH_MAX} levels"));
    }
    let reply: Reply =
        serde_json::from_slice(message).map_err(|error| format!("its answer is no JSON-RPC: {error}"))?;
    let Some(id) = reply.id else {
        return if reply.method.is_some() { Ok(None) } else { Err("its answer has no id".to_owned()) };
    };
    if id.get() != asked.to_string() {
        return Err("its answer has an id that nobody asked with".to_owned());
    }
    match (reply.result, reply.error) {
        (None, Some(error)) => Ok(Some(Answer::Error(error))),
        (Some(result), None) => Ok(Some(Answer::Result(result))),
        // `null` is a result, too, and reads as none.
        (None, None) => Ok(Some(Answer::Result(drawbridge_contract::raw(&())))),
        (Some(_), Some(_)) => Err("its answer is both a result and an error".to_owned()),
    }
}

/// Whether brackets outside of strings stand deeper than we pass on.
fn is_too_deep(message: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in message {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => depth += 1,
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_json_and_ends() {
        let bytes = request(7, "a\"b", "[1]");
        let (end, json) = bytes.split_last().unwrap();
        assert_eq!(*end, END);
        let value: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!((value["id"].as_u64(), value["method"].as_str()), (Some(7), Some("a\"b")));
    }

    #[test]
    fn answers_are_read() {
        let result = |text: &str| match read(text.as_bytes(), 7) {
            Ok(Some(Answer::Result(raw))) => raw.get().to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(result(r#"{"jsonrpc":"2.0","id":7,"result":{"a": 1}}"#), r#"{"a": 1}"#);
        assert_eq!(result(r#"{"id":7,"result":null}"#), "null");
        let error = read(br#"{"id":7,"error":{"code":-32010,"message":"no"}}"#, 7);
        assert!(matches!(error, Ok(Some(Answer::Error(RpcError { code: -32010, .. })))));
        assert!(matches!(read(br#"{"method":"progress","params":[]}"#, 7), Ok(None)));
    }

    #[test]
    fn i2_garbage_is_refused_with_a_reason() {
        for bad in [
            "",
            "x",
            "[]",
            "{}",
            r#"{"id":8,"result":1}"#,
            r#"{"id":"7","result":1}"#,
            r#"{"id":7,"result":1,"result":2}"#,
            r#"{"id":7,"result":1,"error":{"code":1,"message":"x"}}"#,
            r#"{"id":7,"result":1} {"#,
            "{\"id\":7,\"result\":\"\u{1}\"}",
        ] {
            assert!(read(bad.as_bytes(), 7).is_err(), "{bad}");
        }
        assert!(read(b"{\"id\":7,\"result\":\"\xff\"}", 7).is_err());
    }

    #[test]
    fn b4_nesting_is_bounded_at_its_edge() {
        let deep =
            |levels: usize| format!(r#"{{"id":7,"result":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(read(deep(DEPTH_MAX - 2).as_bytes(), 7).is_ok());
        assert!(read(deep(10_000).as_bytes(), 7).unwrap_err().contains("deeper"));
        assert!(read(format!(r#"{{"id":7,"result":"{}\""}}"#, "[".repeat(500)).as_bytes(), 7).is_ok());
    }
}
