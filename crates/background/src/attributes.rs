//! What is kept with a job besides its arguments: how it came in, and how its attempts are to be run.

use std::sync::Arc;

use drawbridge_contract::{CallId, JobRequest, Origin, RawValue, TraceContext, raw};
use serde::{Deserialize, Serialize};

/// Read leniently: other programs may have submitted the job.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attributes {
    /// The call that submitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<String>,
    /// How many calls stood above that one: a job that submits itself comes to an end.
    pub(crate) depth: u8,
    /// How long one attempt may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    /// The trace to continue (W3C Trace Context).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<Box<str>>,
}

impl Attributes {
    pub(crate) fn of(request: &JobRequest) -> Self {
        Self {
            call: Some(request.call.to_string()),
            depth: request.origin.depth,
            timeout_ms: request.options.timeout_ms,
            traceparent: request.origin.trace.as_ref().map(|trace| trace.parent.clone()),
        }
    }

    pub(crate) fn write(&self) -> Box<RawValue> {
        raw(self)
    }

    pub(crate) fn read(kept: Option<&RawValue>) -> Self {
        kept.and_then(|kept| serde_json::from_str(kept.get()).ok()).unwrap_or_default()
    }

    /// How the call of an attempt comes to the door.
    pub(crate) fn origin(&self) -> Origin {
        let trace = |parent: &str| TraceContext { parent: parent.into(), state: None, baggage: None };
        Origin {
            entrance: "job",
            parent: self.call.as_deref().and_then(CallId::parse),
            depth: self.depth,
            trace: self.traceparent.as_deref().map(trace).map(Arc::new),
            ..Origin::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_what_is_strange_is_nothing() {
        let call = CallId::new();
        let kept = Attributes { call: Some(call.to_string()), depth: 2, ..Attributes::default() };
        assert_eq!(Attributes::read(Some(&kept.write())), kept);
        assert_eq!(kept.origin().parent, Some(call));
        let strange = RawValue::from_string("[1]".to_owned()).unwrap();
        assert_eq!(Attributes::read(Some(&strange)), Attributes::default());
    }
}
