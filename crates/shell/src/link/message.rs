//! JSON-RPC as the shell speaks it: MCP of 2026-07-28, in which every request stands alone, and the older methods.

use serde_json::{Value, json};

/// The revision that the shell speaks.
const REVISION: &str = "2026-07-28";

/// Why there is no result.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    /// The hub says no.
    #[error("{message}")]
    Refused {
        /// The code of JSON-RPC.
        code: i64,
        message: String,
    },
    /// The way broke while the answer was awaited.
    #[error("the hub went away before its answer came: what was asked may be done or not")]
    Lost,
    /// There is no way to the hub.
    #[error("{0}")]
    Away(String),
}

/// A request's text. Old methods (`mcp.fs.list`) carry nothing but their parameters.
pub(crate) fn request(id: u64, method: &str, mut params: Value) -> String {
    if !is_old(method) {
        let mut capabilities = json!({"elicitation": {"form": {}, "url": {}}});
        if method.starts_with("tasks/") {
            // Said with these alone: a call of ours is to give its answer, and not a task.
            capabilities["extensions"] = json!({"io.modelcontextprotocol/tasks": {}});
        }
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientInfo": {"name": "drawbridge-shell", "version": env!("CARGO_PKG_VERSION")},
            "io.modelcontextprotocol/clientCapabilities": capabilities,
            "progressToken": id,
        });
    }
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// Whether a method is of the older dialect: those have dots.
pub(crate) fn is_old(method: &str) -> bool {
    method.contains('.')
}

/// What ends a request that nobody waits for any more.
pub(crate) fn cancelled(id: u64) -> String {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}).to_string()
}

/// What a message of the hub is about.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// Progress of a request: `progress`, `total`, `message`.
    Progress(u64, Value),
    /// A piece of an answer that is still written (older dialect).
    Chunk(u64, Value),
    /// An answer: a result, or an error with its code.
    Answer(u64, Result<Value, (i64, String)>),
    /// Nothing for us.
    Other,
}

/// Reads a message of the hub. What is not understood is passed over.
pub(crate) fn hear(text: &str) -> Heard {
    let mut message: Value = serde_json::from_str(text).unwrap_or_default();
    if message["method"] == "notifications/progress" {
        let token = message["params"]["progressToken"].as_u64();
        return token.map_or(Heard::Other, |id| Heard::Progress(id, message["params"].take()));
    }
    let Some(id) = message["id"].as_u64().filter(|_| message["method"].is_null()) else {
        return Heard::Other;
    };
    if let Some(error) = message.get("error") {
        let said = error["message"].as_str().unwrap_or("the hub refused, and did not say why").to_owned();
        return Heard::Answer(id, Err((error["code"].as_i64().unwrap_or_default(), said)));
    }
    let mut result = message["result"].take();
    match result["type"].as_str() {
        Some("llm_chunk") => Heard::Chunk(id, result["content"].take()),
        _ => Heard::Answer(id, Ok(result)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_either_dialect() {
        let modern: Value = serde_json::from_str(&request(7, "tools/call", json!({"name": "x"}))).unwrap();
        assert_eq!(modern["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], REVISION);
        assert_eq!(modern["params"]["_meta"]["progressToken"], 7);
        let old: Value = serde_json::from_str(&request(8, "mcp.fs.list", json!(["/"]))).unwrap();
        assert_eq!(old, json!({"jsonrpc": "2.0", "id": 8, "method": "mcp.fs.list", "params": ["/"]}));
    }

    #[test]
    fn whatever_the_hub_says_is_heard_or_passed_over() {
        let progress = r#"{"method": "notifications/progress", "params": {"progressToken": 3, "progress": 1, "message": "x"}}"#;
        assert!(matches!(hear(progress), Heard::Progress(3, params) if params["message"] == "x"));
        let chunk = r#"{"id": 3, "result": {"type": "llm_chunk", "content": {"choices": []}}}"#;
        assert_eq!(hear(chunk), Heard::Chunk(3, json!({"choices": []})));
        assert_eq!(hear(r#"{"id": 3, "result": [1]}"#), Heard::Answer(3, Ok(json!([1]))));
        let refused = hear(r#"{"id": 3, "error": {"code": -32601, "message": "no"}}"#);
        assert_eq!(refused, Heard::Answer(3, Err((-32601, "no".to_owned()))));
        for other in ["", "{", "[]", r#"{"id": 3, "method": "ping"}"#, r#"{"id": null, "error": {}}"#] {
            assert_eq!(hear(other), Heard::Other, "{other}");
        }
    }
}
