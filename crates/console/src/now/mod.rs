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
use charts::server_of;

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
        "approvals": approvals::waiting(&console).await?, "jobs": status["jobs"], "status": status,
        "servers": servers(&console, &caller, &charts["broken"]), "engine": engine(&status["jobs"]), "providers": console.program.providers(),
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

/// The servers that serve tools now, by the names that their tools begin with. One whose last call broke off is failing.
fn servers(console: &Shared, caller: &Caller, broken: &Value) -> Vec<Value> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for tool in &console.handler.view(caller).tools {
        *counts.entry(server_of(&tool.spec().name).to_owned()).or_default() += 1;
    }
    counts.into_iter().map(|(name, tools)| server(&name, tools, &broken[&name])).collect()
}

fn server(name: &str, tools: usize, broken: &Value) -> Value {
    let health = if broken.is_null() { "ok" } else { "failing" };
    json!({"name": name, "tools": tools, "health": health, "broken": broken})
}

/// What keeps the jobs, and how it is.
fn engine(jobs: &Value) -> Value {
    let health = match (jobs, &jobs["failing"]) {
        (Value::Null, _) => "starting",
        (_, Value::Null) => "ok",
        _ => "failing",
    };
    json!({"name": jobs["engine"], "health": health, "detail": jobs["failing"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_and_the_jobs_engine_say_how_they_are() {
        assert_eq!(server("files", 3, &Value::Null)["health"], "ok");
        let failing = server("files", 3, &json!("files_read"));
        assert_eq!((&failing["health"], &failing["broken"]), (&json!("failing"), &json!("files_read")));
        assert_eq!(engine(&Value::Null)["health"], "starting");
        assert_eq!(engine(&json!({"engine": "redis"}))["health"], "ok");
        let failing = engine(&json!({"engine": "redis", "failing": "refused"}));
        assert_eq!(failing, json!({"name": "redis", "health": "failing", "detail": "refused"}));
    }
}
