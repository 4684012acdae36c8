//! `POST /api/jobs/{id}/…`: how a job goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{Answers, Caller};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::door::{call, object};
use super::looked_at;
use crate::problem::{Kind, Problem};
use crate::rest::{json as respond, json_body, no_body, origin};
use crate::web::Shared;

/// Stops it.
pub(crate) async fn cancel(
    web: State<Arc<Shared>>,
    caller: Extension<Arc<Caller>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    steer_by_id(&web, &caller, "jobs_cancel", &id, request).await
}

/// Tries it again.
pub(crate) async fn retry(
    web: State<Arc<Shared>>,
    caller: Extension<Arc<Caller>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    steer_by_id(&web, &caller, "jobs_retry", &id, request).await
}

/// Forgets it.
pub(crate) async fn discard(
    web: State<Arc<Shared>>,
    caller: Extension<Arc<Caller>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    steer_by_id(&web, &caller, "jobs_discard", &id, request).await
}

/// Gives it other arguments: the body.
pub(crate) async fn edit(
    web: State<Arc<Shared>>,
    caller: Extension<Arc<Caller>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let served = async {
        let received = json_body(request).await?;
        let arguments = object(&received.body)?;
        let arguments = json!({ "id": id, "arguments": arguments });
        Ok(steer(&web, &caller, "jobs_edit", &id, arguments, &received.headers).await)
    };
    served.await.unwrap_or_else(Problem::into_response)
}

/// Tries dead letters again: all of the caller, or those that the body names by `tool` or `queue`.
pub(crate) async fn replay(
    web: State<Arc<Shared>>,
    caller: Extension<Arc<Caller>>,
    request: Request,
) -> Response {
    let served = async {
        let received = json_body(request).await?;
        let arguments = Value::Object(object(&received.body)?);
        call(&web, &caller, "jobs_replay", arguments, &received.headers).await
    };
    served.await.unwrap_or_else(Problem::into_response)
}

async fn steer_by_id(web: &Shared, caller: &Arc<Caller>, tool: &str, id: &str, request: Request) -> Response {
    match no_body(request).await {
        Ok(headers) => steer(web, caller, tool, id, json!({ "id": id }), &headers).await,
        Err(problem) => problem.into_response(),
    }
}

/// A job that is not there is told apart from one that cannot be steered so.
async fn steer(
    web: &Shared,
    caller: &Arc<Caller>,
    tool: &str,
    id: &str,
    arguments: Value,
    headers: &HeaderMap,
) -> Response {
    let served = async {
        looked_at(web, caller)?.get(caller, id).await?;
        call(web, caller, tool, arguments, headers).await
    };
    served.await.unwrap_or_else(Problem::into_response)
}

/// What a job asked for. For programs that show it to a person: it can hold the owner's yes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    responses: BTreeMap<String, Value>,
}

/// Answers what it asks.
pub(crate) async fn answer(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let served = async {
        let received = json_body(request).await?;
        if !origin(&received.headers)?.host.abilities.elicit_form {
            let why = "only a program that can ask its person answers jobs: say `Drawbridge-Can-Ask: form`";
            return Err(Problem::new(Kind::InvalidRequest, why));
        }
        let invalid = |why: String| Problem::new(Kind::InvalidRequest, why);
        let given: Given = serde_json::from_value(Value::Object(object(&received.body)?))
            .map_err(|error| invalid(format!("this is no answer: {error}")))?;
        let answers = Answers { responses: given.responses, state: None };
        let job = looked_at(&web, &caller)?.answer(&caller, &id, answers).await?;
        Ok(respond(StatusCode::OK, json!({ "job": job }).to_string()))
    };
    served.await.unwrap_or_else(Problem::into_response)
}
