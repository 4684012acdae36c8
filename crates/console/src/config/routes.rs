//! `/api/console/config`: the text of the configuration.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use similar::TextDiff;

use super::file;
use super::rules_routes::changes;
use crate::answer::answer;
use crate::body;
use crate::problem::Problem;
use crate::shared::Shared;

/// How many unchanged lines a diff shows around a change.
pub(super) const CONTEXT_LINES: usize = 3;

/// The text as it is, and what is wrong with it.
pub(crate) async fn show(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    let text = file::read(&console)?;
    let checked = console.program.read_config(&text).err().unwrap_or_default();
    Ok(answer(&json!({"path": console.program.config_path(), "text": text, "checked": checked})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Looked {
    text: String,
}

/// What a text would change: its lines, and who may do what. Nothing is written.
pub(crate) async fn preview(
    State(console): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let Looked { text } = body::json(request).await?;
    let was = file::read(&console)?;
    let diff = TextDiff::from_lines(&was, &text);
    let diff = diff.unified_diff().context_radius(CONTEXT_LINES).to_string();
    let (errors, changes) = match console.program.read_config(&text) {
        Ok(rules) => (Vec::new(), changes(&console, &rules)?),
        Err(faults) => (faults, Vec::new()),
    };
    Ok(answer(&json!({"errors": errors, "diff": diff, "changes": changes})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    text: String,
    /// The text that the change was made from.
    was: String,
}

/// Writes a text. Its rules hold at once; everything else, when the hub is started again.
pub(crate) async fn write(State(console): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let Wanted { text, was } = body::json(request).await?;
    let written = file::write(&console, text, &was).await?;
    Ok(answer(&json!({"text": written.text, "rules": written.rules, "restart": true})))
}
