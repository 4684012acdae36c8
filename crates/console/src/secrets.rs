//! `/api/console/secrets`: keys of services, that can be written here and never read.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use drawbridge_store::{AuditRecord, By};
use serde::Deserialize;
use serde_json::json;

use crate::answer::answer;
use crate::body;
use crate::problem::Problem;
use crate::shared::Shared;

/// Their names.
pub(crate) async fn list(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    let names = with_program(&console, |console| console.program.secrets()).await?;
    Ok(answer(&json!({"secrets": names})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    value: String,
}

/// Keeps a secret, in place of the one of that name.
pub(crate) async fn keep(
    State(console): State<Arc<Shared>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let Wanted { value } = body::json(request).await?;
    record(&console, "secret.set", &name).await?;
    let kept = name.clone();
    with_program(&console, move |console| console.program.keep_secret(&kept, Some(value.trim()))).await?;
    Ok(answer(&json!({"name": name})))
}

/// Forgets a secret.
pub(crate) async fn forget(
    State(console): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    record(&console, "secret.remove", &name).await?;
    let forgotten = name.clone();
    match with_program(&console, move |console| console.program.keep_secret(&forgotten, None)).await? {
        true => Ok(answer(&json!({"name": name}))),
        false => Err(Problem::not_found("there is no secret of that name")),
    }
}

async fn record(console: &Shared, act: &'static str, name: &str) -> Result<(), Problem> {
    let by = By::now("owner", "console");
    console.store.audit_durable(AuditRecord::act(&by, act, format!("the secret {name:.80}"))).await?;
    Ok(())
}

/// Has the program read or write, on a thread that may block.
async fn with_program<T: Send + 'static>(
    console: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<T, String> + Send + 'static,
) -> Result<T, Problem> {
    let console = console.clone();
    match tokio::task::spawn_blocking(move || work(&console)).await {
        Ok(done) => done.map_err(Problem::invalid),
        Err(_) => Err(Problem::internal("the secrets could not be reached")),
    }
}
