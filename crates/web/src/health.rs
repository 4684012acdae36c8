//! How the hub is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::Value;

use crate::web::Shared;

/// `ok`, or one word for what is wrong. The only answer that needs no key.
pub(crate) async fn health(State(web): State<Arc<Shared>>) -> Response {
    let health = (web.status)()["health"].as_str().unwrap_or("unknown").to_owned();
    let code = if health == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, health).into_response()
}

/// Everything.
pub(crate) async fn status(State(web): State<Arc<Shared>>) -> Json<Value> {
    Json((web.status)())
}
