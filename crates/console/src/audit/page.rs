//! `GET /api/console/audit` and `GET /api/console/audit/chain`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use drawbridge_store::{AuditFilter, AuditOutcome, AuditPhase, Problem as Fault};
use serde::Deserialize;
use serde_json::json;

use super::{read, row};
use crate::answer::answer;
use crate::limits::AUDIT_PAGE_MAX;
use crate::problem::Problem;
use crate::shared::Shared;

/// What a page is asked for. Everything that is given must fit.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    caller: Option<String>,
    /// A pattern: `*` any text, `?` any letter.
    tool: Option<String>,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
    /// How a call ended, or `refused`.
    outcome: Option<String>,
    /// Older than this record.
    before: Option<i64>,
    limit: Option<usize>,
}

/// How many records a page has where nobody says.
const LIMIT: usize = 200;

/// The newest records that fit, newest first.
pub(crate) async fn page(
    State(console): State<Arc<Shared>>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|error| Problem::invalid(error.body_text()))?;
    let limit = asked.limit.unwrap_or(LIMIT).clamp(1, AUDIT_PAGE_MAX);
    let filter = filter_of(asked)?;
    let entries = read(&console.store, move |store| store.audit_page(&filter, limit)).await?;
    let more = entries.len() == limit;
    Ok(answer(&json!({"rows": entries.iter().map(row).collect::<Vec<_>>(), "more": more})))
}

fn filter_of(asked: Asked) -> Result<AuditFilter, Problem> {
    let (phase, outcome) = match asked.outcome.as_deref() {
        None | Some("") => (None, None),
        Some("refused") => (Some(AuditPhase::Refused), None),
        Some("act") => (Some(AuditPhase::Act), None),
        Some(word) => {
            let known = AuditOutcome::ALL.iter().copied().find(|outcome| outcome.as_str() == word);
            let outcome = known.ok_or_else(|| Problem::invalid(format!("no call ends with {word:?}")))?;
            (None, Some(outcome))
        }
    };
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(AuditFilter {
        caller: given(asked.caller),
        target: given(asked.tool),
        since_us: asked.from_ms.map(|ms| ms.saturating_mul(1000)),
        until_us: asked.to_ms.map(|ms| ms.saturating_mul(1000)),
        phase,
        outcome,
        before_seq: asked.before,
        ..AuditFilter::default()
    })
}

/// Whether every record is as it was written.
pub(crate) async fn chain(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    console.store.flush().await?;
    let report = read(&console.store, |store| store.audit_verify(None)).await?;
    let state = if report.is_whole() { "whole" } else { "broken" };
    let (broken_at, why) = match &report.bad {
        Some(bad) => (Some(bad.seq), Some(words(bad.problem))),
        None if report.alarms > 0 => (None, Some("its end was found removed")),
        None => (None, None),
    };
    Ok(answer(&json!({"state": state, "rows": report.records, "broken_at": broken_at, "why": why})))
}

/// What is wrong with a record, in words.
fn words(problem: Fault) -> &'static str {
    match problem {
        Fault::Altered => "it is not what was written",
        Fault::Missing => "it was removed",
        Fault::Inserted => "it was put in",
        Fault::StartRemoved => "the records before it were removed",
        Fault::EndRemoved => "it was removed or replaced, with what came after",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_words_of_the_audit_or_refused() {
        let asked = |outcome: &str| Asked { outcome: Some(outcome.to_owned()), ..Asked::default() };
        assert_eq!(filter_of(asked("ok")).unwrap().outcome, Some(AuditOutcome::Ok));
        assert_eq!(filter_of(asked("refused")).unwrap().phase, Some(AuditPhase::Refused));
        assert_eq!(filter_of(asked("")).unwrap(), AuditFilter::default());
        assert!(filter_of(asked("fine")).is_err());
        let far = Asked { from_ms: Some(i64::MAX), ..Asked::default() };
        assert_eq!(filter_of(far).unwrap().since_us, Some(i64::MAX));
    }
}
