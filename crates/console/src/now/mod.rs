//! `GET /api/console/now`: what goes on, at a glance.

mod charts;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use drawbridge_contract::Caller;
use drawbridge_store::{StoreError, now_us};
use serde_json::{Value, json};

pub(crate) use charts::Charts;

use crate::answer::answer;
use crate::problem::Problem;
use crate::shared::Shared;
use crate::{approvals, bridge};

/// Everything that the first page shows.
pub(crate) async fn now(
    State(console): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
) -> Result<Response, Problem> {
    let status = console.program.status();
    let shared = console.clone();
    let charts = tokio::task::spawn_blocking(move || look(&shared)).await;
    let charts = charts.map_err(|_| Problem::internal("the charts could not be drawn"))??;
    let up_ms = status["up_seconds"].as_i64().unwrap_or(0) * 1000;
    Ok(answer(&json!({
        "bridge": bridge::now(&console.store)["state"], "version": status["version"], "health": status["health"],
        "started_at_ms": now_us() / 1000 - up_ms, "seq": console.store.audit_head()?.seq,
        "connections": charts["callers"], "charts": charts["charts"],
        "approvals": approvals::waiting(&console.store)?, "jobs": status["jobs"], "status": status,
        "servers": servers(&console, &caller), "providers": console.program.providers(),
        "daemons": status["daemons"]["daemons"],
    })))
}

/// The last hour, from the audit and from the books of language models.
fn look(console: &Shared) -> Result<Value, StoreError> {
    let mut told = console.charts().look(&console.store, now_us())?;
    let tokens = console.program.tokens_of_the_hour();
    let minutes = told["charts"]["minute_ms"].as_array().cloned().unwrap_or_default();
    let used = |minute: &Value| tokens.iter().find(|(number, ..)| minute.as_i64() == Some(number * 60_000));
    let (inward, outward): (Vec<u64>, Vec<u64>) = minutes
        .iter()
        .map(|minute| used(minute).map_or((0, 0), |(_, inward, outward)| (*inward, *outward)))
        .unzip();
    told["charts"]["tokens_in"] = json!(inward);
    told["charts"]["tokens_out"] = json!(outward);
    Ok(told)
}

/// `GET /api/console/providers`.
pub(crate) async fn providers(State(console): State<Arc<Shared>>) -> Response {
    answer(&json!({"providers": console.program.providers()}))
}

/// The servers that serve tools now, by the names that their tools begin with.
fn servers(console: &Shared, caller: &Caller) -> Vec<Value> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for tool in &console.handler.view(caller).tools {
        let name = tool.spec().name.split('_').next().unwrap_or_default().to_owned();
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().map(|(name, tools)| json!({"name": name, "tools": tools})).collect()
}
