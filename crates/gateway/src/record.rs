//! Writing down what happens: for what may change something before it does, for reads after, in batches.

use std::sync::Arc;
use std::time::Instant;

use drawbridge_contract::{Answer, Call, Outcome, Refusal, Target};
use drawbridge_store::{AuditDecision, AuditOutcome, AuditPhase, AuditRecord, Rejected, Store, StoreError};

use crate::mask::{cut, masked, whole};
use crate::rules::{Decision, Ruling};

/// Longer targets (URIs) are cut in the audit.
const TARGET_CHARACTERS_MAX: usize = 1_000;

/// What the audit will say of one call. Dropped before its end is known (the caller went away), it says
/// "cancelled": no call is without an end in the audit.
pub(crate) struct Recording {
    store: Store,
    begun: Instant,
    /// Taken when the end is written.
    record: Option<AuditRecord>,
}

impl Recording {
    pub(crate) fn begin(store: &Store, call: &Call) -> Self {
        let entrance = call.origin.entrance.into();
        let target = target_of(call);
        let mut record =
            AuditRecord::new(call.id.shared(), call.caller.id.clone(), entrance, target, AuditPhase::Done);
        record.parent = call.origin.parent.map(|parent| parent.shared());
        record.arguments = Some(masked(call.arguments.text(), call.arguments.value()).into_owned());
        Self { store: store.clone(), begun: Instant::now(), record: Some(record) }
    }

    /// Notes what the rules said.
    pub(crate) fn ruled(&mut self, ruling: &Ruling) {
        if let Some(record) = &mut self.record {
            record.decision = Some(decision_of(ruling.decision));
            record.why = Some(ruling.why.clone());
        }
    }

    /// Keeps the arguments whole, which are cut otherwise.
    pub(crate) fn keep_whole(&mut self, call: &Call) {
        if let Some(record) = &mut self.record {
            record.arguments = Some(whole(call.arguments.text(), call.arguments.value()).into_owned());
        }
    }

    /// Puts on disk that this is about to happen. The end then repeats neither arguments nor parent.
    pub(crate) async fn intend(&mut self) -> Result<(), Refusal> {
        let Some(record) = &mut self.record else { return Ok(()) };
        let intent = AuditRecord { phase: AuditPhase::Intent, ..record.clone() };
        record.arguments = None;
        self.store.audit_durable(intent).await.map(drop).map_err(unavailable)
    }

    /// Writes the end of a call.
    pub(crate) async fn end(mut self, result: &Result<Outcome<Answer>, Refusal>) -> Result<(), Refusal> {
        let Some(mut record) = self.record.take() else { return Ok(()) };
        record.duration_us = Some(self.begun.elapsed().as_micros().try_into().unwrap_or(i64::MAX));
        match result {
            Ok(outcome) => note_outcome(&mut record, outcome),
            Err(refusal) => note_refusal(&mut record, refusal),
        }
        match self.store.audit_batched(record) {
            Ok(()) => Ok(()),
            Err(rejected) => self.end_later(*rejected).await,
        }
    }
}

impl Recording {
    /// The queue is full: the caller waits for room, because no record is dropped.
    #[cold]
    async fn end_later(self, rejected: Rejected) -> Result<(), Refusal> {
        match rejected.error {
            StoreError::QueueFull => {
                self.store.audit_batched_wait(rejected.record).await.map_err(unavailable)
            }
            other => Err(unavailable(other)),
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        record.outcome = Some(AuditOutcome::Cancelled);
        record.duration_us = Some(self.begun.elapsed().as_micros().try_into().unwrap_or(i64::MAX));
        if let Err(rejected) = self.store.audit_batched(record) {
            tracing::error!(error = %rejected.error, "the end of a cancelled call is not in the audit");
        }
    }
}

/// The refusal when the store fails: without an audit, nothing happens.
pub(crate) fn unavailable(error: StoreError) -> Refusal {
    tracing::error!(%error, "the store failed");
    Refusal::AuditUnavailable(error.to_string())
}

fn target_of(call: &Call) -> Arc<str> {
    if let Target::Tool(name) = &call.target
        && name.len() <= TARGET_CHARACTERS_MAX
    {
        return (&**name).into();
    }
    let target = call.target.to_string();
    match target.char_indices().nth(TARGET_CHARACTERS_MAX) {
        None => target.into(),
        Some((end, _)) => format!("{}…", &target[..end]).into(),
    }
}

fn decision_of(decision: Decision) -> AuditDecision {
    match decision {
        Decision::Allow => AuditDecision::Allow,
        Decision::Ask => AuditDecision::Ask,
        Decision::Deny => AuditDecision::Deny,
    }
}

fn note_outcome(record: &mut AuditRecord, outcome: &Outcome<Answer>) {
    let (word, bytes) = match outcome {
        Outcome::Complete(Answer::Tool(result)) if result.is_error => {
            record.note = Some(cut(&result.content.plain_text()));
            (AuditOutcome::Error, Some(result.size_bytes()))
        }
        Outcome::Complete(answer) => (AuditOutcome::Ok, Some(crate::invoke::size_bytes(answer))),
        Outcome::InputRequired(_) => (AuditOutcome::InputRequired, None),
        Outcome::Accepted(_) => (AuditOutcome::Accepted, None),
    };
    record.outcome = Some(word);
    record.result_bytes = bytes.and_then(|bytes| bytes.try_into().ok());
}

/// A refusal before the effect has the phase `refused`; what went wrong after it began is an outcome.
fn note_refusal(record: &mut AuditRecord, refusal: &Refusal) {
    record.note = Some(cut(&refusal.to_string()));
    let outcome = match refusal {
        Refusal::TimedOut { .. } => AuditOutcome::Timeout,
        Refusal::Cancelled | Refusal::Stopped(_) => AuditOutcome::Cancelled,
        Refusal::TooLarge { .. } => AuditOutcome::TooLarge,
        Refusal::Internal(_) => AuditOutcome::Panicked,
        Refusal::Tool(_) => AuditOutcome::Error,
        _ => {
            record.phase = AuditPhase::Refused;
            if record.decision != Some(AuditDecision::Ask) {
                record.decision = Some(AuditDecision::Deny);
            }
            return;
        }
    };
    record.outcome = Some(outcome);
}
