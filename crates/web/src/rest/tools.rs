//! `GET /api/tools` and `GET /api/tools/{name}`: what this caller may call.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{Caller, Refusal, View};
use http::StatusCode;
use serde_json::{Value, json};

use super::result::json as respond;
use super::spec::spec;
use crate::papers::Paper;
use crate::problem::Problem;
use crate::web::Shared;

/// All tools of the caller's view, by name.
pub(crate) async fn list(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
) -> Response {
    respond(StatusCode::OK, web.papers.of(&web.handler.view(&caller), Paper::Tools, all))
}

fn all(view: &View) -> Value {
    let tools: Vec<Value> = view.tools.iter().map(|tool| spec(tool.spec())).collect();
    json!({ "tools": tools })
}

/// One tool. One that the caller may not see does not exist.
pub(crate) async fn show(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(name): Path<String>,
) -> Response {
    let view = web.handler.view(&caller);
    match view.tools.iter().find(|tool| tool.spec().name == name) {
        Some(tool) => respond(StatusCode::OK, spec(tool.spec()).to_string()),
        None => Problem::from(Refusal::NotFound { kind: "tool", name: name.into() }).into_response(),
    }
}
