//! Bodies: bounded, and strict JSON.

use axum::BoxError;
use axum::extract::Request;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;

use crate::guard::only;
use crate::limits::{BODY_BYTES_MAX, BODY_TIMEOUT};
use crate::problem::{Kind, Problem};

/// Whether the body claims to be JSON. A form of another page cannot claim that without asking first (CVE-2026-33252).
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Ok(Some(value)) = only(headers, &CONTENT_TYPE) else { return false };
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// A request whose body claims to be JSON, read to its end.
pub(crate) struct Received {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Reads the body of a request.
///
/// # Errors
/// Another type than JSON, more than [`BODY_BYTES_MAX`], or an early end.
pub(crate) async fn json_body(request: Request) -> Result<Received, Problem> {
    body_up_to(request, BODY_BYTES_MAX).await
}

/// Reads the body of a request that needs none: there is none, or one that claims to be JSON.
///
/// # Errors
/// As [`json_body`].
pub(crate) async fn no_body(request: Request) -> Result<HeaderMap, Problem> {
    let (parts, body) = request.into_parts();
    let claims_json = is_json(&parts.headers);
    let body = read(&parts.headers, body, BODY_BYTES_MAX).await?;
    if claims_json || (body.is_empty() && !parts.headers.contains_key(CONTENT_TYPE)) {
        return Ok(parts.headers);
    }
    Err(Problem::new(Kind::NotJson, "send no body, or one as `Content-Type: application/json`"))
}

/// As [`json_body`], with a bound of its own.
pub(crate) async fn body_up_to<B>(request: Request<B>, bytes_max: usize) -> Result<Received, Problem>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(Problem::new(Kind::NotJson, "send the arguments as `Content-Type: application/json`"));
    }
    let body = read(&parts.headers, body, bytes_max).await?;
    Ok(Received { uri: parts.uri, headers: parts.headers, body })
}

async fn read<B>(headers: &HeaderMap, body: B, bytes_max: usize) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    // A body that came with its head is there at the first look: then no timer is started.
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(bytes_max)),
        Ok(Err(_)) => Err(Problem::new(Kind::InvalidRequest, "the body ended early")),
        Err(_) => {
            let why = format!("the body did not come within {} seconds", BODY_TIMEOUT.as_secs());
            Err(Problem::new(Kind::InvalidRequest, why))
        }
    }
}

fn too_large(bytes_max: usize) -> Problem {
    let why = format!("the body is larger than {bytes_max} bytes: send less, or in parts");
    Problem::new(Kind::TooLarge, why).and("bytes_max", bytes_max)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (CONTENT_TYPE, value.parse().unwrap())).collect()
    }

    #[test]
    fn a3_only_json_is_taken() {
        for good in ["application/json", "Application/JSON; charset=utf-8"] {
            assert!(is_json(&headers(&[good])), "{good}");
        }
        for bad in [
            &["text/plain"][..],
            &["application/x-www-form-urlencoded"],
            &["text/plain;application/json"],
            &["application/json-seq"],
            &["application/json", "text/plain"],
            &[],
        ] {
            assert!(!is_json(&headers(bad)), "{bad:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn i2_a_body_that_never_ends_is_refused() {
        let endless = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(
            read(&HeaderMap::new(), endless, BODY_BYTES_MAX).await.unwrap_err().kind,
            Kind::InvalidRequest
        );
    }

    #[tokio::test]
    async fn the_bound_holds_at_its_edge_with_and_without_a_declared_length() {
        for (size, fits) in [(BODY_BYTES_MAX, true), (BODY_BYTES_MAX + 1, false)] {
            let body = || Body::from(vec![b' '; size]);
            assert_eq!(read(&HeaderMap::new(), body(), BODY_BYTES_MAX).await.is_ok(), fits);
            let declared = [(CONTENT_LENGTH, size.into())].into_iter().collect();
            assert_eq!(read(&declared, body(), BODY_BYTES_MAX).await.is_ok(), fits);
        }
    }
}
