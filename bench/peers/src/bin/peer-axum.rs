//! A bare axum server: it reads a `tools/call` body, parses it with `serde_json` and answers with the message in it.
//! This is the floor: what HTTP and JSON cost before there is any MCP.

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request<'a> {
    id: u64,
    #[serde(borrow)]
    params: Params<'a>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    arguments: Arguments<'a>,
}

#[derive(Deserialize)]
struct Arguments<'a> {
    message: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
struct Answer<'a> {
    jsonrpc: &'static str,
    id: u64,
    result: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    result_type: &'static str,
    content: [Text<'a>; 1],
    is_error: bool,
}

#[derive(Serialize)]
struct Text<'a> {
    r#type: &'static str,
    text: &'a str,
}

async fn echo(body: Bytes) -> Response {
    match answer(&body) {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

fn answer(body: &[u8]) -> serde_json::Result<Vec<u8>> {
    let request: Request<'_> = serde_json::from_slice(body)?;
    let text = Text { r#type: "text", text: &request.params.arguments.message };
    let result = Outcome { result_type: "complete", content: [text], is_error: false };
    serde_json::to_vec(&Answer { jsonrpc: "2.0", id: request.id, result })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    drawbridge_bench_peers::serve(Router::new().route("/mcp", post(echo))).await
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn the_answer_carries_the_id_and_the_message() {
        let body = br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"message":"a\"b"}}}"#;
        let json: serde_json::Value = serde_json::from_slice(&answer(body).unwrap()).unwrap();
        assert_eq!(json["id"], 7);
        assert_eq!(json["result"]["content"][0]["text"], "a\"b");
    }

    #[test]
    fn a_body_without_a_message_is_refused() {
        assert!(answer(br#"{"id":7,"params":{"arguments":{}}}"#).is_err());
    }
}
