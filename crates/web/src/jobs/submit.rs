//! `POST /api/jobs`: a call that is to run later.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{
    Arguments, Call, Caller, JobOptions, Live, Outcome, RawValue, Run, Target, parse_strict,
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::no_jobs;
use crate::problem::{Kind, Problem};
use crate::rest::{json, json_body, origin};
use crate::web::Shared;

/// A job to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted<'a> {
    tool: Box<str>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(default)]
    options: JobOptions,
}

/// Takes a job: it passes the door as a call of its tool would, now, and again when it runs.
pub(crate) async fn submit(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
) -> Response {
    let served = async {
        let received = json_body(request).await?;
        let (tool, arguments, options) = read(&received.body)?;
        let jobs = web.handler.jobs().ok_or_else(no_jobs)?;
        let call = Call::new(caller.clone(), Target::Tool(tool), arguments, origin(&received.headers)?);
        let call = Call { run: Run::Later(Box::new(options)), ..call };
        match web.handler.clone().call(call, Live::default()).await? {
            Outcome::Accepted(id) => {
                let job = jobs.get(&caller, &id).await?;
                Ok(json(StatusCode::ACCEPTED, json!({ "job": job }).to_string()))
            }
            _ => Err(Problem::new(Kind::Internal, "the call was not put into the background")),
        }
    };
    served.await.unwrap_or_else(Problem::into_response)
}

fn read(body: &[u8]) -> Result<(Box<str>, Arguments, JobOptions), Problem> {
    let invalid = |why: String| Problem::new(Kind::InvalidRequest, why);
    let text = std::str::from_utf8(body).map_err(|_| invalid("the body is not UTF-8".to_owned()))?;
    // Reading it as a type would take the last of two members of one name.
    parse_strict(text).map_err(|error| invalid(error.to_string()))?;
    let wanted: Wanted<'_> =
        serde_json::from_str(text).map_err(|error| invalid(format!("this is no job: {error}")))?;
    let arguments = match wanted.arguments {
        Some(arguments) => Arguments::decode(arguments).map_err(|error| invalid(error.to_string()))?,
        None => Arguments::none(),
    };
    Ok((wanted.tool, arguments, wanted.options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_needs_a_tool_and_nothing_unknown() {
        let (tool, arguments, options) =
            read(br#"{"tool": "t", "arguments": {"a": 1}, "options": {"retry_safe": true}}"#).unwrap();
        assert_eq!((&*tool, arguments.text(), options.retry_safe), ("t", r#"{"a": 1}"#, true));
        assert_eq!(read(br#"{"tool": "t"}"#).unwrap().1.text(), "{}");
        for bad in [
            "{}",
            r#"{"tool": "t", "arguments": []}"#,
            r#"{"tool": "t", "tool": "u"}"#,
            r#"{"tool": "t", "options": {"retry": true}}"#,
            r#"{"tool": "t", "x": 1}"#,
            "[]",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
