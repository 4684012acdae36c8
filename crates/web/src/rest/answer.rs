//! `POST /api/tools/{name}/answer`: a call again, with what it asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use drawbridge_contract::{Answers, Arguments, Call, Caller, RawValue, Target, parse_strict};
use serde::Deserialize;
use serde_json::Value;

use super::body::json_body;
use super::call::{origin, serve};
use crate::problem::{Kind, Problem};
use crate::web::Shared;

/// A call that was answered 409, again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Again<'a> {
    /// The same as before: the state opens for no others.
    #[serde(borrow)]
    arguments: &'a RawValue,
    /// By the keys of `requests`.
    #[serde(default)]
    responses: BTreeMap<String, Value>,
    /// As it came.
    #[serde(default)]
    request_state: Option<String>,
}

/// Serves a call that comes back with answers.
pub(crate) async fn answer(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let served = async {
        let received = json_body(request).await?;
        let (arguments, answers) = read(&received.body)?;
        let origin = origin(&received.headers)?;
        let call = Call::new(caller, Target::Tool(name.into()), arguments, origin);
        Ok(serve(&web, Call { answers: Some(answers), ..call }, &received).await)
    };
    served.await.unwrap_or_else(Problem::into_response)
}

fn read(body: &Bytes) -> Result<(Arguments, Answers), Problem> {
    let invalid = |why: String| Problem::new(Kind::InvalidRequest, why);
    let text = std::str::from_utf8(body).map_err(|_| invalid("the body is not UTF-8".to_owned()))?;
    // Reading it as a type would take the last of two members of one name.
    parse_strict(text).map_err(|error| invalid(error.to_string()))?;
    let again: Again<'_> =
        serde_json::from_str(text).map_err(|error| invalid(format!("this is no answer: {error}")))?;
    let arguments = Arguments::decode(again.arguments).map_err(|error| invalid(error.to_string()))?;
    Ok((arguments, Answers { responses: again.responses, state: again.request_state }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_needs_the_arguments_and_nothing_unknown() {
        let read = |text: &str| read(&Bytes::copy_from_slice(text.as_bytes()));
        let (arguments, answers) = read(
            r#"{"arguments": {"a": 1}, "responses": {"who": {"action": "accept"}}, "request_state": "s"}"#,
        )
        .unwrap();
        assert_eq!((arguments.text(), answers.state.as_deref()), (r#"{"a": 1}"#, Some("s")));
        assert_eq!(answers.responses["who"]["action"], "accept");
        assert!(read(r#"{"arguments": {}}"#).is_ok());
        for bad in [
            "{}",
            r#"{"arguments": []}"#,
            r#"{"arguments": {}, "x": 1}"#,
            r#"{"arguments": {}, "arguments": {}}"#,
            r#"{"arguments": {}, "responses": {"a": 1, "a": 2}}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
