//! Bodies: bounded, strict JSON.

use axum::extract::Request;
use drawbridge_contract::parse_strict;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::limits::{BODY_BYTES_MAX, BODY_TIMEOUT};
use crate::problem::Problem;

/// Reads what a request brings.
///
/// # Errors
/// Another type than JSON, more than [`BODY_BYTES_MAX`], an early end, or fields that nobody asked for.
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let (parts, body) = request.into_parts();
    let mut kinds = parts.headers.get_all(CONTENT_TYPE).iter();
    let essence = |kind: &http::HeaderValue| {
        let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/json")
    };
    if !kinds.next().is_some_and(essence) || kinds.next().is_some() {
        return Err(Problem::not_json());
    }
    let bytes = match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Problem::too_large(BODY_BYTES_MAX)),
        Ok(Err(_)) | Err(_) => return Err(Problem::invalid("the body ended early, or did not end")),
    };
    parse(&bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::invalid("the body is not UTF-8"))?;
    let value = parse_strict(text).map_err(|error| Problem::invalid(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| Problem::invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
    }

    async fn read(kind: &str, body: impl Into<Body>) -> Result<String, u16> {
        let request = Request::builder().header(CONTENT_TYPE, kind).body(body.into()).unwrap();
        json::<Named>(request).await.map(|read| read.name).map_err(|problem| problem.status.as_u16())
    }

    #[tokio::test]
    async fn only_json_with_known_fields_is_taken() {
        assert_eq!(read("application/json; charset=utf-8", r#"{"name": "a"}"#).await, Ok("a".to_owned()));
        assert_eq!(read("text/plain", r#"{"name": "a"}"#).await, Err(415));
        for bad in ["", "{", r#"{"name": "a", "Name": "b"}"#, r#"{"name": "a", "name": "b"}"#, "[]"] {
            assert_eq!(read("application/json", bad).await, Err(400), "{bad}");
        }
    }

    #[tokio::test]
    async fn the_bound_holds_at_its_edge() {
        let text = |size: usize| format!("{{\"name\": \"{}\"}}", "x".repeat(size - 12));
        assert!(read("application/json", text(BODY_BYTES_MAX)).await.is_ok());
        assert_eq!(read("application/json", text(BODY_BYTES_MAX + 1)).await, Err(413));
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let _ = parse::<Named>(&bytes);
        }
    }
}
