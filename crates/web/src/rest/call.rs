//! `POST /api/tools/{name}`: one call, its arguments the body.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use drawbridge_contract::{Arguments, Call, Caller, Origin, RawValue, Target};
use http::HeaderMap;

use super::body::{Received, json_body};
use super::{events, headers, result};
use crate::problem::{Kind, Problem};
use crate::web::Shared;

/// The entrance's name in the audit.
const ENTRANCE: &str = "rest";

/// Serves the call of a tool.
pub(crate) async fn call(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let served = async {
        let received = json_body(request).await?;
        let arguments = arguments(&received.body)?;
        let origin = origin(&received.headers)?;
        let call = Call::new(caller, Target::Tool(name.into()), arguments, origin);
        Ok(serve(&web, call, &received).await)
    };
    served.await.unwrap_or_else(Problem::into_response)
}

/// Makes the call and answers in the form that was asked for.
pub(super) async fn serve(web: &Shared, call: Call, received: &Received) -> Response {
    if headers::wants_events(&received.uri, &received.headers) {
        return events::serve(web, call).await;
    }
    // The call lives in this future: a client that goes away drops it, and so stops the work.
    result::whole(web.handler.clone().call(call, drawbridge_contract::Live::default()).await)
}

/// How the call came in.
pub(crate) fn origin(headers: &HeaderMap) -> Result<Origin, Problem> {
    let (host, trace) = (headers::host(headers)?, headers::trace(headers));
    Ok(Origin { entrance: ENTRANCE, host, trace, ..Origin::default() })
}

/// Reads a body as arguments.
pub(super) fn arguments(body: &Bytes) -> Result<Arguments, Problem> {
    let invalid = |why: String| Problem::new(Kind::InvalidRequest, why);
    let text: &RawValue = serde_json::from_slice(body)
        .map_err(|error| invalid(format!("the body is not valid JSON: {error}")))?;
    Arguments::decode(text).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b4_bodies_that_are_not_one_plain_object_are_refused() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let deep = format!(r#"{{"a":{deep}}}"#);
        for bad in [
            "",
            "[]",
            "\"x\"",
            "{",
            "{}{}",
            "\u{feff}{}",
            r#"{"a":NaN}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":"\ud800"}"#,
            &deep,
        ] {
            let body = Bytes::copy_from_slice(bad.as_bytes());
            assert_eq!(arguments(&body).unwrap_err().kind, Kind::InvalidRequest, "{bad:.40}");
        }
        assert!(arguments(&Bytes::from_static(b"{\"a\":\"\xff\"}")).is_err());
        assert_eq!(arguments(&Bytes::from_static(b" {\"a\": 1}\n")).unwrap().text(), "{\"a\": 1}");
    }
}
