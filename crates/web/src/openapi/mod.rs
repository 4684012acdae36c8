//! `GET /openapi.json`: OpenAPI 3.1, from the table of routes and from what the caller sees. Good enough to be pasted
//! into the importers of model hosts: every tool is an operation of its own, with its schemas in place.

pub(crate) mod beside;
mod document;
pub(crate) mod operation;
mod schema;

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{Caller, ToolSpec};
use http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::Value;

use crate::exchange;
use crate::papers::Paper;
use crate::problem::{Kind, Problem};
use crate::rest;
use crate::web::Shared;

/// How the document tells of a route.
pub(crate) enum Described {
    /// As one operation.
    Once(fn() -> Value),
    /// As one operation for each tool, at the tool's own path.
    ForEachTool(fn(&ToolSpec, &str) -> Value),
}

/// What the document can be asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// The address to write into `servers`, for importers that know only the text.
    server: Option<String>,
}

/// Serves the document.
pub(crate) async fn serve(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let view = web.handler.view(&caller);
    let exchanges = exchange::described(&web.handler);
    match asked
        .map_err(|why| Problem::new(Kind::InvalidRequest, why.body_text()))
        .and_then(|Query(asked)| server(asked))
    {
        Ok(None) => rest::json(
            StatusCode::OK,
            web.papers.of(&view, Paper::OpenApi, |view| document::of(view, &exchanges, "/")),
        ),
        Ok(Some(url)) => rest::json(StatusCode::OK, document::of(&view, &exchanges, &url).to_string()),
        Err(problem) => problem.into_response(),
    }
}

fn server(asked: Asked) -> Result<Option<String>, Problem> {
    let Some(url) = asked.server else { return Ok(None) };
    let uri = url.parse::<Uri>().ok();
    let is_web = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    };
    if uri.is_some_and(|uri| is_web(&uri)) { Ok(Some(url)) } else { Err(bad_server()) }
}

fn bad_server() -> Problem {
    Problem::new(
        Kind::InvalidRequest,
        "`server` must be where clients reach this hub, such as https://bridge.example.org",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_web_address() {
        let server = |url: &str| server(Asked { server: Some(url.to_owned()) });
        for good in ["https://bridge.example.org", "http://box.lan:4747", "https://example.org/bridge"] {
            assert!(server(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "bridge.example.org", "javascript:alert(1)", "https://x/?key=1", "ftp://x"] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }
}
