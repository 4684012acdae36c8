//! `/api/console/conversations` and `/api/console/preferences`.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::folder::{KeepError, Kept};
use crate::answer::answer;
use crate::body;
use crate::limits::PREFERENCES_BYTES_MAX;
use crate::problem::Problem;
use crate::shared::Shared;

impl From<KeepError> for Problem {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::NoName | KeepError::TooMany => Self::invalid(error.to_string()),
            KeepError::Io(_) => Self::unavailable(error.to_string()),
        }
    }
}

/// The conversations, by their titles.
pub(crate) async fn conversations(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    let lines = blocking(&console, Kept::conversations).await?;
    let shown =
        lines.iter().map(|line| json!({"id": line.id, "title": line.title, "updated_ms": line.updated_ms}));
    Ok(answer(&json!({"conversations": shown.collect::<Vec<_>>()})))
}

/// One conversation, as it was kept.
pub(crate) async fn conversation(
    State(console): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = blocking(&console, move |kept| kept.conversation(&id)).await?;
    found.map(|found| answer(&found)).ok_or_else(|| Problem::not_found("there is no conversation of that id"))
}

/// Keeps a conversation, in place of the one of that id.
pub(crate) async fn keep_conversation(
    State(console): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let value = Value::Object(body::json::<Map<String, Value>>(request).await?);
    let kept_as = id.clone();
    blocking(&console, move |kept| kept.keep_conversation(&id, &value)).await?;
    Ok(answer(&json!({"id": kept_as})))
}

/// Forgets a conversation.
pub(crate) async fn forget_conversation(
    State(console): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let forgotten = id.clone();
    match blocking(&console, move |kept| kept.forget_conversation(&id)).await? {
        true => Ok(answer(&json!({"id": forgotten}))),
        false => Err(Problem::not_found("there is no conversation of that id")),
    }
}

/// The preferences; an empty object until some are kept.
pub(crate) async fn preferences(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    let found = blocking(&console, Kept::preferences).await?;
    Ok(answer(&found.unwrap_or_else(|| json!({}))))
}

/// Keeps the preferences.
pub(crate) async fn keep_preferences(
    State(console): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let value = Value::Object(body::json::<Map<String, Value>>(request).await?);
    if value.to_string().len() > PREFERENCES_BYTES_MAX {
        return Err(Problem::too_large(PREFERENCES_BYTES_MAX));
    }
    let shown = answer(&value);
    blocking(&console, move |kept| kept.keep_preferences(&value)).await?;
    Ok(shown)
}

/// On a thread that may block.
async fn blocking<T: Send + 'static>(
    console: &Shared,
    work: impl FnOnce(&Kept) -> Result<T, KeepError> + Send + 'static,
) -> Result<T, Problem> {
    let kept = console.kept.clone();
    match tokio::task::spawn_blocking(move || work(&kept)).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Problem::internal("the console's folder could not be reached")),
    }
}
