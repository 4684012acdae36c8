//! What went wrong, as RFC 9457 (problem details) has it, in the words of the other routes.

use axum::response::{IntoResponse, Response};
use drawbridge_store::StoreError;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// One problem: its word and status, and what happened.
#[derive(Debug)]
pub(crate) struct Problem {
    word: &'static str,
    pub(crate) status: StatusCode,
    detail: String,
    /// A member of its own (RFC 9457, section 3.2).
    more: Option<(&'static str, Value)>,
}

impl Problem {
    fn new(word: &'static str, status: StatusCode, detail: impl Into<String>) -> Self {
        Self { word, status, detail: detail.into(), more: None }
    }

    pub(crate) fn unknown(detail: impl Into<String>) -> Self {
        Self::new("unknown-key", StatusCode::UNAUTHORIZED, detail)
    }

    pub(crate) fn denied(detail: impl Into<String>) -> Self {
        Self::new("denied", StatusCode::FORBIDDEN, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new("not-found", StatusCode::NOT_FOUND, detail)
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new("invalid-request", StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_json() -> Self {
        Self::new(
            "not-json",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send it as `Content-Type: application/json`",
        )
    }

    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let why = format!("the body is larger than {bytes_max} bytes: send less");
        Self::new("too-large", StatusCode::PAYLOAD_TOO_LARGE, why)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new("conflict", StatusCode::CONFLICT, detail)
    }

    pub(crate) fn too_often(detail: impl Into<String>) -> Self {
        Self::new("rate-limited", StatusCode::TOO_MANY_REQUESTS, detail)
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new("internal", StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// Adds a member of its own.
    pub(crate) fn and(self, name: &'static str, value: Value) -> Self {
        Self { more: Some((name, value)), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("urn:drawbridge:problem:{}", self.word), "title": self.word.replace('-', " "),
            "status": self.status.as_u16(), "detail": self.detail,
        });
        if let Some((name, value)) = self.more {
            body[name] = value;
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let why = error.to_string();
        match error {
            StoreError::NoSuchKey { .. } | StoreError::NoSuchApproval { .. } => Self::not_found(why),
            StoreError::DuplicateKey { .. } | StoreError::NotPending { .. } => Self::conflict(why),
            StoreError::TooLarge { .. } | StoreError::TooMany { .. } | StoreError::GrantInThePast => {
                Self::invalid(why)
            }
            _ => {
                tracing::error!(%why, "the store failed");
                Self::unavailable(why)
            }
        }
    }
}
