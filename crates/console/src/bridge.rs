//! `POST /api/console/bridge`: the lever.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use drawbridge_gateway::{BRIDGE, LOWERED, RAISED};
use drawbridge_store::{By, Store};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::answer;
use crate::body;
use crate::problem::Problem;
use crate::shared::Shared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    state: Lever,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Lever {
    Raised,
    Lowered,
}

/// Raises or lowers it, as `drawbridge raise` and `drawbridge lower` do.
pub(crate) async fn pull(State(console): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (word, act) = match body::json::<Asked>(request).await?.state {
        Lever::Raised => (RAISED, "bridge.raise"),
        Lever::Lowered => (LOWERED, "bridge.lower"),
    };
    console.store.settings().set(BRIDGE, word, act, By::now("owner", "console")).await?;
    Ok(answer(&now(&console.store)))
}

/// Where it is. Where that cannot be read, nobody passes.
pub(crate) fn now(store: &Store) -> Value {
    let word = store.settings().get(BRIDGE).unwrap_or_else(|_| Some(RAISED.to_owned()));
    json!({"state": word.as_deref().unwrap_or(LOWERED)})
}
