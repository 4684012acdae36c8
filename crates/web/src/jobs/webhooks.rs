//! `/api/webhooks…`: who is told what becomes of jobs.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{Caller, DeliveryQuery, raw};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::door::{answer, ask, call, object};
use super::shelf::Shelf;
use crate::problem::{Kind, Problem};
use crate::rest::{json_body, no_body};
use crate::web::Shared;

/// The receivers of a hub.
pub(crate) const WEBHOOKS: &Shelf = &Shelf {
    one: "webhook",
    all: "webhooks",
    list: "webhooks_list",
    add: "webhooks_add",
    show: None,
    which: "id",
    known_by: &["id"],
    // What signs the callbacks of the caller's jobs.
    unlisted: Some("callback"),
};

type Wanted = Result<Query<DeliveryQuery>, QueryRejection>;

/// What was sent, to whomever of the caller's.
pub(crate) async fn deliveries(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    wanted: Wanted,
    headers: HeaderMap,
) -> Response {
    let served = async { call(&web, &caller, "webhooks_log", arguments(wanted, None)?, &headers).await };
    served.await.unwrap_or_else(Problem::into_response)
}

/// What was sent to one.
pub(crate) async fn deliveries_of(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(id): Path<String>,
    wanted: Wanted,
    headers: HeaderMap,
) -> Response {
    let served = async {
        WEBHOOKS.find(&web, &caller, &id, &headers).await?;
        call(&web, &caller, "webhooks_log", arguments(wanted, Some(id))?, &headers).await
    };
    served.await.unwrap_or_else(Problem::into_response)
}

/// What is asked for, as the tool reads it: without what was not said.
fn arguments(wanted: Wanted, id: Option<String>) -> Result<Value, Problem> {
    let Query(query) = wanted.map_err(|why| Problem::new(Kind::InvalidRequest, why.body_text()))?;
    let query = DeliveryQuery { id: id.map(Into::into).or(query.id), ..query };
    let mut said: Value = serde_json::from_str(raw(&query).get()).unwrap_or_default();
    if let Some(members) = said.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    Ok(said)
}

/// Sends one again.
pub(crate) async fn redeliver(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let served = async {
        let headers = no_body(request).await?;
        let sent = ask(&web, &caller, "webhooks_redeliver", json!({ "delivery": id }), &headers).await?;
        match sent.is_error {
            true => Err(Problem::new(Kind::NotFound, sent.content.plain_text())),
            false => Ok(answer(StatusCode::OK, &sent)),
        }
    };
    served.await.unwrap_or_else(Problem::into_response)
}

/// Gives one a new secret: the body is the tool's other arguments.
pub(crate) async fn rotate(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let served = async {
        let received = json_body(request).await?;
        let arguments = Value::Object(object(&received.body)?);
        WEBHOOKS.ask_about(&web, &caller, "webhooks_rotate", &id, arguments, &received.headers).await
    };
    served.await.unwrap_or_else(Problem::into_response)
}
