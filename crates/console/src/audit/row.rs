//! One record, as the console shows it.

use drawbridge_store::{AuditDecision, AuditEntry, AuditOutcome};
use serde::Serialize;

/// A record of the audit. Texts are as they were recorded: masked, and for people to read as text.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    seq: i64,
    at_ms: i64,
    call: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    caller: &'a str,
    entrance: &'a str,
    /// A tool's name, or what else was called or done.
    tool: &'a str,
    phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_bytes: Option<i64>,
    /// JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a str>,
    /// An error's message, or what an act changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// A record as the console shows it.
pub(crate) fn row(entry: &AuditEntry) -> Row<'_> {
    let record = &entry.record;
    Row {
        seq: entry.seq,
        at_ms: record.time_us / 1000,
        call: &record.call,
        parent: record.parent.as_deref(),
        caller: &record.caller,
        entrance: &record.entrance,
        tool: &record.target,
        phase: record.phase.as_str(),
        decision: record.decision.map(AuditDecision::as_str),
        why: record.why.as_deref(),
        outcome: record.outcome.map(AuditOutcome::as_str),
        duration_us: record.duration_us,
        result_bytes: record.result_bytes,
        arguments: record.arguments.as_deref(),
        note: record.note.as_deref(),
    }
}
