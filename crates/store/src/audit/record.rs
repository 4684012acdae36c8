//! One record.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{By, StoreError, error::at_most, words::words};

/// The longest arguments that a record takes, in bytes of JSON text. The sender masks and cuts them.
pub const ARGUMENTS_BYTES_MAX: usize = 32 * 1024;

/// The longest record, in bytes of all its texts together.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

words! {
    /// When a record was made, seen from the effect.
    AuditPhase {
        /// Before the effect: this is about to happen.
        Intent = "intent",
        /// After the effect: this is how it went.
        Done = "done",
        /// There was no effect: the call was refused.
        Refused = "refused",
        /// Somebody changed policy or the hub itself.
        Act = "act",
    }
}

words! {
    /// What policy said.
    AuditDecision {
        /// The call may run.
        Allow = "allow",
        /// A person must approve first.
        Ask = "ask",
        /// The call may not run.
        Deny = "deny",
    }
}

words! {
    /// How a call ended.
    AuditOutcome {
        /// With a result.
        Ok = "ok",
        /// With an error of the tool.
        Error = "error",
        /// It was cancelled by its caller, or because its caller went away.
        Cancelled = "cancelled",
        /// It took longer than it may, and was stopped.
        Timeout = "timeout",
        /// It waits for an answer of a person.
        InputRequired = "input_required",
        /// It goes on as a job.
        Accepted = "accepted",
        /// Its result was larger than allowed, and was not handed out whole.
        TooLarge = "too_large",
        /// The tool's code failed; the hub lives on.
        Panicked = "panicked",
    }
}

/// One record of the audit.
///
/// Texts that repeat (caller, target, rule) are shared, so that making a record costs next to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When, in microseconds since 1970-01-01T00:00:00Z.
    pub time_us: i64,
    /// The call's id. Empty for an act that no call made.
    pub call: Arc<str>,
    /// The id of the call that made this call, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Arc<str>>,
    /// Who asked: a caller's id.
    pub caller: Arc<str>,
    /// Where it came in: `stdio`, `http`, `cli`…
    pub entrance: Cow<'static, str>,
    /// A tool's name, `resource:…`, `prompt:…`, or an act such as `bridge.raise`, `key.add`.
    pub target: Arc<str>,
    /// Before or after the effect, a refusal, or an act.
    pub phase: AuditPhase,
    /// What policy said, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<AuditDecision>,
    /// Why it said so: a rule, a limit, an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Arc<str>>,
    /// How the call ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AuditOutcome>,
    /// The arguments as JSON text, with secrets masked and long values cut. At most [`ARGUMENTS_BYTES_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// How long the call took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<i64>,
    /// How large its result was, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_bytes: Option<i64>,
    /// Anything else worth a line: an error's message, what an act changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl AuditRecord {
    /// A record of this moment with nothing optional in it.
    #[must_use]
    pub fn new(
        call: Arc<str>,
        caller: Arc<str>,
        entrance: Cow<'static, str>,
        target: Arc<str>,
        phase: AuditPhase,
    ) -> Self {
        Self {
            time_us: crate::now_us(),
            call,
            parent: None,
            caller,
            entrance,
            target,
            phase,
            decision: None,
            why: None,
            outcome: None,
            arguments: None,
            duration_us: None,
            result_bytes: None,
            note: None,
        }
    }

    /// A record of something that a person (or the hub itself) changed.
    #[must_use]
    pub fn act(by: &By, target: impl Into<Arc<str>>, note: impl Into<String>) -> Self {
        let mut record = Self::new(
            by.call.clone(),
            by.caller.clone(),
            by.entrance.clone(),
            target.into(),
            AuditPhase::Act,
        );
        record.time_us = by.time_us;
        record.note = Some(note.into());
        record
    }

    /// Refuses a record that is larger than it may be.
    pub(crate) fn check_size(&self) -> Result<(), StoreError> {
        let arguments = self.arguments.as_ref().map_or(0, String::len);
        at_most("an audit record's arguments", arguments, ARGUMENTS_BYTES_MAX)?;
        let shared = [&self.call, &self.caller, &self.target];
        let optional = [&self.parent, &self.why];
        let texts = shared.iter().map(|text| text.len()).sum::<usize>()
            + self.entrance.len()
            + optional.iter().map(|text| text.as_ref().map_or(0, |text| text.len())).sum::<usize>();
        let note = self.note.as_ref().map_or(0, String::len);
        at_most("an audit record", texts + arguments + note, RECORD_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> AuditRecord {
        AuditRecord::act(&By::now("owner", "cli"), "test", "")
    }

    #[test]
    fn size_is_bounded_at_its_edge() {
        let mut record = record();
        record.arguments = Some("x".repeat(ARGUMENTS_BYTES_MAX));
        assert!(record.check_size().is_ok());
        record.arguments = Some("x".repeat(ARGUMENTS_BYTES_MAX + 1));
        assert!(matches!(record.check_size(), Err(StoreError::TooLarge { .. })));

        record.arguments = None;
        let rest = "owner".len() + "cli".len() + "test".len();
        record.note = Some("x".repeat(RECORD_BYTES_MAX - rest));
        assert!(record.check_size().is_ok());
        record.note = Some("x".repeat(RECORD_BYTES_MAX - rest + 1));
        assert!(matches!(record.check_size(), Err(StoreError::TooLarge { .. })));
    }

    #[test]
    fn json_has_the_words_of_the_database() {
        let json = serde_json::to_value(record()).unwrap();
        assert_eq!(json["phase"], "act");
        assert_eq!(serde_json::from_value::<AuditRecord>(json).unwrap().target.as_ref(), "test");
    }
}
