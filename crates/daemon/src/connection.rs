//! One connection: requests in, answers out, in their order.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::method::{Bound, Failure};

/// The longest request, in bytes. More ends the connection.
const REQUEST_BYTES_MAX: u64 = 16 << 20;
/// The byte after each message.
const END: u8 = 0;

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Value,
}

/// Serves until the other side closes.
pub(crate) fn serve(stream: UnixStream, methods: &BTreeMap<String, Bound>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        (&mut reader).take(REQUEST_BYTES_MAX).read_until(END, &mut bytes)?;
        if bytes.pop() != Some(END) {
            return Ok(());
        }
        if let Some(answer) = answer(&bytes, methods) {
            let mut text = answer.to_string().into_bytes();
            text.push(END);
            writer.write_all(&text)?;
        }
    }
}

/// What is answered to a message; nothing to a notification.
fn answer(bytes: &[u8], methods: &BTreeMap<String, Bound>) -> Option<Value> {
    let request: Request = match serde_json::from_slice(bytes) {
        Ok(request) => request,
        Err(error) => {
            let error = Failure::new(-32700, format!("parse error: {error}"));
            return Some(json!({"jsonrpc": "2.0", "id": null, "error": error}));
        }
    };
    let result = run(&request.method, request.params, methods);
    let id = request.id?;
    Some(match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
    })
}

fn run(method: &str, params: Value, methods: &BTreeMap<String, Bound>) -> Result<Value, Failure> {
    match methods.get(method) {
        Some(bound) => (bound.run)(named(params)),
        None if method == "ping" => Ok(json!({})),
        None => Err(Failure::new(-32601, format!("there is no method {method}"))),
    }
}

/// Parameters by name; a list with one object is that object, as clients of the older dialect send it.
fn named(params: Value) -> Value {
    match params {
        Value::Null => json!({}),
        Value::Array(list) if list.is_empty() => json!({}),
        Value::Array(mut list) if list.len() == 1 && list[0].is_object() => list.remove(0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;
    use crate::{Daemon, Method};

    #[derive(Deserialize, JsonSchema)]
    struct Pair {
        a: i64,
        b: i64,
    }

    fn methods() -> BTreeMap<String, Bound> {
        let sum = |pair: Pair| pair.a.checked_add(pair.b).ok_or_else(|| Failure::new(-32010, "too large"));
        Daemon::new("sums", "").method(Method::new("add", "Adds."), sum).methods
    }

    fn asked(text: &str) -> String {
        answer(text.as_bytes(), &methods()).map(|answer| answer.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_method_answers_by_name_and_in_a_list() {
        for params in [r#"{"a":1,"b":2}"#, r#"[{"a":1,"b":2}]"#] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":"x","method":"mcp.sums.add","params":{params}}}"#);
            assert_eq!(asked(&text), r#"{"id":"x","jsonrpc":"2.0","result":3}"#);
        }
    }

    #[test]
    fn what_cannot_be_done_says_why() {
        for (request, expected) in [
            ("x", "-32700"),
            (r#"{"id":1,"method":"mcp.sums.sub"}"#, "-32601"),
            (r#"{"id":1,"method":"mcp.sums.add","params":[1]}"#, "-32602"),
            (r#"{"id":1,"method":"mcp.sums.add","params":{"a":9223372036854775807,"b":1}}"#, "-32010"),
        ] {
            assert!(asked(request).contains(expected), "{request}: {}", asked(request));
        }
    }

    #[test]
    fn a_notification_gets_no_answer_and_a_ping_does() {
        assert_eq!(asked(r#"{"method":"mcp.sums.add","params":{"a":1,"b":2}}"#), "");
        assert!(asked(r#"{"id":1,"method":"ping"}"#).contains("result"));
    }
}
