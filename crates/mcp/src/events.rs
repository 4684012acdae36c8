//! What a running call tells, as notifications.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use drawbridge_contract::{Event, LogLevel, Sink};
use serde_json::Value;

use crate::encode::notification;
use crate::envelope::Id;
use crate::meta::level_name;
use crate::outbox::Outbox;
use crate::version::Version;

/// Renders a call's events and puts them into the outbox of its request.
pub(crate) struct EventSink {
    pub(crate) outbox: Arc<Outbox>,
    /// The token that the request asked to hear of progress under.
    pub(crate) progress_token: Option<Id>,
    /// Which log events it wants to hear.
    pub(crate) log: Threshold,
    pub(crate) version: Version,
}

/// Which log events are heard.
pub(crate) enum Threshold {
    /// None.
    Off,
    /// Those as grave as this, as the request said (modern).
    From(LogLevel),
    /// Those as grave as the session says now (legacy).
    Session(Arc<SessionLevel>),
}

/// The level that a legacy host set with `logging/setLevel`.
pub(crate) struct SessionLevel(AtomicU8);

impl Default for SessionLevel {
    /// Until the host says otherwise: everything but debugging.
    fn default() -> Self {
        Self(AtomicU8::new(LogLevel::Info as u8))
    }
}

impl SessionLevel {
    pub(crate) fn set(&self, level: LogLevel) {
        self.0.store(level as u8, Ordering::Relaxed);
    }
}

impl Threshold {
    fn lets(&self, level: LogLevel) -> bool {
        match self {
            Self::Off => false,
            Self::From(least) => level >= *least,
            Self::Session(least) => level as u8 >= least.0.load(Ordering::Relaxed),
        }
    }
}

impl Sink for EventSink {
    fn send(&self, event: Event) {
        let rendered = match event {
            Event::Progress { progress, total, message } => {
                self.progress(progress, total, message.as_deref())
            }
            Event::Log { level, logger, data } => self.log(level, logger.as_deref(), &data),
        };
        if let Some(message) = rendered {
            self.outbox.offer(message);
        }
    }
}

impl EventSink {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) -> Option<Bytes> {
        let token = self.progress_token.as_ref().filter(|_| progress.is_finite())?;
        let message = message.filter(|_| self.version.has_annotations());
        Some(progressed(token, progress, total, message))
    }

    fn log(&self, level: LogLevel, logger: Option<&str>, data: &Value) -> Option<Bytes> {
        self.log.lets(level).then(|| {
            notification("notifications/message", |params| {
                params.value("level", level_name(level));
                if let Some(logger) = logger {
                    params.value("logger", logger);
                }
                params.value("data", data);
            })
        })
    }
}

/// The notification of progress. `progress` is finite.
pub(crate) fn progressed(token: &Id, progress: f64, total: Option<f64>, message: Option<&str>) -> Bytes {
    notification("notifications/progress", |params| {
        params.raw("progressToken", token.as_json());
        params.value("progress", &number(progress));
        if let Some(total) = total.filter(|total| total.is_finite()) {
            params.value("total", &number(total));
        }
        if let Some(message) = message {
            params.value("message", message);
        }
    })
}

/// A whole number is written as one: some hosts read progress into integers.
fn number(value: f64) -> Value {
    /// Up to here every whole number has a double of its own.
    const EXACT_MAX: f64 = 9_007_199_254_740_991.0;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within ±2^53 fits an i64 exactly")]
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(log: Threshold, token: Option<&str>) -> EventSink {
        let progress_token = token.map(|text| {
            Id::read(&drawbridge_contract::RawValue::from_string(text.to_owned()).unwrap()).unwrap()
        });
        EventSink { outbox: Arc::default(), progress_token, log, version: Version::V2026_07_28 }
    }

    fn said(sink: &EventSink) -> Option<String> {
        sink.outbox.take().map(|message| String::from_utf8(message.into()).unwrap())
    }

    #[test]
    fn progress_goes_under_the_token_as_it_came() {
        let sink = sink(Threshold::Off, Some(r#""t\u0031""#));
        sink.send(Event::Progress { progress: 50.0, total: Some(100.5), message: Some("half".to_owned()) });
        sink.send(Event::Progress { progress: f64::NAN, total: None, message: None });
        sink.send(Event::Log { level: LogLevel::Emergency, logger: None, data: Value::Null });
        let expected = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t\u0031","progress":50,"total":100.5,"message":"half"}}"#;
        assert_eq!(said(&sink).as_deref(), Some(expected));
        assert_eq!(said(&sink), None);
    }

    #[test]
    fn logs_below_the_level_are_not_heard() {
        let level = Arc::new(SessionLevel::default());
        let sink = sink(Threshold::Session(level.clone()), None);
        let log =
            |level| sink.send(Event::Log { level, logger: Some("x".to_owned()), data: Value::from("hi") });
        log(LogLevel::Debug);
        assert_eq!(said(&sink), None);
        level.set(LogLevel::Debug);
        log(LogLevel::Debug);
        assert!(said(&sink).unwrap().contains(r#""level":"debug","logger":"x","data":"hi""#));
    }
}
