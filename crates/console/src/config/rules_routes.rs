//! `/api/console/rules`: what is allowed, asked and denied, and what a change of it would do.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use drawbridge_gateway::RuleSettings;
use serde::Deserialize;
use serde_json::{Value, json};

use super::effects::{differences, shown};
use super::file;
use super::rules::with_rules;
use crate::answer::answer;
use crate::body;
use crate::limits::RULES_MAX;
use crate::problem::Problem;
use crate::shared::Shared;

/// The rules in the file, and what they say of each caller and tool there is.
pub(crate) async fn list(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    let rules =
        console.program.read_config(&file::read(&console)?).map_err(|faults| file::at_fault(&faults))?;
    let effects = console.program.effects(None).map_err(Problem::invalid)?;
    let effects: Vec<Value> = effects.iter().map(shown).collect();
    Ok(answer(&json!({"rules": rules, "effects": effects})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    rules: Vec<RuleSettings>,
}

async fn wanted(request: Request) -> Result<Vec<RuleSettings>, Problem> {
    let Wanted { rules } = body::json(request).await?;
    if rules.len() > RULES_MAX {
        return Err(Problem::invalid(format!("there are more than {RULES_MAX} rules")));
    }
    Ok(rules)
}

/// Who could do what, that cannot now, and the reverse. Nothing is written.
pub(crate) async fn preview(
    State(console): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let rules = wanted(request).await?;
    Ok(answer(&json!({"changes": changes(&console, &rules)?})))
}

/// What differs between the rules that hold and these.
pub(super) fn changes(console: &Shared, rules: &[RuleSettings]) -> Result<Vec<Value>, Problem> {
    let before = console.program.effects(None).map_err(Problem::invalid)?;
    let after = console.program.effects(Some(rules)).map_err(Problem::invalid)?;
    Ok(differences(&before, &after))
}

/// Writes these rules in place of those there are. They hold at once.
pub(crate) async fn replace(
    State(console): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let rules = wanted(request).await?;
    let change =
        |text: &str, _| with_rules(text, &rules).map_err(|error| Problem::invalid(error.to_string()));
    let written = file::write_rules(&console, change).await?;
    Ok(answer(&json!({"rules": written.rules})))
}
