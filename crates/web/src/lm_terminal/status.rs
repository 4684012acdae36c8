//! `GET /status`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use drawbridge_contract::Caller;
use http::StatusCode;
use serde_json::{Value, json};

use super::tools::{DEFAULT_TIMEOUT, RUN};
use crate::rest;
use crate::web::Shared;

/// What is there for this caller. Language models are no part of these routes, so none is said to be connected.
pub(crate) async fn status(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
) -> Response {
    let has_terminal = web.handler.view(&caller).tools.iter().any(|tool| tool.spec().name == RUN);
    let body = json!({
        "status": "online",
        "lm_studio": { "connected": false, "host": "", "model": "", "available": false },
        "terminal": {
            "status": if has_terminal { "available" } else { "unavailable" },
            "timeout": format!("{}s", DEFAULT_TIMEOUT.as_secs()),
        },
        "version": env!("CARGO_PKG_VERSION"),
    });
    rest::json(StatusCode::OK, body.to_string())
}

/// The answer, for the OpenAPI document.
pub(crate) fn schema() -> Value {
    let text = json!({ "type": "string" });
    let yes = json!({ "type": "boolean" });
    json!({
        "type": "object",
        "properties": {
            "status": text,
            "lm_studio": {
                "type": "object",
                "properties": { "connected": yes, "host": text, "model": text, "available": yes },
            },
            "terminal": { "type": "object", "properties": { "status": text, "timeout": text } },
            "version": text,
        },
        "required": ["status", "lm_studio", "terminal", "version"],
    })
}
