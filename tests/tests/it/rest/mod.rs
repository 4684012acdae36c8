//! The routes of REST, the streams, and those of older clients, against the program as it is built.

mod beside;
mod lm_terminal;
mod page;
mod socket;
mod terminals;

use serde_json::Value;

use crate::program::{Bridge, Request, Response};

/// A home whose owner lets programs use terminals.
fn with_terminals() -> Bridge {
    Bridge::configured("[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n")
}

/// Posts JSON with this key.
fn post(bridge: &Bridge, path: &str, key: &str, body: &Value) -> Response {
    let request = Request::new("POST", path).and("Authorization", format!("Bearer {key}"));
    bridge.hub.connect().ask(&request.and("Content-Type", "application/json").body(body.to_string()))
}
