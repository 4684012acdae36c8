//! The routes that are not MCP: health and status.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::Value;

use crate::guard::{Guard, HEALTH};

/// Tells how the hub is: an object whose `health` is `ok`, or one word for what is wrong.
pub type StatusSource = Arc<dyn Fn() -> Value + Send + Sync>;

/// All routes behind the guard: ours, and those of the other entrances.
pub fn routes(guard: Guard, status: StatusSource, entrances: Router) -> Router {
    Router::new()
        .route(HEALTH, get(health))
        .route("/api/status", get(whole_status))
        .with_state(status)
        .merge(entrances)
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here; MCP is at /mcp\n") })
        .layer(from_fn_with_state(guard, Guard::check))
}

async fn health(State(status): State<StatusSource>) -> Response {
    let health = status()["health"].as_str().unwrap_or("unknown").to_owned();
    let code = if health == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, health).into_response()
}

async fn whole_status(State(status): State<StatusSource>) -> Json<Value> {
    Json(status())
}
