//! `/api/console/hosts`: the applications that can use Drawbridge, and their settings.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use drawbridge_connect::{Connection, Found, Places, Plan, detect, find, plan, plan_removal};
use drawbridge_store::{AuditRecord, By};
use serde_json::{Value, json};

use crate::answer::answer;
use crate::problem::Problem;
use crate::shared::Shared;

/// Every host that we know, as it is on this machine.
pub(crate) async fn list(State(_): State<Arc<Shared>>) -> Result<Response, Problem> {
    let hosts = blocking(|| Ok(detect(&places()?).iter().map(shown).collect::<Vec<_>>())).await?;
    Ok(answer(&json!({"hosts": hosts})))
}

fn shown(found: &Found) -> Value {
    let (connected, why) = match &found.connection {
        Connection::Yes => (Some(true), None),
        Connection::No => (Some(false), None),
        Connection::Unclear(why) => (None, Some(why)),
    };
    json!({
        "name": found.host.id, "title": found.host.title, "found": found.installed, "connected": connected,
        "why": why, "path": found.path, "how": found.host.next_step,
    })
}

/// What connecting a host would change in its settings. Nothing is written.
pub(crate) async fn show(
    State(console): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let planned = blocking(move || planned(&console, &name, false).map(|plan| changed(&plan, None))).await?;
    Ok(answer(&planned))
}

/// Connects a host.
pub(crate) async fn connect(
    State(console): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    apply(console, name, false).await
}

/// Takes our entry out of a host's settings.
pub(crate) async fn disconnect(
    State(console): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    apply(console, name, true).await
}

async fn apply(console: Arc<Shared>, name: String, remove: bool) -> Result<Response, Problem> {
    let shared = console.clone();
    let plan = blocking(move || planned(&shared, &name, remove)).await?;
    let act = if remove { "host.disconnect" } else { "host.connect" };
    let note = format!("{} in {}", plan.host.title, plan.path.display());
    console.store.audit_durable(AuditRecord::act(&By::now("owner", "console"), act, note)).await?;
    let done = blocking(move || {
        let applied = plan.apply().map_err(|error| Problem::conflict(error.to_string()))?;
        Ok(changed(&plan, applied.backup.as_deref()))
    });
    Ok(answer(&done.await?))
}

fn planned(console: &Shared, name: &str, remove: bool) -> Result<Plan, Problem> {
    let host = find(name).map_err(|error| Problem::not_found(error.to_string()))?;
    let entry = console.program.entry().map_err(Problem::internal)?;
    let places = places()?;
    let plan = if remove { plan_removal(host, &places, &entry) } else { plan(host, &places, &entry) };
    plan.map_err(|error| Problem::conflict(error.to_string()))
}

fn changed(plan: &Plan, backup: Option<&std::path::Path>) -> Value {
    json!({
        "name": plan.host.id, "path": plan.path, "is_change": plan.is_change(), "diff": plan.diff(),
        "backup": backup, "next": plan.next_step,
    })
}

fn places() -> Result<Places, Problem> {
    Places::of_this_user().map_err(|error| Problem::unavailable(error.to_string()))
}

/// On a thread that may block: it reads and writes other programs' files.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Problem::internal("the settings could not be read")))
}
