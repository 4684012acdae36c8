//! What went wrong, as RFC 9457 (problem details) has it: rendered here and nowhere else.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use drawbridge_contract::{Refusal, ToolError, Unauthenticated};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};

/// The media type of every problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What kind of problem it is: its word in `type`, and its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ForeignHost,
    ForeignOrigin,
    NoKey,
    UnknownKey,
    NotFound,
    WrongMethod,
    NotJson,
    InvalidRequest,
    InvalidArguments,
    BadState,
    TooLarge,
    Denied,
    NeedsApproval,
    InputRequired,
    Conflict,
    Raised,
    RateLimited,
    TimedOut,
    Cancelled,
    Unavailable,
    Internal,
}

impl Kind {
    /// All of them, for the documentation's test.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 21] = [
        Self::ForeignHost,
        Self::ForeignOrigin,
        Self::NoKey,
        Self::UnknownKey,
        Self::NotFound,
        Self::WrongMethod,
        Self::NotJson,
        Self::InvalidRequest,
        Self::InvalidArguments,
        Self::BadState,
        Self::TooLarge,
        Self::Denied,
        Self::NeedsApproval,
        Self::InputRequired,
        Self::Conflict,
        Self::Raised,
        Self::RateLimited,
        Self::TimedOut,
        Self::Cancelled,
        Self::Unavailable,
        Self::Internal,
    ];

    /// Its word, and its status (RFC 9110; 423 RFC 4918, 428 and 429 RFC 6585).
    pub(crate) fn facts(self) -> (&'static str, StatusCode) {
        match self {
            Self::ForeignHost => ("foreign-host", StatusCode::FORBIDDEN),
            Self::ForeignOrigin => ("foreign-origin", StatusCode::FORBIDDEN),
            Self::NoKey => ("no-key", StatusCode::UNAUTHORIZED),
            Self::UnknownKey => ("unknown-key", StatusCode::UNAUTHORIZED),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND),
            Self::WrongMethod => ("wrong-method", StatusCode::METHOD_NOT_ALLOWED),
            Self::NotJson => ("not-json", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::InvalidRequest => ("invalid-request", StatusCode::BAD_REQUEST),
            Self::InvalidArguments => ("invalid-arguments", StatusCode::BAD_REQUEST),
            Self::BadState => ("bad-state", StatusCode::BAD_REQUEST),
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Denied => ("denied", StatusCode::FORBIDDEN),
            Self::NeedsApproval => ("needs-approval", StatusCode::PRECONDITION_REQUIRED),
            Self::InputRequired => ("input-required", StatusCode::CONFLICT),
            Self::Conflict => ("conflict", StatusCode::CONFLICT),
            Self::Raised => ("raised", StatusCode::LOCKED),
            Self::RateLimited => ("rate-limited", StatusCode::TOO_MANY_REQUESTS),
            Self::TimedOut => ("timed-out", StatusCode::GATEWAY_TIMEOUT),
            Self::Cancelled => ("cancelled", StatusCode::SERVICE_UNAVAILABLE),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// One problem: its kind, what happened in words, and what a program needs to go on.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    /// Members of its own (RFC 9457, section 3.2).
    more: Map<String, Value>,
    retry_after: Option<Duration>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), more: Map::new(), retry_after: None }
    }

    /// Adds a member of its own.
    pub(crate) fn and(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.kind.facts().1
    }

    /// The body: `type`, `title`, `status`, `detail`, and its own members.
    pub(crate) fn body(self) -> Value {
        let (word, status) = self.kind.facts();
        let mut members = self.more;
        members.insert("type".to_owned(), format!("urn:drawbridge:problem:{word}").into());
        members.insert("title".to_owned(), word.replace('-', " ").into());
        members.insert("status".to_owned(), status.as_u16().into());
        members.insert("detail".to_owned(), self.detail.into());
        Value::Object(members)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status(), self.retry_after);
        let mut response = (status, self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(wait) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"drawbridge\""));
        }
        response
    }
}

/// Whole seconds, rounded up: a client that waits exactly so long is let in.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match &refusal {
            Refusal::NotFound { .. } | Refusal::Tool(ToolError::NotFound(_)) => Kind::NotFound,
            Refusal::InvalidArguments { .. } => Kind::InvalidArguments,
            Refusal::Tool(ToolError::Invalid(_)) => Kind::InvalidRequest,
            Refusal::Raised => Kind::Raised,
            Refusal::Denied(_) | Refusal::Tool(ToolError::Refused(_)) => Kind::Denied,
            Refusal::NeedsApproval(_) => Kind::NeedsApproval,
            Refusal::RateLimited { .. } | Refusal::TierSpent { .. } => Kind::RateLimited,
            Refusal::TimedOut { .. } => Kind::TimedOut,
            Refusal::Cancelled | Refusal::Stopped(_) | Refusal::Tool(ToolError::Cancelled) => Kind::Cancelled,
            Refusal::TooLarge { .. } => Kind::TooLarge,
            Refusal::BadState(_) => Kind::BadState,
            Refusal::AuditUnavailable(_) | Refusal::Tool(ToolError::Away(_)) => Kind::Unavailable,
            Refusal::Tool(ToolError::Failed(_)) | Refusal::TooDeep(_) | Refusal::Internal(_) => {
                Kind::Internal
            }
        };
        Self { retry_after: refusal.retry_after(), ..Self::new(kind, refusal.to_string()) }
    }
}

impl From<Unauthenticated> for Problem {
    fn from(why: Unauthenticated) -> Self {
        Self::new(Kind::UnknownKey, why.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_rfc_9457_asks_for() {
        let body = Problem::new(Kind::TooLarge, "too much").and("bytes_max", 4).body();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "urn:drawbridge:problem:too-large", "title": "too large", "status": 413, "detail": "too much", "bytes_max": 4
            })
        );
    }

    #[test]
    fn who_calls_too_often_is_told_when_to_come_back() {
        for (wait, header) in [(Duration::from_millis(1), "1"), (Duration::from_secs(2), "2")] {
            let refusal = Refusal::RateLimited { per_minute: 1, retry_after: wait };
            let response = Problem::from(refusal).into_response();
            assert_eq!(
                (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
                (429, &header.parse().unwrap())
            );
        }
    }

    #[test]
    fn what_is_away_is_asked_again_later() {
        let response = Problem::from(Refusal::from(ToolError::Away("no Redis".into()))).into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
            (503, &"5".parse().unwrap())
        );
    }

    #[test]
    fn every_kind_is_documented_with_its_status() {
        let page = include_str!("../../../docs/rest.md");
        for kind in Kind::ALL {
            let (word, status) = kind.facts();
            let row = format!("| {} | `{word}` |", status.as_u16());
            assert!(page.contains(&row), "docs/rest.md has no row {row}");
        }
    }
}
