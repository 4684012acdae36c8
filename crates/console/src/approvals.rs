//! `GET /api/console/approvals` and `POST /api/console/approvals/{id}`: what waits for the owner's decision.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use drawbridge_store::{Approval, By, Grant, Store, StoreError, now_us};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::answer;
use crate::body;
use crate::preview::preview;
use crate::problem::Problem;
use crate::shared::Shared;

/// What "for an hour" means, in microseconds.
const HOUR_US: i64 = 60 * 60 * 1_000_000;

/// What waits, oldest first.
pub(crate) async fn list(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    Ok(answer(&json!({"approvals": waiting(&console.store)?})))
}

/// Everything that waits, as the console shows it.
pub(crate) fn waiting(store: &Store) -> Result<Vec<Value>, StoreError> {
    Ok(store.approvals().list(false, now_us())?.iter().map(shown).collect())
}

fn shown(approval: &Approval) -> Value {
    // What the caller sent is shown as it was masked; a cut of it may be no JSON any more.
    let arguments =
        serde_json::from_str(&approval.shown).unwrap_or_else(|_| Value::String(approval.shown.clone()));
    json!({
        "id": approval.id, "caller": approval.caller, "tool": approval.tool, "why": approval.why,
        "preview": preview(&arguments), "arguments": arguments, "state": approval.state,
        "asked_at_ms": approval.created_us / 1000, "expires_at_ms": approval.expires_us / 1000,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    decision: Decision,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    AllowOnce,
    AllowHour,
    Deny,
}

/// Decides. The caller makes the same call again, or its job goes on by itself.
pub(crate) async fn decide(
    State(console): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let decision = body::json::<Decided>(request).await?.decision;
    let (approvals, by) = (console.store.approvals(), By::now("owner", "console"));
    let decided = match decision {
        Decision::Deny => approvals.deny(&id, by).await?,
        Decision::AllowOnce => approvals.approve(&id, Grant::Once, by).await?,
        Decision::AllowHour => {
            let until_us = by.time_us + HOUR_US;
            approvals.approve(&id, Grant::Until(until_us), by).await?
        }
    };
    Ok(answer(&shown(&decided)))
}
