//! `GET /api/console/approvals` and `POST /api/console/approvals/{id}`: what waits for the owner's decision.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use drawbridge_gateway::Decision::Allow;
use drawbridge_gateway::RuleSettings;
use drawbridge_store::{Approval, ApprovalState, By, Grant, StoreError, now_us};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::answer;
use crate::chain::Chains;
use crate::config::{with_first, write_rules};
use crate::preview::preview;
use crate::problem::Problem;
use crate::shared::Shared;
use crate::{audit, body};

/// What "for an hour" means, in microseconds.
const HOUR_US: i64 = 60 * 60 * 1_000_000;

/// What waits, oldest first.
pub(crate) async fn list(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    // The calls above are shown as far as they are written down.
    console.store.flush().await?;
    Ok(answer(&json!({"approvals": waiting(&console).await?})))
}

/// Everything that waits, as the console shows it.
pub(crate) async fn waiting(console: &Shared) -> Result<Vec<Value>, Problem> {
    let program = console.program.clone();
    audit::read(&console.store, move |store| {
        let ongoing = |call: &str| program.ongoing(call);
        let mut chains = Chains::open(&store, &ongoing)?;
        store.approvals().list(false, now_us())?.iter().map(|one| in_chain(one, &mut chains)).collect()
    })
    .await
}

fn in_chain(approval: &Approval, chains: &mut Chains<'_>) -> Result<Value, StoreError> {
    let mut told = shown(approval);
    told["chain"] = json!(chains.of(approval)?);
    Ok(told)
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
    /// From now on without asking: a rule for this tool and this caller, before all others.
    AllowAlways,
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
        Decision::AllowAlways => return allow_always(&console, &id, by).await,
        Decision::AllowHour => {
            let until_us = by.time_us + HOUR_US;
            approvals.approve(&id, Grant::Until(until_us), by).await?
        }
    };
    Ok(answer(&shown(&decided)))
}

/// Writes the rule, and allows what waits. The answer shows the rule.
async fn allow_always(console: &Shared, id: &str, by: By) -> Result<Response, Problem> {
    let approval = console.store.approvals().get(id, by.time_us)?;
    if approval.state != ApprovalState::Pending {
        return Err(Problem::conflict(format!(
            "this waits for no decision any more: it is {}",
            approval.state
        )));
    }
    let rule = rule_for(&approval)?;
    let first = |text: &str, _| with_first(text, &rule).map_err(|error| Problem::invalid(error.to_string()));
    write_rules(console, first).await?;
    let decided = console.store.approvals().approve(&approval.id, Grant::Once, by).await?;
    let mut answered = shown(&decided);
    answered["rule"] = json!(rule);
    Ok(answer(&answered))
}

/// A rule that allows this caller this tool, and nobody anything else.
fn rule_for(approval: &Approval) -> Result<RuleSettings, Problem> {
    let is_tool = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if approval.tool.is_empty() || !approval.tool.bytes().all(is_tool) {
        return Err(Problem::invalid("only a tool can be allowed for good: this is another kind of call"));
    }
    let callers = Some(vec![escaped(&approval.caller)]);
    Ok(RuleSettings { tools: vec![approval.tool.clone()], when: None, callers, then: Allow })
}

/// A caller's id as a pattern that fits it alone: the owner chose the name, and it may hold anything.
fn escaped(id: &str) -> String {
    let escape = |letter: char| match letter {
        '*' | '?' | '[' | ']' | '{' | '}' => format!("[{letter}]"),
        '\\' => "\\\\".to_owned(),
        other => other.to_string(),
    };
    id.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use drawbridge_gateway::Patterns;

    use super::*;

    #[test]
    fn a_rule_for_good_fits_one_caller_and_no_other() {
        for name in ["key:laptop", "key:*", "key:[ab]", "key:{a,b}", "key:a?", "key:\\*", "key:!]", "key:é"]
        {
            let patterns = Patterns::compile([escaped(name).as_str()]).unwrap();
            assert!(patterns.matches(name), "{name}");
            for other in ["key:a", "key:laptop2", "owner", "key:", "key:ab"] {
                assert!(!patterns.matches(other), "{name} {other}");
            }
        }
    }
}
