//! What came of a call, as JSON.

use axum::response::{IntoResponse, Response};
use drawbridge_contract::{Answer, InputRequest, InputRequired, Outcome, Refusal, ToolResult};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::problem::{Kind, Problem};

/// An answer: its status and its JSON text.
pub(super) type Written = (StatusCode, String);

/// A JSON response that nobody may keep.
pub(crate) fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The whole response to a call.
pub(super) fn whole(outcome: Result<Outcome<Answer>, Refusal>) -> Response {
    match write(outcome) {
        Ok((status, text)) => json(status, text),
        Err(problem) => problem.into_response(),
    }
}

/// The answer of a call, or why there is none.
pub(super) fn write(outcome: Result<Outcome<Answer>, Refusal>) -> Result<Written, Problem> {
    match outcome? {
        Outcome::Complete(Answer::Tool(result)) => Ok((StatusCode::OK, tool(&result))),
        Outcome::Complete(_) => Err(Refusal::Internal("rest".into()).into()),
        Outcome::InputRequired(needed) => Err(input_required(needed)),
        Outcome::Accepted(job) => Ok((StatusCode::ACCEPTED, json!({ "job": job }).to_string())),
    }
}

/// The result of a tool. What the tool wrote passes through as it is.
pub(crate) fn tool(result: &ToolResult) -> String {
    let mut text = String::with_capacity(result.size_bytes() + 64);
    text.push_str(r#"{"is_error":"#);
    text.push_str(if result.is_error { "true" } else { "false" });
    text.push_str(r#","content":"#);
    text.push_str(result.content.json());
    for (name, member) in [("structured", &result.structured), ("meta", &result.meta)] {
        if let Some(member) = member {
            text.extend([",\"", name, "\":", member.get()]);
        }
    }
    text.push('}');
    text
}

/// What is asked, by its keys.
pub(crate) fn requests(needed: &InputRequired) -> Value {
    needed.requests.iter().map(|(key, request)| (key.clone(), asked(request))).collect::<Map<_, _>>().into()
}

fn input_required(needed: InputRequired) -> Problem {
    let requests = requests(&needed);
    let why = "the call needs answers first: send it to …/answer with the same `arguments`, with `responses` under the keys \
               of `requests`, and with this `request_state`";
    let problem = Problem::new(Kind::InputRequired, why).and("requests", requests);
    match needed.state {
        Some(state) => problem.and("request_state", state),
        None => problem,
    }
}

fn asked(request: &InputRequest) -> Value {
    match request {
        InputRequest::ElicitForm { message, schema } => {
            json!({ "kind": "form", "message": message, "schema": schema })
        }
        InputRequest::ElicitUrl { message, url, id } => {
            json!({ "kind": "url", "message": message, "url": url, "id": id })
        }
        InputRequest::Sample(params) => json!({ "kind": "sampling", "params": params }),
        InputRequest::ListRoots => json!({ "kind": "roots" }),
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::raw;

    use super::*;

    #[test]
    fn a_result_is_written_without_reading_it() {
        let result = ToolResult {
            is_error: true,
            meta: Some(raw(&json!({"a": 1}))),
            ..ToolResult::text_and("hi", &json!({"n": 1.0}))
        };
        let written = tool(&result);
        let value: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(
            value,
            json!({"is_error": true, "content": [{"type": "text", "text": "hi"}], "structured": {"n": 1.0}, "meta": {"a": 1}})
        );
        assert!(!tool(&ToolResult::text("")).contains("structured"));
    }

    #[test]
    fn what_is_asked_comes_with_its_state() {
        let request =
            InputRequest::ElicitForm { message: "Who?".to_owned(), schema: raw(&json!({"type": "object"})) };
        let needed =
            InputRequired { requests: [("who".to_owned(), request)].into(), state: Some("s".to_owned()) };
        let body = input_required(needed).body();
        assert_eq!((body["status"].as_u64(), body["request_state"].as_str()), (Some(409), Some("s")));
        assert_eq!(
            body["requests"]["who"],
            json!({"kind": "form", "message": "Who?", "schema": {"type": "object"}})
        );
    }
}
