//! `/api/schedules…`: jobs again and again.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::Caller;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;

use super::shelf::Shelf;
use crate::problem::{Kind, Problem};
use crate::web::Shared;

/// The schedules of a hub.
pub(crate) const SCHEDULES: &Shelf = &Shelf {
    one: "schedule",
    all: "schedules",
    list: "schedules_list",
    add: "schedules_add",
    show: Some("schedules_show"),
    which: "name",
    known_by: &["id", "name"],
    unlisted: None,
};

/// How many times are asked for.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wanted {
    count: Option<u64>,
}

/// Its next times.
pub(crate) async fn next(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(id): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let served = async {
        let Query(Wanted { count }) =
            wanted.map_err(|why| Problem::new(Kind::InvalidRequest, why.body_text()))?;
        let arguments = count.map_or_else(|| json!({}), |count| json!({ "count": count }));
        SCHEDULES.ask_about(&web, &caller, "schedules_next", &id, arguments, &headers).await
    };
    served.await.unwrap_or_else(Problem::into_response)
}
